"""What stops payments, for whoever decides about it: the name that was typed beside those of the list's entry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ringfence_kernel.service.heavy import InThreads

from ringfence_payment_instruction.screening.application.looking import Looking
from ringfence_payment_instruction.screening.application.ports import ListedNames
from ringfence_payment_instruction.screening.application.queries import ListsInForce
from ringfence_payment_instruction.screening.application.stopping import Stopping, clients_of
from ringfence_payment_instruction.screening.domain.listed import Hit, ListedEntry
from ringfence_payment_instruction.screening.domain.lists import Screening, marks_of
from ringfence_payment_instruction.screening.domain.names import fingerprint
from ringfence_payment_instruction.submissions.application.personal import PersonalData
from ringfence_payment_instruction.submissions.application.submissions import Submissions

MOST_HITS, MOST_NAMES = 50, 50
Names = Mapping[tuple[str, bytes], Mapping[str, Sequence[str]]]
"""By list and edition, then by reference."""


@dataclass(frozen=True, slots=True)
class ListedAs:
    """A name of a list's entry; it `is_alike` where it is what was typed, by all that is compared."""

    text: str
    is_alike: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownHit:
    """An entry that names somebody in a payment, or behind the bank's entry that it clears, by the lists of now.

    `field` is the element of ISO 20022, "registered Dbtr" or "registered Cdtr" for what identity has; `typed` is empty
    for those, which are known by keyed marks alone. Of the bank's entry each has "suspended" before it. `names` are
    none where they were not kept.
    """

    field: str
    typed: str
    list_name: str
    reference: str
    published_ns: int
    confirmed_ns: int
    is_waiting: bool
    is_released: bool
    is_stopping: bool
    names: Sequence[ListedAs]


@dataclass(frozen=True, slots=True)
class ShownHits:
    """What names somebody in a payment: at most 50, `more` than which there are.

    `stopped_by` is the entry on record as what stops it, which alone is let go by a release; None where none does. It
    may be another than those of now.
    """

    hits: Sequence[ShownHit] = ()
    stopped_by: ListedEntry | None = None
    more: int = 0


@dataclass(frozen=True, slots=True)
class Hits:
    """Shows hits."""

    submissions: Submissions
    personal: PersonalData
    lists: ListsInForce
    looking: Looking
    stopping: Stopping
    names: ListedNames
    in_threads: InThreads

    async def of(self, tenant: bytes, instruction_id: bytes) -> ShownHits:
        """Returns what names somebody in a payment; nothing of one that has ended, or is not there.

        First what stops it on record, then what else does, then what would but for two people. Raises
        ClientNotIndexed, KeysUnavailable, IdentityUnavailable, StoreUnavailable, HeavyCallsExceeded.
        """
        found = self.submissions.state.find(tenant, instruction_id)
        if found is None or found[0].is_done(found[1]):
            return ShownHits()
        submission, index = found
        stopped_by = ListedEntry(*submission.hits[index]) if index in submission.hits else None
        screening = self.lists.current()
        look = await self.looking.look(screening, set(clients_of(submission, index).values()))
        clear = await self.personal.open(submission, [index])
        behind = await self.stopping.behind(submission, [index])
        found_hits = dict(self.stopping.hits(submission, index, clear[index], look, behind))
        hits = sorted(found_hits.items(), key=lambda each: (each[0].entry != stopped_by, each[1]))
        editions = {(list_name, each.digest) for list_name, each in screening.editions()}
        hit = {each.entry.name.partition("/")[0] for each, _ in hits[:MOST_HITS]}
        # Decoding a list's names takes as long as a hundred small answers.
        names = await self.in_threads(self._names, [each for each in editions if each[0] in hit])
        shown = [one for each in hits for one in _shown(*each, stopped_by, screening, names)]
        return ShownHits(shown[:MOST_HITS], stopped_by, len(shown[MOST_HITS:]))

    def _names(self, editions: Sequence[tuple[str, bytes]]) -> Names:
        return {each: self.names.load(*each) for each in editions}


def _shown(
    hit: Hit, is_released: bool, stopped_by: ListedEntry | None, screening: Screening, names: Names
) -> Iterator[ShownHit]:
    """Yields a hit for each edition that has its entry so; once of what is on none, as that an entry is unreadable."""
    list_name, _, reference = hit.entry.name.partition("/")
    marks = {each.fingerprint for each in marks_of(hit.typed)} if hit.typed else set()
    having = [
        (edition, is_waiting)
        for lists, is_waiting in ((screening.lists, False), (screening.waiting, True))
        if (edition := lists.get(list_name)) is not None and edition.entry(list_name, reference) == hit.entry
    ]
    for edition, is_waiting in having or ((None, False),):
        listed = names.get((list_name, edition.digest), {}).get(reference, ()) if edition else ()
        told = [ListedAs(text, fingerprint(text) in marks) for text in listed]
        yield ShownHit(
            field=hit.field,
            typed=hit.typed,
            list_name=list_name,
            reference=reference,
            published_ns=edition.published_ns if edition else 0,
            confirmed_ns=edition.confirmed_ns if edition else 0,
            is_waiting=is_waiting,
            is_released=is_released,
            is_stopping=hit.entry == stopped_by,
            names=sorted(told, key=lambda each: not each.is_alike)[:MOST_NAMES],
        )
