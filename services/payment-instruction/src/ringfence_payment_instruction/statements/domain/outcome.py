"""What a telling, or a decision of people, brings about in all: events, what they publish, and rows for custody."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ringfence_kernel.values.columns import pack, split_ids
from ringfence_kernel.writing.journal import Journal

from ringfence_payment_instruction.deposits.domain.matching import MatchedEntry
from ringfence_payment_instruction.statements.domain.columns import MOST_ROWS
from ringfence_payment_instruction.statements.domain.deciding import allocate, touched
from ringfence_payment_instruction.statements.domain.events import (
    BankDaysForgotten,
    ClientsNamed,
    DebitsExplained,
    EntryDecided,
    EntryHeld,
    MovementAllocated,
    MovementNeverBooked,
    MovementsCleared,
    MovementsConfirmed,
    MovementsTold,
    MovementsToldAgain,
    StatementExcepted,
    StatementTaken,
)
from ringfence_payment_instruction.statements.domain.movements import Movements
from ringfence_payment_instruction.statements.domain.published import published
from ringfence_payment_instruction.statements.domain.rows import rows_for
from ringfence_payment_instruction.statements.domain.sources import Rows, Sources
from ringfence_payment_instruction.statements.domain.state import take_in
from ringfence_payment_instruction.submissions.domain.past import InstructionRef

_OF_ENTRIES = (MovementsTold, MovementsToldAgain, EntryHeld)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Events of the mirror's stream in order, and rows; `held` and `new` count entries.

    `returned` are payments of ours whose money comes back by the rows, each with the bank's code, empty for none;
    `undone` are rows of takings whose money comes back: what nobody gave for them is to be among the sources.
    """

    events: Sequence[Any]
    rows: Sequence[MatchedEntry]
    new: int = 0
    held: int = 0
    excepted: bool = False
    returned: Mapping[InstructionRef, str] = field(default_factory=dict)
    undone: Collection[bytes] = ()


def outcome_of(
    known: Movements,
    events: Sequence[Any],
    telling: bytes,
    ledger: int,
    sources: Sources,
    forget_before: Callable[[int], int],
) -> Outcome:
    """Returns what follows from the first events, which nobody has recorded yet.

    `forget_before` says up to which day may be forgotten once a statement of a day is taken.
    """
    if not events:
        return Outcome((), ())
    mirror, tenant = sources.mirror.account_id, sources.mirror.tenant
    after = known.excerpt(_named_in(events))
    _apply(after, events)
    allocations = allocate(after, mirror, [*touched(events), *known.in_order(known.loose)])
    _apply(after, allocations)
    told = [*events, *allocations]
    rows = rows_for(known, after, told, sources)
    more = _named(mirror, events, sources, known) + _explained(mirror, rows)
    _apply(after, more)
    public = published(
        known,
        after,
        told,
        tenant=tenant,
        mirror=mirror,
        telling=telling,
        explained=[key for key, _, _ in rows.explained],
        moved_by=rows.moved_by,
        moved_too=rows.moved_too,
    )
    taken = [each for each in told if isinstance(each, StatementTaken)]
    forgotten = [BankDaysForgotten(mirror, forget_before(each.last_day)) for each in taken]
    found = [replace(each, tenant=tenant) for each in (*told, *more) if not isinstance(each, StatementTaken)]
    # A statement is taken once all is said of it: whoever follows may have a page of it alone.
    last: list[Any] = [*(replace(each, tenant=tenant, ledger=ledger) for each in taken), *forgotten]
    return Outcome(
        (*found, *public, *(replace(each, tenant=tenant) for each in last)),
        rows.rows,
        sum(len(each.movement_ids) // 16 for each in events if isinstance(each, MovementsTold)),
        sum(len(each.entry_ids) // 16 for each in events if isinstance(each, EntryHeld)),
        any(isinstance(each, StatementExcepted) for each in events),
        rows.returned,
        tuple(rows.undone),
    )


def _apply(known: Movements, events: Iterable[Any]) -> None:
    journal = Journal()
    for event in events:
        take_in(event, known, journal)
        journal.clear()


def _named_in(events: Iterable[Any]) -> Iterator[bytes]:
    """Yields the movements and held entries that events change."""
    for event in events:
        if isinstance(event, MovementsConfirmed | MovementNeverBooked | MovementAllocated | MovementsCleared):
            yield from split_ids(event.movement_ids)
        elif isinstance(event, MovementsToldAgain):
            yield from split_ids(event.members)
        elif isinstance(event, EntryDecided | EntryHeld):
            yield from split_ids(event.entry_ids)


def _named(mirror: bytes, events: Iterable[Any], sources: Sources, known: Movements) -> list[Any]:
    """Returns whose accounts those are that were not named before."""
    accounts = {each for event in events if isinstance(event, _OF_ENTRIES) for each in split_ids(event.part_clients)}
    new = [(each, sources.owners[each]) for each in sorted(accounts - known.owners.keys()) if each in sources.owners]
    return [
        ClientsNamed(mirror, b"".join([each for each, _ in rows]), b"".join([owner for _, owner in rows]))
        for rows in _portions(new)
    ]


def _explained(mirror: bytes, rows: Rows) -> list[Any]:
    events: list[Any] = [
        DebitsExplained(
            mirror,
            b"".join([key for key, _, _ in portion]),
            pack("Q", [amount for _, amount, _ in portion]),
            b"".join([transfer for _, _, transfer in portion]),
        )
        for portion in _portions(rows.explained)
    ]
    return events + [MovementsCleared(mirror, b"".join(portion)) for portion in _portions(rows.cleared)]


def _portions(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (rows[first : first + MOST_ROWS] for first in range(0, len(rows), MOST_ROWS))
