"""Each choice among equals by itself: the one told first is taken, whatever ids there are in a run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import pytest
from ringfence_kernel.values.ids import ZERO_ID, external_id
from ringfence_kernel.writing.journal import Journal
from ringfence_payment_instruction.statements.domain.allocating import guessed_allocations
from ringfence_payment_instruction.statements.domain.booking import Booking
from ringfence_payment_instruction.statements.domain.by_people import in_doubt
from ringfence_payment_instruction.statements.domain.movements import Certainty, Doubt, Held, Movement, Movements
from ringfence_payment_instruction.statements.domain.statement import Kind
from ringfence_payment_instruction.statements.domain.told import Part, ReferenceKind, Telling, Told, reference

from .bank import FIRST_DAY, Books, File

CLIENT = external_id("test", ZERO_ID, "client")
REFERENCE = reference(ReferenceKind.ENTRY, "R")
RUNS = [f"run {number}" for number in range(8)]
IDS = [bytes([number]) * 16 for number in (1, 2, 3)]


def _told(day: int = FIRST_DAY, client: bytes = ZERO_ID, references: frozenset[bytes] = frozenset()) -> Told:
    return Told(day, 500, True, False, references, (Part(500, references, client),), 1)


def _file(run: str, name: str, kind: Kind, *entries: Told, day: int = 0) -> File:
    return File(Telling(external_id("test", ZERO_ID, f"{run} {name}"), kind, entries), day)


def _known(ids: Sequence[bytes]) -> Movements:
    """Returns what is known of movements that were told in this order, all under one reference."""
    known, journal = Movements(), Journal()
    for each in ids:
        told = _told(references=frozenset([REFERENCE]))
        known.put(each, Movement(told, Certainty.TOLD, frozenset(), number=known.next_number(journal)), journal)
    return known


@pytest.mark.parametrize("ids", list(permutations(IDS)))
def test_movements_of_one_reference_come_as_they_were_told(ids: Sequence[bytes]) -> None:
    """Also from a snapshot, and after one of them was let go of in a commit that failed."""
    known, journal = _known(ids), Journal()
    known.drop(ids[0], journal)
    journal.rollback()
    assert list(known.known) != list(ids)
    for each in (known, Movements.restored(known.save())):
        assert list(each.by_references([REFERENCE])) == list(ids)


@pytest.mark.parametrize("ids", list(permutations(IDS)))
def test_held_entries_of_one_reference_come_as_they_were_told(ids: Sequence[bytes]) -> None:
    """One that has learned something stays in its place."""
    known, journal = Movements(), Journal()
    told = _told(references=frozenset([REFERENCE]))
    for each in ids:
        known.hold(each, Held(told, ZERO_ID, Doubt.LATE, known.next_number(journal)), journal)
    known.hold(ids[0], known.held[ids[0]], journal)
    assert list(known.held_by_references([REFERENCE])) == list(ids)


@pytest.mark.parametrize("ids", list(permutations(IDS)))
def test_people_are_shown_what_an_entry_may_be_as_it_was_told(ids: Sequence[bytes]) -> None:
    """Where there are too many, the first told are shown."""
    known, journal = _known(ids), Journal()
    known.hold(b"h" * 16, Held(_told(), ZERO_ID, Doubt.LIKE_ANOTHER, known.next_number(journal)), journal)
    (found,) = in_doubt(known)
    assert found.movements == tuple(ids)


@pytest.mark.parametrize("run", RUNS)
def test_a_movement_of_another_day_is_the_first_that_was_told(run: str) -> None:
    """Of two of news that a statement lacks, one is what the day before had booked, and the other never was."""
    books, later = Books(), FIRST_DAY + 1
    news = _file(run, "news", Kind.NOTIFICATION, _told(later), _told(later))
    books.take(news)
    books.take(_file(run, "first", Kind.STATEMENT, _told(), day=FIRST_DAY))
    assert list(books.known.loose)
    books.take(_file(run, "second", Kind.STATEMENT, day=later))
    stands = [books.known.known[key].certainty for key in news.telling.entry_ids]
    assert stands == [Certainty.BOOKED, Certainty.MISSING]


@pytest.mark.parametrize("run", RUNS)
def test_a_client_has_the_first_of_two_that_a_statement_may_have_named(run: str) -> None:
    """He is named twice and has had it once, of a movement that nothing tells from these: one more is his."""
    told = _told(client=CLIENT)
    telling = _file(run, "statement", Kind.STATEMENT, told, told).telling
    known, journal = Movements(), Journal()
    had = Movement(told, Certainty.BOOKED, frozenset(), frozenset([0]), sure=False, number=1)
    known.put(b"h" * 16, had, journal)
    booking = Booking(telling, new={key: (told, frozenset()) for key in telling.entry_ids})
    booking.unsure.update(telling.entry_ids)
    assert guessed_allocations(known, booking) == [(telling.entry_ids[0], 0, CLIENT, 500)]
