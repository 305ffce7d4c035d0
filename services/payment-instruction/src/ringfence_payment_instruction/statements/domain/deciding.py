"""Events from what a bank tells: of news, and of a whole statement that was taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import replace
from itertools import chain
from typing import Any

from ringfence_kernel.values.columns import pack, split_ids
from ringfence_kernel.values.ids import ZERO_ID, external_id

from ringfence_payment_instruction.statements.domain.allocating import (
    Allocation,
    allocated,
    guessed_allocations,
    unallocated,
)
from ringfence_payment_instruction.statements.domain.booking import Booking, book
from ringfence_payment_instruction.statements.domain.columns import UNSURE_MARK, kept_columns_of, packed_lists, portions
from ringfence_payment_instruction.statements.domain.events import (
    EntryDecided,
    EntryHeld,
    MovementNeverBooked,
    MovementsConfirmed,
    MovementsTold,
    MovementsToldAgain,
)
from ringfence_payment_instruction.statements.domain.movements import Certainty, Movements, Outcome
from ringfence_payment_instruction.statements.domain.news import LIKE_DAYS, SAME_DAYS, News, held_apart, read_news
from ringfence_payment_instruction.statements.domain.statement import Kind
from ringfence_payment_instruction.statements.domain.told import (
    Part,
    Telling,
    Told,
    all_references,
    identities,
    is_same,
    merged,
)

Again = Mapping[bytes, tuple[Told, tuple[bytes, ...]]]


def tell(known: Movements, mirror: bytes, telling: Telling, today: int) -> list[Any]:
    """Returns what a telling of news brings about that came in `today`; `allocate` follows once that is recorded."""
    news = read_news(known, telling, today)
    new = {key: (told, frozenset[bytes]()) for key, told in news.new.items()}
    events = _told(mirror, telling, new, is_booked=False) + _told_again(mirror, telling, news.again)
    return events + _held(mirror, news) + decided(mirror, _recognised(known, news))


def settle(
    known: Movements,
    mirror: bytes,
    telling: Telling,
    last_day: int,
    carried: Mapping[bytes, int] | None = None,
    before: Mapping[int, tuple[bytes, ...]] | None = None,
) -> list[Any]:
    """Returns what a whole statement brings about, for days up to `last_day`; `allocate` follows once recorded.

    `carried` are open movements, with their days, that its opening balance has; `before` are places of entries that are
    movements which another statement has booked.
    """
    held = _held_of(known, telling)
    telling = _with_held(known, telling, held)
    booking = book(known, telling, last_day, carried or {}, before or {})
    outcomes = _decide_held(known, booking, held, last_day)
    again = _again(known, booking)
    outcomes |= {key: (Outcome.SAME, movement) for key, movement in booking.other_day.items()}
    return (
        _told(mirror, telling, booking.new, booking.unsure, is_booked=True)
        + _told_again(mirror, telling, again)
        + _confirmed(known, mirror, booking)
        + _never_booked(mirror, booking)
        + decided(mirror, outcomes)
        + allocated(mirror, guessed_allocations(known, booking))
    )


def allocate(known: Movements, mirror: bytes, movement_ids: Iterable[bytes]) -> list[Any]:
    """Returns which money of these movements leaves suspense: that came in for clients, and is in no doubt.

    Where a statement told movements from others by nothing, it has said itself what leaves.
    """
    rows: list[Allocation] = []
    for movement_id in dict.fromkeys(movement_ids):
        movement = known.known.get(movement_id)
        if movement is not None and movement.sure and movement.certainty is not Certainty.MISSING:
            rows += unallocated(movement_id, movement, movement.told)
    return allocated(mirror, rows)


def with_past(telling: Telling, past: Iterable[Told]) -> Telling:
    """Returns a telling with the positions of entries that are, by reference, movements which memory has let go of."""
    by_identity: dict[bytes, list[Told]] = {}
    for each in past:
        for said in identities(each.references):
            by_identity.setdefault(said, []).append(each)
    positions = {
        position
        for position, told in enumerate(telling.entries)
        if any(
            is_same(told, each, SAME_DAYS) for said in identities(told.references) for each in by_identity.get(said, ())
        )
    }
    return replace(telling, past=frozenset(positions))


def touched(events: Iterable[Any]) -> Iterator[bytes]:
    """Yields the movements that events are about."""
    for event in events:
        if isinstance(event, MovementsTold | MovementsConfirmed):
            yield from split_ids(event.movement_ids)
        elif isinstance(event, MovementsToldAgain):
            yield from split_ids(event.members)


def _told(
    mirror: bytes,
    telling: Telling,
    new: Mapping[bytes, tuple[Told, frozenset[bytes]]],
    unsure: Set[bytes] = frozenset(),
    *,
    is_booked: bool,
) -> list[Any]:
    events: list[Any] = []
    for rows in portions(new):
        doubters = packed_lists([sorted(each) for _, each in rows.values()], "doubter_counts", "doubters")
        columns = kept_columns_of([told for told, _ in rows.values()])
        columns["marks"] = bytes(
            marks | UNSURE_MARK * (key in unsure) for key, marks in zip(rows, columns["marks"], strict=True)
        )
        events.append(MovementsTold(mirror, telling.id, b"".join(rows), is_booked, **columns, **doubters))
    return events


def as_new(mirror: bytes, decision: bytes, entry: bytes, told: Told) -> list[Any]:
    """Returns the event of an entry that people take for a movement of its own."""
    return _told(mirror, Telling(decision, Kind.NOTIFICATION, (told,)), {entry: (told, frozenset())}, is_booked=False)


def _told_again(mirror: bytes, telling: Telling, again: Again) -> list[Any]:
    events: list[Any] = []
    for rows in portions(again):
        members = packed_lists([members for _, members in rows.values()], "member_counts", "members")
        columns = kept_columns_of([told for told, _ in rows.values()])
        events.append(MovementsToldAgain(mirror, telling.id, b"".join(rows), **columns, **members))
    return events


def _held(mirror: bytes, news: News) -> list[Any]:
    events: list[Any] = []
    for rows in portions(news.held):
        columns = kept_columns_of([told for told, _ in rows.values()])
        reasons = bytes([doubt for _, doubt in rows.values()])
        events.append(EntryHeld(mirror, news.telling.id, b"".join(rows), reasons, **columns))
    return events


def decided(mirror: bytes, outcomes: Mapping[bytes, tuple[Outcome, bytes]]) -> list[Any]:
    """Returns the events of what held entries, and movements in doubt, turned out to be."""
    return [
        EntryDecided(
            mirror,
            b"".join(rows),
            bytes([outcome for outcome, _ in rows.values()]),
            b"".join([movement for _, movement in rows.values()]),
        )
        for rows in portions(outcomes)
    ]


def _recognised(known: Movements, news: News) -> dict[bytes, tuple[Outcome, bytes]]:
    """Returns the held entries that a telling makes known: one of its own is the same, by reference."""
    found: dict[bytes, tuple[Outcome, bytes]] = {}
    made_known = chain(
        ((told, key) for key, told in news.new.items()), ((told, ids[0]) for told, ids in news.again.values())
    )
    for told, movement_id in made_known:
        for key in known.held_by_references(all_references(told)):
            if is_same(known.held[key].told, told, held_apart(known.held[key])):
                found[key] = (Outcome.SAME, movement_id)
    return found


def _held_of(known: Movements, telling: Telling) -> dict[bytes, bytes]:
    """Returns the held entries that entries of a telling are by reference, with the ids of these."""
    found: dict[bytes, bytes] = {}
    if not known.held:
        return found
    for entry_id, told in telling.items():
        for key in known.held_by_references(all_references(told)):
            if is_same(known.held[key].told, told, held_apart(known.held[key])):
                found[key] = entry_id
    return found


def _with_held(known: Movements, telling: Telling, held: Mapping[bytes, bytes]) -> Telling:
    """Returns a telling with what held entries say beyond: whom the money is for, and other references."""
    if not held:
        return telling
    said: dict[bytes, list[Told]] = {}
    for key, entry_id in held.items():
        said.setdefault(entry_id, []).append(known.held[key].told)
    entries = []
    for entry_id, told in telling.items():
        for other in said.get(entry_id, ()):
            told = merged(told, other)
        entries.append(told)
    return replace(telling, entries=tuple(entries))


def _decide_held(
    known: Movements, booking: Booking, held: Mapping[bytes, bytes], last_day: int
) -> dict[bytes, tuple[Outcome, bytes]]:
    """Returns what held entries turned out to be.

    Those that are not in the statement by reference have no money of their own once the statements of all days are
    taken that they may be dated wrong by.
    """
    found = {}
    for key, entry_id in held.items():
        again = booking.again.get(entry_id, (ZERO_ID,))[0]
        movement_id = entry_id if entry_id in booking.new else booking.pairs.get(entry_id, again)
        found[key] = (Outcome.BOOKED, movement_id)
    for key, each in known.held.items():
        if key not in found and each.told.day <= last_day - LIKE_DAYS:
            found[key] = (Outcome.NOTHING, ZERO_ID)
    return found


def _again(known: Movements, booking: Booking) -> dict[bytes, tuple[Told, tuple[bytes, ...]]]:
    """Returns what the statement's entries, and those on other days, add to known movements."""
    told = dict(booking.telling.items())
    again: dict[bytes, tuple[Told, tuple[bytes, ...]]] = {
        key: (told[key], (movement,)) for key, movement in booking.pairs.items()
    }
    again |= {key: (told[key], members) for key, members in (*booking.sums.items(), *booking.again.items())}
    again |= {key: (known.known[key].told, (movement,)) for key, movement in booking.other_day.items()}
    for (movement, _), part in booking.clients.items():
        before = known.known[movement].told
        if len(before.parts) < 2 and part.amount_minor == before.amount_minor:
            again[external_id("bank-part", movement, "")] = (_as_part(before, part), (movement,))
    for movement, entries in booking.split.items():
        parts = tuple(part for each in entries for part in each.pieces())
        whole = replace(known.known[movement].told, parts=parts, transactions=len(parts))
        again[external_id("bank-split", movement, "")] = (whole, (movement,))
    return again


def _confirmed(known: Movements, mirror: bytes, booking: Booking) -> list[Any]:
    return [
        MovementsConfirmed(
            mirror,
            booking.telling.id,
            b"".join(rows),
            pack("i", [day for day, _ in rows.values()]),
            pack("Q", [known.known[each].missing_minor for each in rows]),
            bytes([how for _, how in rows.values()]),
        )
        for rows in portions(booking.confirmed)
    ]


def _never_booked(mirror: bytes, booking: Booking) -> list[Any]:
    events: list[Any] = []
    for rows in portions(booking.missing):
        amounts, alike = zip(*rows.values(), strict=True)
        events.append(
            MovementNeverBooked(mirror, booking.telling.id, b"".join(rows), pack("Q", amounts), pack("I", alike))
        )
    return events


def _as_part(told: Told, part: Part) -> Told:
    """Returns a movement as a part of an entry tells of it."""
    return replace(told, references=told.references | part.references, parts=(part,), transactions=1)


def with_again(told: Told, again: Told) -> Told:
    """Returns a movement with what another telling of it, or of a part of it, adds."""
    return merged(told, again) if told.amount_minor == again.amount_minor else told
