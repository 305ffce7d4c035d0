"""One bank mirror: its open lines on both sides, and what stands beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from ringfence_kernel.values.columns import split_ids, unpack
from ringfence_kernel.values.ids import ID_BYTES, ZERO_ID
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.journal import Journal

from ringfence_custody.reconciliation.domain.booked import own_lines
from ringfence_custody.reconciliation.domain.events import BankLinesNoted, StatementNoted
from ringfence_custody.reconciliation.domain.lines import LINE, Lines, Records, id_bytes, mixed, words_of
from ringfence_custody.reconciliation.domain.matching import Side, Task

INCOMING, REVERSAL = 1, 2
LAST_DAY = 2**31 - 1
UNSTARTED = 65_536
"""Lines of the books, the newest, that are kept of a mirror of which no bank has told anything yet."""


class Statement(NamedTuple):
    """The newest statement of a mirror; days since 1970-01-01, booked balances in minor units, UTC nanoseconds."""

    telling: bytes
    first_day: int
    last_day: int
    opening_minor: int
    closing_minor: int
    noted_ns: int


class Suggestion(NamedTuple):
    """Pairs of movement and transfer that may be one match; confidence in percent."""

    pairs: tuple[tuple[bytes, bytes], ...]
    stage: int
    version: int
    confidence: int


Part = tuple[int, bytes]
"""Amount in minor units, above zero where money came in, and reference."""


@dataclass(slots=True)
class Mirror:
    """What is open on a mirror; every change goes through the journal."""

    book: bytes
    id: bytes
    ledger: int
    bank: Lines = field(default_factory=Lines)
    books: Lines = field(default_factory=Lines)
    more_keys: dict[bytes, tuple[bytes, ...]] = field(default_factory=dict)
    """Of movements that were posted by more than one entry, all but the first."""
    parts: dict[bytes, tuple[Part, ...]] = field(default_factory=dict)
    vetoes: dict[tuple[bytes, bytes], None] = field(default_factory=dict)
    """Pairs that somebody has taken apart or refused."""
    suggestions: dict[bytes, Suggestion] = field(default_factory=dict)
    statement: Statement | None = None
    is_started: bool = False
    revision: int = 0
    """Counts changes in this process: whoever looks again only where it has moved."""
    assessed: bytes = ZERO_ID
    """The newest statement by which this process has looked for breaks."""

    @property
    def is_assessed(self) -> bool:
        """Whether breaks were looked for by its newest statement."""
        return self.statement is None or self.statement.telling == self.assessed

    def note(self, event: BankLinesNoted, position: int, journal: Journal) -> None:
        """Takes in what a bank tells."""
        self._start(journal)
        ids, keys = split_ids(event.movement_ids), split_ids(event.keys)
        lines = noted_lines(event, position)
        rows = self.bank.find(lines["id"])
        known, fresh = np.flatnonzero(rows >= 0), np.flatnonzero(rows < 0)
        before = self.bank.rows["key"][rows[known]]
        for index, key in zip(known.tolist(), _each(before), strict=True):
            if key != ZERO_ID:
                lines["key"][index] = words_of([key])[0]
                more = self.more_keys.get(ids[index], ())
                if keys[index] not in (ZERO_ID, key, *more):
                    journal.put(self.more_keys, ids[index], (*more, keys[index]))
        if len(known):
            self.bank.change(rows[known], lines[known], journal)
        if len(fresh):
            self.bank.add(lines[fresh], journal)
        self._note_parts(event, ids, journal)
        self.revision += 1

    def book_lines(self, lines: Records, journal: Journal) -> None:
        """Takes in what moved it in the books."""
        self.books.add(lines, journal)
        if not self.is_started and len(self.books) > 2 * UNSTARTED:
            self.books.remove(self.books.open_rows()[:-UNSTARTED], journal)
        self.revision += 1

    def evidence(self, transfers: bytes, entries: bytes, journal: Journal) -> None:
        """Takes in on what entries transfers rest: where one was set aside before, that stays what it is known by."""
        rows = self.books.find(np.frombuffer(transfers, "<u8").reshape(-1, 2))
        there = np.flatnonzero(rows >= 0)
        lines = self.books.rows[rows[there]]
        bare = ~lines["key"].any(axis=1)
        lines["key"][bare] = np.frombuffer(entries, "<u8").reshape(-1, 2)[there][bare]
        lines["reference"][bare] = 0
        if bare.any():
            self.books.change(rows[there], lines, journal)
            self.revision += 1

    def take(self, event: StatementNoted, noted_ns: int, journal: Journal) -> None:
        """Takes in a statement. What the books had before the first one is in its opening balance."""
        self._start(journal)
        if self.statement is None:
            rows = self.books.open_rows()
            lines = self.books.rows[rows]
            old = lines["day"] < event.first_day
            old[own_lines(lines, self._named())] = False
            self.books.remove(rows[old], journal)
        taken = Statement(
            event.telling, event.first_day, event.last_day, event.opening_minor, event.closing_minor, noted_ns
        )
        if self.statement is None or taken.last_day >= self.statement.last_day:
            journal.call(setattr, self, "statement", self.statement)
            self.statement = taken
        self.revision += 1

    def leave(self, movements: Iterable[bytes], transfers: Iterable[bytes], journal: Journal) -> None:
        """Lets matched lines go, with all that stands beside them."""
        gone = [each for each in dict.fromkeys(movements) if each != ZERO_ID]
        posted = [each for each in dict.fromkeys(transfers) if each != ZERO_ID]
        for lines, ids in ((self.bank, gone), (self.books, posted)):
            rows = lines.find(words_of(ids)) if ids else np.zeros(0, np.int64)
            lines.remove(rows[rows >= 0], journal)
        for beside in (self.more_keys, self.parts):
            for each in gone if beside else ():
                if each in beside:
                    journal.remove(beside, each)
        self._forget_pairs({*gone, *posted} if self.vetoes or self.suggestions else set(), journal)
        self.revision += 1

    def come_back(self, movements: bytes, transfers: bytes, journal: Journal) -> None:
        """Opens lines again that were matched with each other, and never matches them again by rule."""
        bank, books = np.frombuffer(movements, LINE), np.frombuffer(transfers, LINE)
        self.bank.add(bank, journal)
        self.books.add(books, journal)
        for one in _each(bank["id"]):
            for other in _each(books["id"]):
                if (one, other) not in self.vetoes:
                    journal.put(self.vetoes, (one, other), None)
        self.revision += 1

    def suggest(self, suggestion: bytes, content: Suggestion, journal: Journal) -> None:
        """Keeps a suggestion until it is decided, or one of its lines leaves."""
        journal.put(self.suggestions, suggestion, content)

    def decide(self, suggestion: bytes, confirmed: bool, journal: Journal) -> None:
        """Takes a suggestion away; one that is refused does not come again."""
        content = self.suggestions[suggestion]
        journal.remove(self.suggestions, suggestion)
        for pair in () if confirmed else content.pairs:
            if pair not in self.vetoes:
                journal.put(self.vetoes, pair, None)

    def task(self, last_day: int = LAST_DAY) -> Task:
        """Returns copies of what matching needs of lines up to a day: a thread works on them."""
        bank, books = (each.rows[each.open_rows()] for each in (self.bank, self.books))
        bank, books = bank[bank["day"] <= last_day], books[books["day"] <= last_day]
        more = self._indexes_of(bank, self.more_keys)
        keys = [(index, _word(key)) for each, index in more.items() for key in self.more_keys[each]]
        parts = {
            index: [(amount, _word(reference)) for amount, reference in self.parts[each]]
            for each, index in self._indexes_of(bank, self.parts).items()
        }
        left = self._indexes_of(bank, dict.fromkeys(one for one, _ in self.vetoes))
        right = self._indexes_of(books, dict.fromkeys(other for _, other in self.vetoes))
        vetoes = frozenset((left[one], right[other]) for one, other in self.vetoes if one in left and other in right)
        return Task(Side.of(bank), Side.of(books), keys, parts, vetoes)

    def posted_for(self, movement: bytes) -> list[bytes]:
        """Returns the transfers that an open movement names."""
        row = self.bank.find(words_of([movement]))
        books = self.books.rows
        keys = [*_each(self.bank.rows["key"][row[row >= 0]]), *self.more_keys.get(movement, ())]
        if not keys:
            return []
        own = own_lines(books, words_of(keys))
        return _each(books["id"][own[books["open"][own] > 0]])

    def save(self) -> Sections:
        """Returns it as sections."""
        return [("bank", self.bank.save()), ("books", self.books.save()), ("beside", self._beside())]

    @classmethod
    def restored(cls, book: bytes, mirror: bytes, sections: dict[str, memoryview]) -> Mirror:
        """Returns what `save` wrote down; raises ValueError or LookupError for another format."""
        beside = plain.decode(sections["beside"], _Beside)
        made = cls(book, mirror, beside.ledger, statement=beside.statement, is_started=beside.is_started)
        made.bank.restore(sections["bank"])
        made.books.restore(sections["books"])
        made.more_keys, made.parts = dict(beside.more_keys), dict(beside.parts)
        made.vetoes, made.suggestions = dict.fromkeys(beside.vetoes), dict(beside.suggestions)
        return made

    def digest(self) -> bytes:
        """Returns its content in short."""
        return self.bank.digest() + self.books.digest() + self._beside()

    def _beside(self) -> bytes:
        return plain.encode(
            _Beside(
                self.ledger,
                sorted(self.more_keys.items()),
                sorted(self.parts.items()),
                sorted(self.vetoes),
                sorted(self.suggestions.items()),
                self.statement,
                self.is_started,
            )
        )

    def _start(self, journal: Journal) -> None:
        if not self.is_started:
            journal.call(setattr, self, "is_started", False)
            self.is_started = True

    def _note_parts(self, event: BankLinesNoted, ids: list[bytes], journal: Journal) -> None:
        counts, amounts = unpack("I", event.part_counts), unpack("Q", event.part_amounts_minor)
        references, at = split_ids(event.part_references), 0
        for movement, count, mark in zip(ids, counts, event.marks, strict=True):
            if count > 1:
                sign = 1 if mark & INCOMING else -1
                parts = tuple(
                    (sign * amount, reference)
                    for amount, reference in zip(amounts[at : at + count], references[at : at + count], strict=True)
                )
                journal.put(self.parts, movement, parts)
            at += count

    def _named(self) -> np.ndarray[tuple[int, ...], np.dtype[np.uint64]]:
        """Returns every key that a bank's line names."""
        more = [key for keys in self.more_keys.values() for key in keys]
        return np.concatenate([self.bank.rows["key"][self.bank.open_rows()], words_of(more)])

    def _forget_pairs(self, gone: set[bytes], journal: Journal) -> None:
        for pair in [each for each in self.vetoes if not gone.isdisjoint(each)] if gone else ():
            journal.remove(self.vetoes, pair)
        for name, content in list(self.suggestions.items()) if gone else ():
            if any(not gone.isdisjoint(pair) for pair in content.pairs):
                journal.remove(self.suggestions, name)

    @staticmethod
    def _indexes_of(rows: Records, wanted: Mapping[bytes, object]) -> dict[bytes, int]:
        """Returns where each wanted id stands among rows."""
        if not wanted:
            return {}
        hits = np.flatnonzero(np.isin(mixed(rows["id"]), mixed(words_of(list(wanted)))))
        found = zip(_each(rows["id"][hits]), hits.tolist(), strict=True)
        return {each: index for each, index in found if each in wanted}


class _Beside(NamedTuple):
    """What a snapshot holds beside the lines."""

    ledger: int
    more_keys: list[tuple[bytes, tuple[bytes, ...]]]
    parts: list[tuple[bytes, tuple[Part, ...]]]
    vetoes: list[tuple[bytes, bytes]]
    suggestions: list[tuple[bytes, Suggestion]]
    statement: Statement | None
    is_started: bool


def noted_lines(event: BankLinesNoted, position: int) -> Records:
    """Returns the rows of an event as lines."""
    count = len(event.movement_ids) // ID_BYTES
    lines = np.zeros(count, LINE)
    for name, column in (("id", event.movement_ids), ("key", event.keys), ("reference", event.references)):
        lines[name] = np.frombuffer(column, "<u8").reshape(-1, 2)
    marks = np.frombuffer(event.marks, np.uint8)
    amounts = np.frombuffer(event.amounts_minor, ">u8").astype(np.int64)
    lines["amount_minor"] = np.where(marks & INCOMING, amounts, -amounts)
    lines["day"] = np.frombuffer(event.days, ">i4")
    lines["state"], lines["marks"] = np.frombuffer(event.states, np.uint8), marks
    lines["position"], lines["open"] = position, 1
    return lines


def _each(words: np.ndarray[tuple[int, ...], np.dtype[np.uint64]]) -> list[bytes]:
    return split_ids(id_bytes(words))


def _word(identifier: bytes) -> int:
    return int(mixed(words_of([identifier]))[0])
