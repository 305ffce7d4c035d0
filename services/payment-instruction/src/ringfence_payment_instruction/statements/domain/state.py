"""What the statements module keeps in memory, built from events alone: movements by mirror, pages that wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

from ringfence_kernel.values.columns import split_ids, unpack
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.journal import Journal

from ringfence_payment_instruction.statements.domain import events as told_events
from ringfence_payment_instruction.statements.domain.columns import UNSURE_MARK, lists_of, rows_of
from ringfence_payment_instruction.statements.domain.deciding import with_again
from ringfence_payment_instruction.statements.domain.movements import (
    SURE,
    Certainty,
    Chain,
    Doubt,
    Held,
    Movement,
    Movements,
    Sum,
)
from ringfence_payment_instruction.statements.domain.paging import Pages
from ringfence_payment_instruction.statements.domain.told import Part


class State:
    """Movements of every mirror. Every change goes through the journal; nothing here decides."""

    EVENTS: ClassVar[tuple[type, ...]] = told_events.EVENTS

    def __init__(self) -> None:
        """Starts empty."""
        self.mirrors: dict[bytes, Movements] = {}
        self.pages: dict[bytes, Pages] = {}

    def movements(self, mirror: bytes) -> Movements:
        """Returns what is known of a mirror; nothing is of one that was never told of."""
        return self.mirrors.get(mirror) or Movements()

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event."""
        event = recorded.event
        if event.mirror not in self.mirrors:
            journal.put(self.mirrors, event.mirror, Movements())
        known = self.mirrors[event.mirror]
        if isinstance(event, told_events.StatementStaged):
            pages = self.pages.get(event.pages) or Pages()
            journal.put(self.pages, event.pages, pages.with_page(event.number, event.digest, event.is_last, event.day))
        else:
            _APPLIES[type(event)](event, known, journal)
        if (
            isinstance(event, told_events.StatementTaken | told_events.StatementExcepted)
            and event.telling in self.pages
        ):
            journal.remove(self.pages, event.telling)


def _taken(event: told_events.StatementTaken, known: Movements, journal: Journal) -> None:
    chain = Chain(event.last_day, event.closing_minor, event.electronic_sequence, event.legal_sequence)
    journal.put(known.chain, "last", chain)
    journal.put(known.taken, event.telling, event.content)
    if event.telling in known.excepted:
        journal.remove(known.excepted, event.telling)


def _excepted(event: told_events.StatementExcepted, known: Movements, journal: Journal) -> None:
    journal.put(known.excepted, event.telling, event.digest)


def _told(event: told_events.MovementsTold, known: Movements, journal: Journal) -> None:
    certainty = Certainty.BOOKED if event.is_booked else Certainty.TOLD
    doubters = lists_of(event.doubter_counts, event.doubters)
    rows = zip(split_ids(event.movement_ids), rows_of(event), doubters, event.marks, strict=True)
    for movement_id, told, found, marks in rows:
        tellings = frozenset([event.telling])
        movement = Movement(told, certainty, tellings, doubters=frozenset(found), sure=not marks & UNSURE_MARK)
        known.put(movement_id, movement, journal)


def _told_again(event: told_events.MovementsToldAgain, known: Movements, journal: Journal) -> None:
    members = lists_of(event.member_counts, event.members)
    for entry_id, told, ids in zip(split_ids(event.entry_ids), rows_of(event), members, strict=True):
        if len(ids) > 1:
            known.put_sum(entry_id, Sum(told, ids), journal)
            continue
        movement = known.known[ids[0]]
        tellings = movement.tellings
        if told.amount_minor == movement.told.amount_minor:
            tellings |= {event.telling}
        known.change(ids[0], journal, told=with_again(movement.told, told), tellings=tellings)


def _confirmed(event: told_events.MovementsConfirmed, known: Movements, journal: Journal) -> None:
    ids = split_ids(event.movement_ids)
    days, restored = unpack("i", event.days), unpack("Q", event.restored_minor)
    for movement_id, day, back, how in zip(ids, days, restored, event.how, strict=True):
        movement = known.known[movement_id]
        known.change(
            movement_id,
            journal,
            told=replace(movement.told, day=day),
            certainty=Certainty.BOOKED,
            missing_minor=movement.missing_minor - back,
            sure=how in SURE,
        )
    # What was not found by reference may yet be the money that is in suspense for its sake.
    confirmed = frozenset(each for each, how in zip(ids, event.how, strict=True) if how in SURE)
    for loose in list(known.loose):
        if known.known[loose].doubters & confirmed:
            known.change(loose, journal, doubters=known.known[loose].doubters - confirmed)


def _allocated(event: told_events.MovementAllocated, known: Movements, journal: Journal) -> None:
    rows = zip(split_ids(event.movement_ids), unpack("I", event.parts), split_ids(event.clients), strict=True)
    for movement_id, number, client in rows:
        movement = known.known[movement_id]
        parts = list(movement.told.parts)
        parts[number] = Part(parts[number].amount_minor, parts[number].references, client)
        known.change(
            movement_id,
            journal,
            told=replace(movement.told, parts=tuple(parts)),
            allocated=movement.allocated | {number},
        )


def _never_booked(event: told_events.MovementNeverBooked, known: Movements, journal: Journal) -> None:
    for movement_id, amount in zip(split_ids(event.movement_ids), unpack("Q", event.amounts_minor), strict=True):
        missing = known.known[movement_id].missing_minor + amount
        known.change(movement_id, journal, certainty=Certainty.MISSING, missing_minor=missing)


def _held(event: told_events.EntryHeld, known: Movements, journal: Journal) -> None:
    for entry_id, told, reason in zip(split_ids(event.entry_ids), rows_of(event), event.reasons, strict=True):
        known.hold(entry_id, Held(told, event.telling, Doubt(reason)), journal)


def _decided(event: told_events.EntryDecided, known: Movements, journal: Journal) -> None:
    for entry_id in split_ids(event.entry_ids):
        if entry_id in known.held:
            known.release(entry_id, journal)
        else:
            known.drop(entry_id, journal)


_APPLIES: dict[type, Callable[[Any, Movements, Journal], None]] = {
    told_events.StatementTaken: _taken,
    told_events.StatementExcepted: _excepted,
    told_events.MovementsTold: _told,
    told_events.MovementsToldAgain: _told_again,
    told_events.MovementsConfirmed: _confirmed,
    told_events.MovementAllocated: _allocated,
    told_events.MovementNeverBooked: _never_booked,
    told_events.EntryHeld: _held,
    told_events.EntryDecided: _decided,
}
