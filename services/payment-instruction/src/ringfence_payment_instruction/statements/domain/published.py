"""What is published of movements for those who compare the books with the bank."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from types import MappingProxyType
from typing import Any

from ringfence_kernel.values.columns import pack, split_ids
from ringfence_kernel.values.ids import ZERO_ID

from ringfence_payment_instruction.statements.domain.columns import MOST_ROWS, marks_of
from ringfence_payment_instruction.statements.domain.events import (
    BankMovements,
    EntryDecided,
    MovementNeverBooked,
    MovementsConfirmed,
    MovementsTold,
)
from ringfence_payment_instruction.statements.domain.movements import Certainty, Movement, Movements, Outcome
from ringfence_payment_instruction.statements.domain.told import Part, ReferenceKind


class MovementState(IntEnum):
    """How a movement stands."""

    TOLD = 1
    BOOKED = 2
    MISSING = 3
    SAME = 4


_STATES = {
    Certainty.TOLD: MovementState.TOLD,
    Certainty.BOOKED: MovementState.BOOKED,
    Certainty.MISSING: MovementState.MISSING,
}


def published(
    before: Movements,
    after: Movements,
    events: Iterable[Any],
    *,
    tenant: bytes,
    mirror: bytes,
    telling: bytes,
    explained: Iterable[bytes] = (),
    moved_by: Mapping[bytes, bytes],
    moved_too: Mapping[bytes, Sequence[bytes]] = MappingProxyType({}),
) -> list[BankMovements]:
    """Returns what events mean for movements, each with the row that moves the mirror for it.

    A movement that several rows move, forth or back, is published with each of these, with the first at last.
    """
    same: dict[bytes, bytes] = {}
    changed: dict[bytes, None] = {}
    for event in events:
        if isinstance(event, MovementsTold | MovementsConfirmed | MovementNeverBooked):
            changed |= dict.fromkeys(split_ids(event.movement_ids))
        elif isinstance(event, EntryDecided):
            rows = zip(split_ids(event.entry_ids), event.outcomes, split_ids(event.movement_ids), strict=True)
            same |= {key: other for key, outcome, other in rows if outcome == Outcome.SAME and key in before.known}
    changed |= dict.fromkeys([*explained, *same, *moved_too])
    ids = list(changed)
    movements = {key: after.known.get(key) or before.known[key] for key in ids}
    moves = [(key, movements[key], row) for key in ids for row in moved_too.get(key, ())]
    moves += [(key, each, moved_by.get(key, each.entry_id)) for key, each in movements.items()]
    return [
        _columns(moves[first : first + MOST_ROWS], same, tenant, mirror, telling)
        for first in range(0, len(moves), MOST_ROWS)
    ]


def _columns(
    rows: Sequence[tuple[bytes, Movement, bytes]],
    same: Mapping[bytes, bytes],
    tenant: bytes,
    mirror: bytes,
    telling: bytes,
) -> BankMovements:
    parts = [part for _, each, _ in rows for part in each.told.parts]
    states = [MovementState.SAME if key in same else _STATES[each.certainty] for key, each, _ in rows]
    return BankMovements(
        tenant=tenant,
        mirror=mirror,
        telling=telling,
        movement_ids=b"".join([key for key, _, _ in rows]),
        states=bytes(states),
        days=pack("i", [each.told.day for _, each, _ in rows]),
        amounts_minor=pack("Q", [0 if key in same else abs(each.posted_minor) for key, each, _ in rows]),
        marks=bytes([marks_of(each.told) for _, each, _ in rows]),
        entry_ids=b"".join([row for _, _, row in rows]),
        transfer_ids=b"".join([each.transfer_id for _, each, _ in rows]),
        references=b"".join([strongest(each.told.whole()) for _, each, _ in rows]),
        same_as=b"".join([same.get(key, ZERO_ID) for key, _, _ in rows]),
        part_counts=pack("I", [len(each.told.parts) for _, each, _ in rows]),
        part_amounts_minor=pack("Q", [part.amount_minor for part in parts]),
        part_references=b"".join([strongest(part) for part in parts]),
    )


def strongest(part: Part) -> bytes:
    """Returns the digest of the bank's strongest reference, zero where it gives none."""
    given = [each for each in part.references if each[0] != ReferenceKind.END_TO_END]
    return min(given)[1:] if given else ZERO_ID
