"""What the statements module keeps in memory, built from events alone: movements by mirror, pages that wait."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar

from ringfence_kernel.values.columns import split_ids, unpack
from ringfence_kernel.values.ids import ZERO_ID, external_id
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing import plain
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
    Outcome,
    SavedMovements,
    Sum,
    taken_back,
)
from ringfence_payment_instruction.statements.domain.paging import Pages
from ringfence_payment_instruction.statements.domain.told import Part, Told
from ringfence_payment_instruction.submissions.domain.events import InstructionsReceived
from ringfence_payment_instruction.submissions.domain.orders import OF_OPERATORS
from ringfence_payment_instruction.submissions.domain.submission import slot

SECTION = "statements, format 3"


def stream_of(mirror: bytes) -> bytes:
    """Returns the stream of everything that is told of a mirror."""
    return external_id("bank-mirror", mirror, "")


@dataclass(frozen=True, slots=True)
class _Saved:
    """What a snapshot holds."""

    mirrors: list[tuple[bytes, SavedMovements]]
    pages: list[tuple[bytes, Pages]]
    tenants: list[tuple[bytes, bytes]]
    changes: list[tuple[bytes, int]]


class State:
    """Movements of every mirror. Every change goes through the journal; nothing here decides.

    `changes` counts what has changed of a mirror, so that a decision can tell that it is of the present. `due` are the
    mirrors of which an exception counts after all, and is to be taken.
    """

    EVENTS: ClassVar[tuple[type, ...]] = (*told_events.EVENTS, InstructionsReceived)

    def __init__(self) -> None:
        """Starts empty."""
        self.mirrors: dict[bytes, Movements] = {}
        self.pages: dict[bytes, Pages] = {}
        self.changes: dict[bytes, int] = {}
        self.due: dict[bytes, None] = {}
        self.tenants: dict[bytes, bytes] = {}

    def movements(self, mirror: bytes) -> Movements:
        """Returns what is known of a mirror; nothing is of one that was never told of."""
        return self.mirrors.get(mirror) or Movements()

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event."""
        event = recorded.event
        if isinstance(event, InstructionsReceived):
            self._ordered(event, journal)
            return
        if event.mirror not in self.mirrors:
            journal.put(self.mirrors, event.mirror, Movements())
        known = self.mirrors[event.mirror]
        if self.tenants.get(event.mirror) != event.tenant:
            journal.put(self.tenants, event.mirror, event.tenant)
        journal.put(self.changes, event.mirror, self.changes.get(event.mirror, 0) + 1)
        if isinstance(event, told_events.StatementStaged):
            pages = self.pages.get(event.pages) or Pages(mirror=event.mirror, tenant=event.tenant)
            journal.put(self.pages, event.pages, pages.with_page(event.number, event.digest, event.is_last, event.day))
        else:
            take_in(event, known, journal)
        if isinstance(event, _ENDS_PAGES) and event.telling in self.pages:
            journal.remove(self.pages, event.telling)
        if known.accepted and event.mirror not in self.due:
            journal.put(self.due, event.mirror, None)
        elif not known.accepted and event.mirror in self.due:
            journal.remove(self.due, event.mirror)

    def of_tenant(self, tenant: bytes, mirror: bytes) -> Movements:
        """Returns what is known of a tenant's mirror; another's is as empty as one that was never told of."""
        return self.movements(mirror) if self.tenants.get(mirror) == tenant else Movements()

    def due_mirrors(self) -> list[bytes]:
        """Returns the mirrors of which something was kept that is to be decided now."""
        return [each.mirror for each in self.pages.values() if each.is_whole] + [*self.due]

    def streams(self) -> list[bytes]:
        """Returns the streams that have work."""
        return [stream_of(mirror) for mirror in self.due_mirrors()]

    def digest(self) -> bytes:
        """Returns a hash of it all."""
        content = hashlib.sha256(plain.encode(sorted(self.pages.items())) + plain.encode(sorted(self.changes.items())))
        for mirror, known in sorted(self.mirrors.items()):
            content.update(mirror + plain.encode(known.save(in_order=True)))
        return content.digest()

    def save(self) -> Sections:
        """Returns everything that is in memory."""
        mirrors = [(mirror, known.save()) for mirror, known in sorted(self.mirrors.items())]
        pages, tenants = sorted(self.pages.items()), sorted(self.tenants.items())
        return [(SECTION, plain.encode(_Saved(mirrors, pages, tenants, sorted(self.changes.items()))))]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned; raises ValueError or LookupError for another format."""
        content = plain.decode(sections[SECTION], _Saved)
        self.mirrors = {mirror: Movements.restored(saved) for mirror, saved in content.mirrors}
        self.pages, self.changes = dict(content.pages), dict(content.changes)
        self.tenants = dict(content.tenants)
        self.due = {mirror: None for mirror, known in self.mirrors.items() if known.accepted}

    def _ordered(self, event: InstructionsReceived, journal: Journal) -> None:
        """Notes that people have taken money in suspense in hand: it is not for clients by itself any more."""
        if not event.purposes or unpack("H", event.purposes)[0] not in OF_OPERATORS:
            return
        entry = slot(event.mandates, 0)
        for mirror, known in self.mirrors.items():
            movement_id = known.by_entry.get(entry)
            if movement_id is not None:
                known.change(movement_id, journal, is_cleared=True)
                journal.put(self.changes, mirror, self.changes.get(mirror, 0) + 1)


def _pages_decided(event: told_events.PagesDecided, known: Movements, journal: Journal) -> None:
    """Notes that pages have been decided on: they do not wait for each other once more where one comes again."""
    if event.telling not in known.taken:
        journal.put(known.taken, event.telling, b"")


def take_in(event: Any, known: Movements, journal: Journal) -> None:
    """Takes one event about a mirror in."""
    _APPLIES[type(event)](event, known, journal)


def _taken(event: told_events.StatementTaken, known: Movements, journal: Journal) -> None:
    chain = Chain(event.last_day, event.closing_minor, event.electronic_sequence, event.legal_sequence)
    if known.last is None or known.last.last_day <= event.last_day:
        journal.put(known.chain, "last", chain)
    journal.put(known.taken, event.telling, event.content)
    for waiting in (known.excepted, known.accepted):
        if event.telling in waiting:
            journal.remove(waiting, event.telling)


def _excepted(event: told_events.StatementExcepted, known: Movements, journal: Journal) -> None:
    journal.put(known.excepted, event.telling, event.digest)
    if event.telling in known.accepted:
        journal.remove(known.accepted, event.telling)


def _told(event: told_events.MovementsTold, known: Movements, journal: Journal) -> None:
    certainty = Certainty.BOOKED if event.is_booked else Certainty.TOLD
    doubters = lists_of(event.doubter_counts, event.doubters)
    rows = zip(split_ids(event.movement_ids), rows_of(event), doubters, event.marks, strict=True)
    tellings = frozenset([event.telling])
    for movement_id, told, found, marks in rows:
        is_sure, number = not marks & UNSURE_MARK, known.next_number(journal)
        movement = Movement(told, certainty, tellings, doubters=frozenset(found), sure=is_sure, number=number)
        known.put(movement_id, movement, journal)


def _told_again(event: told_events.MovementsToldAgain, known: Movements, journal: Journal) -> None:
    members = lists_of(event.member_counts, event.members)
    for entry_id, told, ids in zip(split_ids(event.entry_ids), rows_of(event), members, strict=True):
        if len(ids) > 1:
            known.put_sum(entry_id, Sum(told, ids, known.next_number(journal)), journal)
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
            told=movement.told if movement.told.day == day else replace(movement.told, day=day),
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
        told = _for_client(movement.told, number, client)
        allocated = movement.allocated | {number} if movement.allocated else _only(number)
        known.change(movement_id, journal, told=told, allocated=allocated)


@lru_cache(maxsize=16)
def _only(part: int) -> frozenset[int]:
    """Returns a set of a part alone: nearly all movements have this one."""
    return frozenset([part])


def _for_client(told: Told, number: int, client: bytes) -> Told:
    """Returns an entry of which a part is a client's: the same where it has told so itself."""
    part = told.parts[number]
    if part.client == client and not part.blocked:
        return told
    parts = list(told.parts)
    parts[number] = Part(part.amount_minor, part.references, client)
    return replace(told, parts=tuple(parts))


def _never_booked(event: told_events.MovementNeverBooked, known: Movements, journal: Journal) -> None:
    for movement_id, amount in zip(split_ids(event.movement_ids), unpack("Q", event.amounts_minor), strict=True):
        movement = known.known[movement_id]
        missing, (_, taken) = movement.missing_minor + amount, taken_back(movement, amount)
        kept = {each for each in movement.allocated if taken.get(each, 0) < movement.told.parts[each].amount_minor}
        known.change(
            movement_id, journal, certainty=Certainty.MISSING, missing_minor=missing, allocated=frozenset(kept)
        )


def _held(event: told_events.EntryHeld, known: Movements, journal: Journal) -> None:
    for entry_id, told, reason in zip(split_ids(event.entry_ids), rows_of(event), event.reasons, strict=True):
        before = known.held.get(entry_id)
        number = before.number if before is not None else known.next_number(journal)
        known.hold(entry_id, Held(told, event.telling, Doubt(reason), number), journal)


def _decided(event: told_events.EntryDecided, known: Movements, journal: Journal) -> None:
    for entry_id, outcome in zip(split_ids(event.entry_ids), event.outcomes, strict=True):
        if entry_id in known.held:
            known.release(entry_id, journal)
        elif outcome == Outcome.ANOTHER:
            known.change(entry_id, journal, doubters=frozenset())
        else:
            known.drop(entry_id, journal)


def _named(event: told_events.ClientsNamed, known: Movements, journal: Journal) -> None:
    for account, owner in zip(split_ids(event.accounts), split_ids(event.owners), strict=True):
        journal.put(known.owners, account, owner)


def _explained(event: told_events.DebitsExplained, known: Movements, journal: Journal) -> None:
    rows = zip(
        split_ids(event.movement_ids), unpack("Q", event.amounts_minor), split_ids(event.transfer_ids), strict=True
    )
    for movement_id, amount, transfer in rows:
        before = known.known[movement_id]
        is_first = not before.explained_minor and amount == before.told.amount_minor
        known.change(
            movement_id,
            journal,
            explained_minor=before.explained_minor + amount,
            transfer_id=transfer if is_first else ZERO_ID,
        )


def _cleared(event: told_events.MovementsCleared, known: Movements, journal: Journal) -> None:
    for movement_id in split_ids(event.movement_ids):
        if movement_id in known.known:
            known.change(movement_id, journal, is_cleared=True)


def _forgotten(event: told_events.BankDaysForgotten, known: Movements, journal: Journal) -> None:
    known.forget(event.last_day, journal)


def _published(event: told_events.BankMovements, known: Movements, journal: Journal) -> None:
    for movement_id, entry_id in zip(split_ids(event.movement_ids), split_ids(event.entry_ids), strict=True):
        if movement_id in known.known and known.known[movement_id].entry_id != entry_id:
            known.change(movement_id, journal, entry_id=entry_id)


def _worked_off(event: told_events.ExceptionWorkedOff, known: Movements, journal: Journal) -> None:
    if event.telling in known.excepted:
        digest = known.excepted[event.telling]
        journal.remove(known.excepted, event.telling)
        if event.outcome == told_events.BROUGHT_FORWARD:
            journal.put(known.accepted, event.telling, digest)


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
    told_events.ClientsNamed: _named,
    told_events.DebitsExplained: _explained,
    told_events.MovementsCleared: _cleared,
    told_events.BankDaysForgotten: _forgotten,
    told_events.BankMovements: _published,
    told_events.ExceptionWorkedOff: _worked_off,
    told_events.PagesDecided: _pages_decided,
}
_ENDS_PAGES = (told_events.StatementTaken, told_events.StatementExcepted, told_events.PagesDecided)
