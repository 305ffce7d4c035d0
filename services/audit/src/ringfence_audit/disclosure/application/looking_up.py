"""Looks up ids by what the log has sealed or beside it; what is answered about an id is proven elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from os import urandom

from ringfence_kernel.service.heavy import InThreads

from ringfence_audit.disclosure.application.ports import By, FoundParty, Identity, TextIndex, Whereabouts
from ringfence_audit.disclosure.application.recording import TOGETHER as LOOKED_UP_TOGETHER
from ringfence_audit.disclosure.application.recording import Reasoned, Recorded, RecordReasoned
from ringfence_audit.disclosure.domain.about import nearest, tenant_of
from ringfence_audit.disclosure.domain.errors import SubjectErased
from ringfence_audit.log.application.queries import Queries
from ringfence_audit.log.application.seeing import current_sight
from ringfence_audit.log.application.texts import Texts
from ringfence_audit.log.domain.leaf import decode, text_commitment
from ringfence_audit.log.domain.sight import WHOLE, Sight
from ringfence_audit.log.domain.texts import SALT_BYTES, Opening

TOGETHER, MOST_EXAMINED = 256, 4_096
"""Facts that are read together, and that one page for who reads everything looks through."""
PAGE_LEAVES, MOST_SPANS, SPANS_TOGETHER = 1 << 20, 1_024, 64
"""For who reads some platforms: a page ends with such a part of the log, or with so many spans with facts of these."""


@dataclass(frozen=True, slots=True)
class Sought:
    """What to look up, and why; `platform` None for any. `after` is the place of the page before, empty at first."""

    reader: bytes
    by: By
    sought: str
    reason: str
    platform: bytes | None
    page_size: int
    after_subject: bytes
    before_leaf: int


@dataclass(frozen=True, slots=True)
class FoundFact:
    """A fact that commits to a text: its index, bytes, what it is about, and the field that has the text."""

    index: int
    leaf: bytes
    openings: Sequence[Opening]
    field: str
    subject_field: str
    subject: bytes
    tenant: bytes


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What was found, where it goes on, and how far was looked.

    `salt` opens the read's leaf for whoever asked, with what was sought in the first way of look-ups together.
    """

    read: Recorded
    salt: bytes
    parties: Sequence[FoundParty] = ()
    facts: Sequence[FoundFact] = ()
    next_subject: bytes = b""
    before_leaf: int = 0
    searched_leaves: int = 0
    identity_position: int = 0
    complete: bool = True


@dataclass(frozen=True, slots=True)
class LookingUp:
    """Looks up for granted readers."""

    record: RecordReasoned
    identity: Identity
    index: TextIndex
    log: Queries
    texts: Texts
    whereabouts: Whereabouts
    heavily: InThreads

    async def __call__(self, sought: Sought) -> LookedUp:
        """Records the look-up, then asks.

        Raises SoughtInvalid, SearchBehind, and SubjectErased where an IBAN was of somebody erased.
        """
        together = LOOKED_UP_TOGETHER.get()
        salt = together.salt if together else urandom(SALT_BYTES)
        commitment = text_commitment(salt, sought.sought.encode())
        query = {"by": sought.by.value, "sought_commitment": commitment, "tenant_id": sought.platform}
        read = await self.record(Reasoned(sought.reader, "LookUp", query, sought.reason))
        platforms = self.platforms(sought)
        if sought.by is By.TEXT:
            return await self._by_text(sought, read, salt, platforms)
        if platforms is not None and not platforms:
            return LookedUp(read, salt)
        asked = sought.sought, platforms or (), sought.after_subject, sought.page_size
        found = await self.identity.find(sought.by, *asked)
        if found.parties and all(each.erased for each in found.parties):
            raise SubjectErased
        return LookedUp(
            read,
            salt,
            [each for each in found.parties if not each.erased],
            next_subject=found.next_subject,
            # How far identity has come, of all platforms, is not for who is shown some of these.
            identity_position=found.position if current_sight().is_whole else 0,
            complete=found.position >= found.head_position,
        )

    def platforms(self, sought: Sought) -> frozenset[bytes] | None:
        """Gives the platforms to look in: what is asked for, as far as the reader may read of it; None for all."""
        reached = current_sight().platforms
        if sought.platform is None:
            return reached
        return frozenset({sought.platform}) if reached is None or sought.platform in reached else frozenset()

    async def _by_text(
        self, sought: Sought, read: Recorded, salt: bytes, platforms: frozenset[bytes] | None
    ) -> LookedUp:
        """Finds the newest facts that have a text."""
        size = read.stood.signed_head().size
        if platforms is None:
            found, before = await self.heavily(self._of_all, sought, size)
        else:
            await self.whereabouts.reached(size)
            found, before = await self.heavily(self._of_some, sought, size, platforms)
        return LookedUp(read, salt, facts=found, before_leaf=before, searched_leaves=size)

    def _of_all(self, sought: Sought, size: int) -> tuple[list[FoundFact], int]:
        """Gives facts, and the leaf to go on before, 0 at the end; blocks."""
        found: list[FoundFact] = []
        before, examined, more = min(sought.before_leaf or size, size), 0, True
        while more and examined < MOST_EXAMINED:
            rows = self.index.find(_written(sought), before, TOGETHER)
            more = len(rows) == TOGETHER
            for each in self._read(rows, WHOLE):
                found.append(each)
                if len(found) == sought.page_size:
                    return found, each.index
            before = rows[-1][0] if rows else 0
            examined += len(rows)
        return found, before if more else 0

    def _of_some(self, sought: Sought, size: int, platforms: frozenset[bytes]) -> tuple[list[FoundFact], int]:
        """Gives the same of some platforms; blocks.

        Looks where facts of these are, whatever others have written: what it costs and where it ends hangs on where
        these are and on the log's size. A page that ended at a fact that is not shown would tell that there is one.
        """
        found: list[FoundFact] = []
        before = min(sought.before_leaf or size, size)
        first = max(before - 1, 0) // PAGE_LEAVES * PAGE_LEAVES
        spans = reversed(list(self.whereabouts.spans(platforms, range(first, before))))
        newest = islice(spans, MOST_SPANS)
        while some := list(islice(newest, SPANS_TOGETHER)):
            rows = self.index.find_within(_written(sought), some)
            for at in range(0, len(rows), TOGETHER):
                for each in self._read(rows[at : at + TOGETHER], Sight(platforms)):
                    found.append(each)
                    if len(found) == sought.page_size:
                        return found, each.index
        left = next(spans, None)
        return found, left.stop if left else first

    def _read(self, rows: Sequence[tuple[int, str]], sight: Sight) -> list[FoundFact]:
        fields = dict(rows)
        shown = [(index, leaf) for index, leaf in self.log.leaves_at(sorted(fields)) if sight.shows(leaf)]
        openings = self.texts.of_leaves([index for index, _ in shown])
        found: list[FoundFact] = []
        for index, leaf in shown:
            said = decode(leaf)[1]
            (name, subject), tenant = nearest(said), tenant_of(said)
            found.append(FoundFact(index, leaf, openings.get(index, ()), fields[index], name, subject, tenant))
        return found[::-1]


def _written(sought: Sought) -> list[str]:
    """Gives a text as it is written, and in one case."""
    return list(dict.fromkeys([sought.sought, sought.sought.upper(), sought.sought.lower()]))
