"""Finds parties by what identity alone knows of them, and answers ids."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from ringfence_kernel.writing.writer import GroupWriter

from ringfence_identity.aliases.queries import AliasQueries, Holder
from ringfence_identity.data_keys.commands import SubjectKeys
from ringfence_identity.disclosure.application.marking import Marking, name_marks, number_marks
from ringfence_identity.disclosure.application.ports import Marks, Named, Names
from ringfence_identity.disclosure.domain.errors import NamesBehind, NothingSought
from ringfence_identity.disclosure.domain.found import Found, FoundBy, Marked
from ringfence_identity.disclosure.domain.words import compact, is_called, tokens

CATCH_UP_SECONDS = 3.0
By = Callable[[Named], FoundBy | None]
"""Tells by what of a party it is one that is sought, None where it is not."""
IndexOf = Callable[[bytes, str], bytes]
"""Gives what an IBAN is found by, under the key of the blind indexes; raises IbanInvalid."""


@dataclass(frozen=True, slots=True)
class Page:
    """Who was found, in order of subjects; the subject to go on after, empty at the end; and what was looked at."""

    found: list[Found]
    next_subject: bytes
    marked_position: int
    head_position: int


@dataclass(frozen=True, slots=True)
class Finding:
    """Finds by name, identity number and IBAN."""

    writer: GroupWriter
    aliases: AliasQueries
    keys: SubjectKeys
    names: Names
    marks: Marks
    marking: Marking
    index_of: IndexOf

    async def by_name(self, sought: str, tenants: Collection[bytes], after: bytes, most: int) -> Page:
        """Finds parties by words of their names or of their owners'; raises NothingSought, NamesBehind."""
        wanted = tokens(sought)
        if not wanted:
            raise NothingSought(field="name")

        def by(named: Named) -> FoundBy | None:
            if is_called(sought, named.name):
                return FoundBy.NAME
            return FoundBy.OWNERS_NAME if any(is_called(sought, name) for name, _ in named.owners) else None

        return await self._marked(lambda key: name_marks(key, wanted), by, tenants, after, most)

    async def by_number(self, sought: str, tenants: Collection[bytes], after: bytes, most: int) -> Page:
        """Finds parties by their identity number or an owner's; raises NothingSought, NamesBehind."""
        wanted = compact(sought)
        if not wanted:
            raise NothingSought(field="identity_number")

        def by(named: Named) -> FoundBy | None:
            if compact(named.identity_number) == wanted:
                return FoundBy.IDENTITY_NUMBER
            owned = any(compact(number) == wanted for _, number in named.owners)
            return FoundBy.OWNERS_IDENTITY_NUMBER if owned else None

        return await self._marked(lambda key: number_marks(key, [wanted]), by, tenants, after, most)

    async def by_iban(self, iban: str, tenants: Collection[bytes]) -> Page:
        """Finds whose an IBAN is, who claims it, and whose it was who is erased; raises IbanInvalid."""
        blind_key = await self.keys.blind_index_key()
        index = self.index_of(blind_key, iban)
        head = self.writer.head.position

        def find(unit: object) -> list[Holder]:
            return [each for each in self.aliases.holders(index) if not tenants or each.tenant in tenants]

        holders = await self.writer.commit(find)
        own = await asyncio.to_thread(self.marks.parties_of, {each.owner for each in holders})
        return Page([_found(each, own.get(each.owner, each.owner)) for each in holders], b"", head, head)

    async def _marked(
        self, marks: Callable[[bytes], Collection[bytes]], by: By, tenants: Collection[bytes], after: bytes, most: int
    ) -> Page:
        head = self.writer.head.position
        reached = await self._caught_up(head)
        wanted = marks(await self.keys.blind_index_key())
        candidates = await asyncio.to_thread(self.marks.find, wanted, tenants, after, most + 1)
        page = candidates[:most]
        # Marks are of all names of a party together; and whoever is erased meanwhile opens no more.
        named = await self.names.read([(each.tenant, each.party) for each in page])
        more = page[-1].subject if len(candidates) > most else b""
        return Page(_confirmed(page, named, by), more, reached, head)

    async def _caught_up(self, head: int) -> int:
        try:
            async with asyncio.timeout(CATCH_UP_SECONDS):
                return await self.marking.look()
        except TimeoutError:
            raise NamesBehind(head_position=str(head)) from None


def _confirmed(page: Sequence[Marked], named: Sequence[Named | None], by: By) -> list[Found]:
    pairs = zip(page, named, strict=True)
    found = [(each, by(who)) for each, who in pairs if who is not None]
    return [Found(each.tenant, each.party, each.subject, how) for each, how in found if how is not None]


def _found(holder: Holder, party: bytes) -> Found:
    return Found(holder.tenant, party, holder.owner, FoundBy(holder.by), holder.account, holder.erased)
