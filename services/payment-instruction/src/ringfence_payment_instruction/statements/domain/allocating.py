"""Whose money it is: what leaves suspense for clients, and what stays there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from ringfence_kernel.values.columns import pack
from ringfence_kernel.values.ids import ZERO_ID

from ringfence_payment_instruction.statements.domain.booking import Booking
from ringfence_payment_instruction.statements.domain.columns import MOST_ROWS
from ringfence_payment_instruction.statements.domain.events import MovementAllocated
from ringfence_payment_instruction.statements.domain.indexes import Key
from ringfence_payment_instruction.statements.domain.movements import SURE, Certainty, Movement, Movements
from ringfence_payment_instruction.statements.domain.news import LIKE_DAYS
from ringfence_payment_instruction.statements.domain.told import Told, merged

Allocation = tuple[bytes, int, bytes, int]
"""A movement, the number of its part, the client whose it is, and the amount."""


def allocated(mirror: bytes, rows: Sequence[Allocation]) -> list[Any]:
    """Returns the events of these allocations, none for none."""
    events: list[Any] = []
    for first in range(0, len(rows), MOST_ROWS):
        ids, numbers, clients, amounts = zip(*rows[first : first + MOST_ROWS], strict=True)
        events.append(
            MovementAllocated(mirror, b"".join(ids), pack("I", numbers), b"".join(clients), pack("Q", amounts))
        )
    return events


def unallocated(movement_id: bytes, movement: Movement, told: Told) -> Iterator[Allocation]:
    """Yields what is still in suspense of a movement, and is told to be a client's."""
    if movement.doubters or movement.is_cleared or told.blocked or not told.incoming or told.reversal:
        return
    if movement.missing_minor:
        return  # not all of it is there
    for number, part in enumerate(told.parts):
        if part.client != ZERO_ID and not part.blocked and number not in movement.allocated:
            yield movement_id, number, part.client, part.amount_minor


def guessed_allocations(known: Movements, booking: Booking) -> list[Allocation]:
    """Returns what leaves suspense where entries and movements of one amount were told from each other by nothing.

    Whichever is which, no client gets more of them than the statement names him for.
    """
    named, rows = _named(known, booking), []
    for allocation in _candidates(known, booking):
        movement_id, _, client, amount = allocation
        told = booking.new[movement_id][0] if movement_id in booking.new else known.known[movement_id].told
        key = (client, (amount, *told.way()))
        if named[key] > 0:
            named[key] -= 1
            rows.append(allocation)
    return rows


def _candidates(known: Movements, booking: Booking) -> Iterator[Allocation]:
    entries = dict(booking.entries())
    for entry_id, movement_id in booking.pairs.items():
        if booking.confirmed[movement_id][1] not in SURE:
            movement = known.known[movement_id]
            yield from unallocated(movement_id, movement, merged(movement.told, entries[entry_id]))
    for (movement_id, number), part in booking.clients.items():
        movement = known.known[movement_id]
        is_credit = movement.told.incoming and not movement.told.reversal and not movement.doubters
        is_credit = is_credit and not (movement.is_cleared or movement.told.blocked or part.blocked)
        is_known = len(movement.told.parts) > number and movement.told.parts[number].client != ZERO_ID
        if is_credit and part.client != ZERO_ID and number not in movement.allocated and not is_known:
            yield movement_id, number, part.client, part.amount_minor
    for movement_id, (told, doubters) in booking.new.items():
        if movement_id not in booking.unsure:
            continue
        new = Movement(told, Certainty.BOOKED, frozenset(), doubters=doubters)
        yield from unallocated(movement_id, new, told)


def _named(known: Movements, booking: Booking) -> Counter[tuple[bytes, Key]]:
    """Counts how often the statement names a client beyond what he has been credited, by amount and way.

    Parts that were found by reference count on neither side.
    """
    found: Counter[tuple[bytes, Key]] = Counter()
    days = []
    for entry_id, told in booking.entries():
        days.append(told.day)
        for number, part in enumerate(told.pieces()):
            if part.client != ZERO_ID and (entry_id, number) not in booking.certain:
                found[part.client, (part.amount_minor, *told.way())] += 1
    first, last = min(days, default=0) - LIKE_DAYS, max(days, default=0) + LIKE_DAYS
    for movement_id, movement in known.known.items():
        is_certain = movement_id in booking.confirmed and booking.confirmed[movement_id][1] in SURE
        if not first <= movement.told.day <= last or is_certain or (movement.sure and not movement.is_open):
            continue
        for number in movement.allocated:
            part = movement.told.parts[number]
            if (movement_id, number) not in booking.certain:
                found[part.client, (part.amount_minor, *movement.told.way())] -= 1
    return found
