"""Which facts are causes of which, beyond what their times say: what was asked, what was done, what was then reported.

A payment's transfer stands after what had to be there before custody was asked for it, and before the step that reports
it; so does a bank entry's. A source's own facts stand in the order of its feed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from uuid import UUID

from ringfence_desk import words
from ringfence_desk.fact import Fact
from ringfence_desk.kinds import (
    DIRECTIVE,
    ENTRY,
    INSTRUCTION,
    OUTCOME,
    STEP,
    SUBJECT,
    TRANSFER,
    in_source,
    phase_of,
)

_CHECKED = frozenset({"RECEIVED", "VALIDATED", "AUTHENTICATED", "SCREENED", "HELD"})
_ALLOWED = frozenset({"SCHEDULE", "APPROVE", "COUNTERSIGN", "RESUME"})
_BEFORE: Mapping[str, frozenset[str]] = {
    "RESERVED": _CHECKED | _ALLOWED,
    "MOVED": _CHECKED | _ALLOWED,
    "POSTED": _CHECKED | _ALLOWED | {"RESERVED", "SEND", "SENT", "SETTLE"},
    "RELEASED": _CHECKED | {"RESERVED", "CANCEL", "REJECT", "EXPIRE", "FAIL"},
}
"""What has been said of a payment before custody is asked for a transfer, by what that does."""
_REPORTS: Mapping[str, frozenset[str]] = {
    "RESERVED": frozenset({"RESERVED"}),
    "MOVED": frozenset({"SETTLED"}),
    "POSTED": frozenset({"SETTLED", "RECONCILED"}),
    "RELEASED": frozenset({"CANCELLED", "REJECTED", "EXPIRED", "FAILED"}),
}
"""States that a payment reaches by a transfer, by what that does."""


def causes(facts: Sequence[Fact]) -> Iterator[tuple[int, int]]:
    """Yields pairs of places in `facts`: the first is a cause of the second, or before it in its source's order."""
    by_source = defaultdict[str, list[int]](list)
    for place, fact in enumerate(facts):
        by_source[fact.kind.partition(".")[0]].append(place)
    for places in by_source.values():
        places.sort(key=lambda place: in_source(facts[place]))
        yield from pairwise(places)
    yield from _of_payments(facts)
    yield from _of_entries(facts)
    yield from _across(facts)


def _of_payments(facts: Sequence[Fact]) -> Iterator[tuple[int, int]]:
    """Yields what is before a payment's transfers, and what reports them."""
    told = _by_id(facts, {INSTRUCTION, STEP, DIRECTIVE}, "instruction_id")
    for subject, transfers in _by_id(facts, {TRANSFER}, SUBJECT).items():
        said, reported = told.get(subject, []), set[int]()
        for transfer in transfers:
            phase = phase_of(facts[transfer])
            open_reports = (each for each in said if each not in reported and _word(facts[each]) in _REPORTS[phase])
            report = next(open_reports, None)
            if report is not None:
                reported.add(report)
                yield transfer, report
            end = None if report is None else facts[report].integer("position")
            for each in said:
                before = end is None or (facts[each].integer("position") or 0) < end
                if before and (facts[each].kind == INSTRUCTION or _word(facts[each]) in _BEFORE[phase]):
                    yield each, transfer


def _of_entries(facts: Sequence[Fact]) -> Iterator[tuple[int, int]]:
    """Yields what a bank's entry leads to: its transfers, then what became of it."""
    entries = _by_id(facts, {ENTRY}, "entry_id")
    outcomes = _by_id(facts, {OUTCOME}, "entry_id")
    transfers = _by_id(facts, {TRANSFER}, SUBJECT)
    for entry, places in entries.items():
        for transfer in transfers.get(entry, []):
            yield places[0], transfer
            yield from ((transfer, outcome) for outcome in outcomes.get(entry, [])[:1])


def _across(facts: Sequence[Fact]) -> Iterator[tuple[int, int]]:
    """Yields what one source's fact had to be there for another's."""
    for cause, name, effect, by in _AFTER:
        first = _by_id(facts, {cause}, name)
        for identifier, places in _by_id(facts, {effect}, by).items():
            yield from ((first[identifier][0], place) for place in places if identifier in first)


def _by_id(facts: Sequence[Fact], kinds: set[str], name: str) -> dict[UUID, list[int]]:
    """Returns the places of facts of some kinds by an id of theirs, each in the order of its source."""
    found = defaultdict[UUID, list[int]](list)
    for place, fact in enumerate(facts):
        if fact.kind in kinds and (identifier := fact.id(name)):
            found[identifier].append(place)
    for places in found.values():
        places.sort(key=lambda place: in_source(facts[place]))
    return found


def _word(fact: Fact) -> str:
    """Returns the state that a step reaches, or what a directive directs."""
    name = "status" if fact.kind == STEP else "directive"
    known = words.code(fact.kind, name, fact.fields.get(name, ""))  # type: ignore[arg-type] # bytes are no code
    return known.name if known else ""


_AFTER = (
    ("identity.party_registered.v1", "party_id", "custody.account.v1", "owner_id"),
    (
        *("identity.submission_authorised.v1", "submission_id"),
        *("payment-instruction.submission_received.v1", "submission_id"),
    ),
)
"""What had to be said before: kind of the cause and its id, kind of the effect and the same id there."""
