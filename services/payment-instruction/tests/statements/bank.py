"""A bank made up for tests: what it books, and the many ways in which it tells of it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from ringfence_kernel.values.columns import split_ids, unpack
from ringfence_kernel.values.ids import ZERO_ID, external_id
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.journal import Journal
from ringfence_payment_instruction.statements.domain.deciding import allocate, settle, tell, touched
from ringfence_payment_instruction.statements.domain.events import (
    EntryHeld,
    MovementAllocated,
    MovementNeverBooked,
    StatementTaken,
)
from ringfence_payment_instruction.statements.domain.movements import Doubt, Movements, taken_back
from ringfence_payment_instruction.statements.domain.state import State
from ringfence_payment_instruction.statements.domain.statement import Kind
from ringfence_payment_instruction.statements.domain.told import Part, ReferenceKind, Telling, Told, reference

MIRROR = external_id("test", ZERO_ID, "mirror")
FIRST_DAY = 20_000


@dataclass(frozen=True)
class Habits:
    """How a bank tells; shares are between 0 and 1."""

    days: int = 3
    movements: int = 8
    batches: float = 0.15  # movements that stand for several transactions
    in_parts: float = 0.0  # batches of which news tells the parts as own entries
    opaque: float = 0.3  # tellings of a batch without its parts
    nameless: float = 0.0  # tellings of a reference without it
    shifted: float = 0.0  # entries of news that are dated otherwise
    shift_days: int = 2
    untold: float = 0.2  # movements that no news tells of
    repeats: float = 0.5  # files of news that are told again under other ids
    late: float = 0.1  # files of news that come after the statement of their day
    round_amounts: float = 0.3
    clients_told: float = 0.9  # entries whose details say whom the money is for
    debits: float = 0.25
    reversals: float = 0.05


@dataclass(frozen=True)
class Booked:
    """One movement as the bank books it; `clients` and `amounts` are of its transactions."""

    number: int
    day: int
    incoming: bool
    reversal: bool
    amounts: tuple[int, ...]
    clients: tuple[bytes, ...]

    @property
    def signed_minor(self) -> int:
        return sum(self.amounts) if self.incoming else -sum(self.amounts)


@dataclass(frozen=True)
class File:
    """What is handed in at once: news, or the statement of a day with its closing balance."""

    telling: Telling
    day: int = 0
    opening_minor: int = 0
    closing_minor: int = 0


@dataclass
class Bank:
    """Movements of some days and the files about them, in the order in which they are handed in."""

    chance: random.Random
    habits: Habits = field(default_factory=Habits)
    booked: list[Booked] = field(default_factory=list)
    _reversed: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        clients = [external_id("test", ZERO_ID, f"client {number}") for number in range(5)]
        for day in range(FIRST_DAY, FIRST_DAY + self.habits.days):
            for _ in range(self.chance.randint(0, 2 * self.habits.movements)):
                several = self.chance.random() < self.habits.batches
                count = self.chance.randint(2, 4) if several else 1
                incoming = self.chance.random() >= self.habits.debits
                amounts = tuple(self._amount() for _ in range(count))
                owners = tuple(self.chance.choice(clients) for _ in range(count))
                self.booked.append(Booked(len(self.booked), day, incoming, False, amounts, owners))
                if self._does(self.habits.reversals):
                    self._reverse(day)

    def _reverse(self, day: int) -> None:
        """Takes back a movement that has not been yet, under its own references or under new ones."""
        back = self.chance.choice(self.booked)
        if back.reversal or back.number in self._reversed:
            return
        self._reversed.add(back.number)
        number = back.number if self._does(0.5) else len(self.booked)
        self.booked.append(replace(back, number=number, day=day, incoming=not back.incoming, reversal=True))

    def _amount(self) -> int:
        if self.chance.random() < self.habits.round_amounts:
            return self.chance.choice((1_000, 2_000, 5_000, 10_000))
        return self.chance.randint(1, 300_000)

    def _does(self, share: float) -> bool:
        return self.chance.random() < share

    def _reference(self, kind: ReferenceKind, text: str) -> frozenset[bytes]:
        return frozenset() if self._does(self.habits.nameless) else frozenset([reference(kind, text)])

    def _part(self, booked: Booked, at: int, own: frozenset[bytes] = frozenset()) -> Part:
        client = booked.clients[at] if self._does(self.habits.clients_told) else ZERO_ID
        found = self._reference(ReferenceKind.DETAIL, f"{booked.number}/{at}") if len(booked.amounts) > 1 else own
        return Part(booked.amounts[at], found, client)

    def _whole(self, booked: Booked, day: int) -> Told:
        own = self._reference(ReferenceKind.ENTRY, f"{booked.number}")
        count = len(booked.amounts)
        parts: tuple[Part, ...] = ()
        if count == 1 or not self._does(self.habits.opaque):
            parts = tuple(self._part(booked, at, own) for at in range(count))
        return Told(day, sum(booked.amounts), booked.incoming, booked.reversal, own, parts, count)

    def _in_parts(self, booked: Booked, day: int) -> Iterator[Told]:
        for at, amount in enumerate(booked.amounts):
            part = self._part(booked, at)
            yield Told(day, amount, booked.incoming, booked.reversal, part.references, (part,), 1)

    def _news_day(self, booked: Booked) -> int:
        if not self._does(self.habits.shifted):
            return booked.day
        steps = [each for each in range(-self.habits.shift_days, self.habits.shift_days + 1) if each]
        return booked.day + self.chance.choice(steps)

    def _news(self, name: str, booked: Iterable[Booked]) -> File:
        entries: list[Told] = []
        for each in booked:
            day = self._news_day(each)
            if len(each.amounts) > 1 and self._does(self.habits.in_parts):
                entries += [part for part in self._in_parts(each, day) if not self._does(0.2)]
            else:
                entries.append(self._whole(each, day))
        self.chance.shuffle(entries)
        kind = self.chance.choice((Kind.REPORT, Kind.NOTIFICATION))
        return File(Telling(external_id("test", ZERO_ID, name), kind, tuple(entries)))

    def files(self) -> list[File]:
        """Returns all files: of each day its news in any order and splitting, then its statement."""
        handed_in: list[File] = []
        waiting: list[File] = []
        closing = 0
        for day in range(FIRST_DAY, FIRST_DAY + self.habits.days):
            of_day = [each for each in self.booked if each.day == day]
            news = []
            told = [each for each in of_day if not self._does(self.habits.untold)]
            self.chance.shuffle(told)
            while told:
                count = self.chance.randint(1, len(told))
                name = f"news {day} {len(news)}"
                news.append(self._news(name, told[:count]))
                if self._does(self.habits.repeats):
                    news.append(self._news(f"{name} again", told[:count]))
                told = told[count:]
            if news and self._does(self.habits.repeats / 4):
                news.append(news[0])
            self.chance.shuffle(news)
            late = [each for each in news if self._does(self.habits.late)]
            handed_in += [*waiting, *(each for each in news if each not in late)]
            waiting = late
            entries = [self._whole(each, day) for each in of_day]
            self.chance.shuffle(entries)
            opening, closing = closing, closing + sum(each.signed_minor for each in of_day)
            telling = Telling(external_id("test", ZERO_ID, f"statement {day}"), Kind.STATEMENT, tuple(entries))
            handed_in.append(File(telling, day, opening, closing))
        return handed_in + waiting


@dataclass
class Books:
    """The service in small: what is decided is applied at once, and kept as events."""

    state: State = field(default_factory=State)
    events: list[object] = field(default_factory=list)
    journal: Journal = field(default_factory=Journal)

    @property
    def known(self) -> Movements:
        return self.state.movements(MIRROR)

    def record(self, events: Iterable[object]) -> list[object]:
        found = list(events)
        for event in found:
            self.events.append(event)
            self.state.apply(Recorded(len(self.events), MIRROR, len(self.events), event, 0, ""), self.journal)
        return found

    def restart(self) -> None:
        events, self.events, self.state = self.events, [], State()
        self.record(events)

    def take(self, file: File, *, commit: bool = True) -> list[object]:
        """Takes a file once; the same again changes nothing. What is not committed is rolled back."""
        found = self._take(file)
        if not commit:
            self.journal.rollback()
        self.journal.clear()
        return found

    def _take(self, file: File) -> list[object]:
        told = file.telling
        loose = list(self.known.loose)
        if told.kind is not Kind.STATEMENT:
            today = max((each.day for each in told.entries), default=0)
            found = self.record(tell(self.known, MIRROR, told, today))
        elif told.id in self.known.taken:
            return []
        else:
            found = self.record(settle(self.known, MIRROR, told, file.day))
            taken = StatementTaken(
                MIRROR, told.id, b"", b"", file.day, file.day, file.opening_minor, file.closing_minor, 0, 0
            )
            found += self.record([taken])
        return found + self.record(allocate(self.known, MIRROR, [*touched(found), *loose]))

    def credited(self) -> dict[bytes, int]:
        """Returns what clients have been credited and was not taken back, by event alone."""
        found: dict[bytes, int] = {}
        state, journal = State(), Journal()
        for number, event in enumerate(self.events, 1):
            if isinstance(event, MovementAllocated):
                for at in range(0, len(event.clients), 16):
                    client = event.clients[at : at + 16]
                    amount = int.from_bytes(event.amounts_minor[at // 2 : at // 2 + 8], "big")
                    found[client] = found.get(client, 0) + amount
            elif isinstance(event, MovementNeverBooked):
                for key, gone in zip(split_ids(event.movement_ids), unpack("Q", event.amounts_minor), strict=True):
                    movement = state.movements(MIRROR).known[key]
                    for part, amount in taken_back(movement, gone)[1].items():
                        found[movement.told.parts[part].client] -= amount
            state.apply(Recorded(number, MIRROR, number, event, 0, ""), journal)
        return found


@dataclass
class Counts:
    """What a run came to."""

    days: int = 0
    movements: int = 0
    told: int = 0
    held: int = 0
    late: int = 0
    early: int = 0
    wrong_client: int = 0
    off: int = 0
    suspense_days: int = 0
    never_booked: int = 0

    def add(self, other: Counts) -> None:
        for name in vars(self):
            setattr(self, name, getattr(self, name) + getattr(other, name))


def run(bank: Bank, restart: random.Random | None = None) -> tuple[Counts, Books]:
    """Hands in all files, and counts what is not as it should be."""
    books, counts = Books(), Counts(days=bank.habits.days, movements=len(bank.booked))
    for file in bank.files():
        found = books.take(file)
        if restart is not None and restart.random() < 0.3:
            books.restart()
        is_news = file.telling.kind is not Kind.STATEMENT
        if is_news:
            counts.told += len(file.telling.entries)
            held = [reason for each in found if isinstance(each, EntryHeld) for reason in each.reasons]
            counts.held += sum(reason != Doubt.LATE for reason in held)
            counts.late += sum(reason == Doubt.LATE for reason in held)
        else:
            due = sum(
                each.told.signed_minor
                for each in books.known.known.values()
                if each.is_open and each.told.day > file.day
            )
            counts.off += books.known.posted_minor - due != file.closing_minor
            counts.suspense_days += any(_in_suspense(books.known, file))
            counts.never_booked += sum(
                len(each.movement_ids) // 16 for each in found if isinstance(each, MovementNeverBooked)
            )
        counts.early += _early(bank, books)
        counts.wrong_client += _wrong_clients(bank, books)
    return counts, books


def _in_suspense(known: Movements, file: File) -> Iterator[bool]:
    """Yields for what is booked on a day whether it lies in suspense though it is told whose it is, or is in doubt."""
    for each in known.known.values():
        if each.told.day == file.day and not each.is_open and each.told.incoming and not each.told.reversal:
            named = [number for number, part in enumerate(each.told.parts) if part.client != ZERO_ID]
            yield bool(each.doubters) or bool(set(named) - each.allocated)


def _early(bank: Bank, books: Books) -> int:
    """Tells whether more came in by the books, exceptions aside, than the bank ever books in all."""
    came_in = sum(each.posted_minor for each in books.known.known.values() if each.told.incoming and not each.doubters)
    return came_in > sum(each.signed_minor for each in bank.booked if each.incoming)


def _wrong_clients(bank: Bank, books: Books) -> int:
    """Counts clients who have been credited more than the bank ever books for them."""
    due: dict[bytes, int] = {}
    for each in bank.booked:
        if each.incoming and not each.reversal:
            for amount, client in zip(each.amounts, each.clients, strict=True):
                due[client] = due.get(client, 0) + amount
    return sum(amount > due.get(client, 0) for client, amount in books.credited().items())


def simulate(habits: Habits, runs: int, seed: int = 1) -> Counts:
    """Returns the counts of many runs."""
    total = Counts()
    for number in range(runs):
        counts, _ = run(Bank(random.Random(seed * 1_000_003 + number), habits))
        total.add(counts)
    return total


def with_habits(**changes: float) -> Habits:
    """Returns habits that differ from the usual in some."""
    return replace(Habits(), **changes)  # type: ignore[arg-type]
