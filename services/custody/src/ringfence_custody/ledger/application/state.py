"""All books of this service: its state in memory, built from events alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import ClassVar

from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing.journal import Journal

from ringfence_custody.ledger.application import saving
from ringfence_custody.ledger.application.ports import CommittedBatches
from ringfence_custody.ledger.domain.apply import apply
from ringfence_custody.ledger.domain.book import Book
from ringfence_custody.ledger.domain.digest import digest
from ringfence_custody.ledger.domain.events import EVENTS, TransfersCreated


class State:
    """Books by id, which is the id of their platform; a book begins with its first event."""

    EVENTS: ClassVar[tuple[type, ...]] = EVENTS

    def __init__(self, batches_of_book: Callable[[], CommittedBatches]) -> None:
        """Starts empty; each book gets its committed batches from a call of `batches_of_book`."""
        self._batches_of_book = batches_of_book
        self._batches: dict[bytes, CommittedBatches] = {}
        self.books: dict[bytes, Book] = {}
        self._nothing = Book(batches_of_book())

    def book(self, book_id: bytes) -> Book:
        """Returns a book, empty when nothing ever happened in it."""
        book = self.books.get(book_id)
        if book is None:
            batches = self._batches[book_id] = self._batches_of_book()
            book = self.books[book_id] = Book(batches)
        return book

    def look(self, book_id: bytes) -> Book:
        """Returns a book to read from; asking for one in which nothing happened leaves nothing behind."""
        return self.books.get(book_id, self._nothing)

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event; a batch that the book has just decided is in it already."""
        book = self.book(recorded.stream)
        if isinstance(recorded.event, TransfersCreated) and recorded.event.number in book.sealed:
            return
        apply(book, recorded.event, journal)
        self._note(recorded)

    def committed(self, recorded: list[Recorded]) -> None:
        """Takes note of what the writer has committed: its batches can be read again from now on."""
        for each in recorded:
            self._note(each)
            if isinstance(each.event, TransfersCreated):
                self.books[each.stream].forget_sealed(each.event.number)

    def _note(self, recorded: Recorded) -> None:
        if isinstance(recorded.event, TransfersCreated):
            self._batches[recorded.stream].committed(recorded.event.number, recorded.position)

    def batch_positions(self, book_id: bytes, numbers: Sequence[tuple[bytes, int]]) -> list[tuple[bytes, int]]:
        """Returns ids with the feed positions of their batches, given by number; one never committed is left out."""
        batches = self._batches.get(book_id)
        positions = batches.positions if batches else ()
        return [(each, positions[number - 1]) for each, number in numbers if number <= len(positions)]

    def save(self) -> Sections:
        """Returns every book as sections of a snapshot, named by its id."""
        return [
            (f"{book_id.hex()} {name}", content)
            for book_id, book in self.books.items()
            if book.has_events()
            for name, content in saving.save(book, self._batches[book_id].positions)
        ]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned, all or nothing; raises ValueError or LookupError for another format."""
        of_book: dict[bytes, dict[str, memoryview]] = {}
        for name, content in sections.items():
            shown, _, section = name.partition(" ")
            of_book.setdefault(bytes.fromhex(shown), {})[section] = content
        restored = State(self._batches_of_book)
        for book_id, its in of_book.items():
            book = restored.book(book_id)
            restored._batches[book_id].positions = saving.restore(book, its)
        self.books, self._batches = restored.books, restored._batches

    def digest(self) -> bytes:
        """Returns a hash of all books that have events."""
        hashed = sha256()
        for book_id in sorted(self.books):
            book = self.books[book_id]
            if book.has_events():
                hashed.update(book_id + digest(book))
        return hashed.digest()
