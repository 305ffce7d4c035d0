"""What reconciliation keeps in memory, built from events alone: open lines of every mirror, and open breaks.

Matched lines leave for the table of matches; a break leaves when it is closed, or matched by itself, or some weeks
after it was resolved.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import ClassVar, NamedTuple

import numpy as np
from ringfence_kernel.values.business_days import calendar_of
from ringfence_kernel.values.clock import DAY_NS
from ringfence_kernel.values.columns import split_ids, unpack
from ringfence_kernel.values.ids import repayment_id
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.departed import LookAgain
from ringfence_kernel.writing.journal import Journal

from ringfence_custody.calendars.domain.events import BusinessDayOpened
from ringfence_custody.ledger.domain.events import AccountsCreated, TransfersCreated, TransfersEvidenced
from ringfence_custody.reconciliation.domain.booked import BookAccounts, booked_lines
from ringfence_custody.reconciliation.domain.breaks import GONE, Break, Status, begun, gone_on
from ringfence_custody.reconciliation.domain.errors import BreakNotFound, MirrorNotFound
from ringfence_custody.reconciliation.domain.events import (
    EVENTS,
    BankLinesNoted,
    BreakDetected,
    BreakReopened,
    BreakStepped,
    LinesMatched,
    MatchesSuggested,
    MatchUndone,
    StatementNoted,
    SuggestionDecided,
)
from ringfence_custody.reconciliation.domain.lines import words_of
from ringfence_custody.reconciliation.domain.mirror import Mirror, Suggestion
from ringfence_custody.reconciliation.domain.owing import Owed, takings

SECTION = "reconciliation, format 3"
RESOLVED_KEPT_NS = 40 * DAY_NS
MirrorKey = tuple[bytes, bytes]
"""Book and account."""


class State:
    """Open lines and open breaks. Every change goes through the journal; nothing here decides.

    `changed_position` is that at which lines last left or came back: whoever has looked up matches there or later knows
    all of them.
    """

    EVENTS: ClassVar[tuple[type, ...]] = (
        *EVENTS,
        AccountsCreated,
        TransfersCreated,
        TransfersEvidenced,
        BusinessDayOpened,
    )

    def __init__(self) -> None:
        """Starts empty."""
        self.mirrors: dict[MirrorKey, Mirror] = {}
        self.breaks: dict[bytes, Break] = {}
        self.funding: dict[bytes, bytes] = {}
        """Transfers that have funded a shortfall -> its break."""
        self.owed: dict[tuple[bytes, bytes], Owed] = {}
        """What is missing of what banks took, by book and entry."""
        self._repayments: dict[tuple[bytes, bytes], tuple[bytes, bytes]] = {}
        """The entries by which that may come back -> the takings."""
        self.changed_position = 0
        self._books: dict[bytes, BookAccounts] = {}
        self._opened: dict[str, int] = {}
        """The business day that is open, by calendar."""

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event."""
        event = recorded.event
        match event:
            case TransfersCreated():
                self._book(recorded.stream, event, recorded.position, journal)
            case BusinessDayOpened():
                journal.put(self._opened, event.calendar, event.day)
            case TransfersEvidenced():
                for index_of_mirror in self._accounts(recorded.stream, journal).mirrors.values():
                    self.mirrors[recorded.stream, index_of_mirror].evidence(event.id, event.entry_id, journal)
            case AccountsCreated():
                for mirror, ledger in self._accounts(recorded.stream, journal).add(event, journal):
                    journal.put(self.mirrors, (recorded.stream, mirror), Mirror(recorded.stream, mirror, ledger))
            case BankLinesNoted():
                self.mirror(event.book, event.mirror).note(event, recorded.position, journal)
            case StatementNoted():
                self.mirror(event.book, event.mirror).take(event, recorded.recorded_at_ns, journal)
                self._let_go(event.mirror, recorded.recorded_at_ns, journal)
            case LinesMatched() | MatchUndone():
                self._move(event, recorded.position, journal)
            case MatchesSuggested():
                self._suggest(event, journal)
            case SuggestionDecided():
                self.mirror(event.book, event.mirror).decide(event.suggestion, event.confirmed, journal)
            case BreakDetected() | BreakReopened():
                self._detect(recorded.stream, event, recorded.recorded_at_ns, journal)
            case BreakStepped():
                self._step(recorded.stream, event, recorded.recorded_at_ns, journal)

    def mirror(self, book: bytes, mirror: bytes) -> Mirror:
        """Returns a mirror; raises MirrorNotFound."""
        found = self.mirrors.get((book, mirror))
        if found is None:
            raise MirrorNotFound
        return found

    def open_break(self, identifier: bytes) -> Break:
        """Returns a break that is in memory; raises BreakNotFound."""
        found = self.breaks.get(identifier)
        if found is None:
            raise BreakNotFound
        return found

    def owed_on(self, book: bytes, mirror: bytes) -> dict[bytes, Owed]:
        """Returns what is missing of what a bank took from a mirror, by the transfer that moved it."""
        return {each.transfer: each for (of, _), each in self.owed.items() if of == book and each.mirror == mirror}

    def require_as_of(self, position: int) -> None:
        """Raises LookAgain where matches that were looked up as of a position may have changed since."""
        if position < self.changed_position:
            raise LookAgain

    def digest(self) -> bytes:
        """Returns a hash of it all."""
        hashed = sha256()
        for key in sorted(self.mirrors):
            hashed.update(b"".join(key) + self.mirrors[key].digest())
        hashed.update(plain.encode(self._beside()))
        return hashed.digest()

    def save(self) -> Sections:
        """Returns everything that is in memory."""
        sections = [
            (f"{book.hex()} {mirror.hex()} {name}", content)
            for (book, mirror), each in self.mirrors.items()
            for name, content in each.save()
        ]
        classes = [
            (f"{book.hex()} classes", each.classes[: each.count].tobytes()) for book, each in self._books.items()
        ]
        return [(SECTION, plain.encode(self._beside())), *classes, *sections]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned, all or nothing; raises ValueError or LookupError for another format."""
        beside, restored = plain.decode(sections[SECTION], _Beside), State()
        of_mirror: dict[MirrorKey, dict[str, memoryview]] = {}
        for name, content in sections.items():
            words = name.split(" ")
            if len(words) == 2 and words[1] == "classes":
                classes = np.frombuffer(content, np.uint8).copy()
                restored._books[bytes.fromhex(words[0])] = BookAccounts(classes, len(classes))
            elif name != SECTION:
                of_mirror.setdefault((bytes.fromhex(words[0]), bytes.fromhex(words[1])), {})[words[2]] = content
        for key, its in of_mirror.items():
            restored.mirrors[key] = Mirror.restored(*key, its)
        for book, index, mirror in beside.mirrors:
            restored._books[book].mirrors[index] = mirror
        self.mirrors, self._books = restored.mirrors, restored._books
        self.breaks = {each.id: each for each in beside.breaks}
        self.funding, self.changed_position = dict(beside.funding), beside.changed_position
        self._opened = dict(beside.opened)
        self.owed = dict(beside.owed)
        self._repayments = {(book, repayment_id(entry)): (book, entry) for book, entry in self.owed}

    def _beside(self) -> _Beside:
        return _Beside(
            [self.breaks[each] for each in sorted(self.breaks)],
            sorted(self.funding.items()),
            self.changed_position,
            sorted((book, *each) for book, accounts in self._books.items() for each in accounts.mirrors.items()),
            sorted(self._opened.items()),
            sorted(self.owed.items()),
        )

    def _accounts(self, book: bytes, journal: Journal) -> BookAccounts:
        if book not in self._books:
            journal.put(self._books, book, BookAccounts())
        return self._books[book]

    def _book(self, book: bytes, event: TransfersCreated, position: int, journal: Journal) -> None:
        for identifier, lines in booked_lines(self._accounts(book, journal), event, position):
            mirror = self.mirrors[book, identifier]
            # A day that has begun where the currency settles is not yet over: no statement of the day before has it.
            lines["day"] = np.maximum(lines["day"], self._opened.get(calendar_of(mirror.ledger), 0))
            mirror.book_lines(lines, journal)
        for taking in takings(self._accounts(book, journal), event):
            key = book, taking.entry
            if taking.mirror:
                mirror = self.mirrors[book, taking.mirror]
                day = mirror.books.look_up(words_of([taking.transfer]))[0]["day"][0]
                journal.put(self.owed, key, Owed(taking.mirror, taking.transfer, taking.amount_minor, int(day)))
                journal.put(self._repayments, (book, repayment_id(taking.entry)), key)
            else:
                self._given(key, taking.amount_minor, journal)

    def _given(self, key: tuple[bytes, bytes], amount_minor: int, journal: Journal) -> None:
        """Notes what was given for a taking, or has come back of it; funding names none."""
        key = self._repayments.get(key, key)
        owed = self.owed.get(key)
        if owed is None:
            return
        if amount_minor < owed.missing_minor:
            journal.put(self.owed, key, owed._replace(missing_minor=owed.missing_minor - amount_minor))
        else:
            self._owe_no_more(key, journal)
        self.mirrors[key[0], owed.mirror].revision += 1

    def _owe_no_more(self, key: tuple[bytes, bytes], journal: Journal) -> None:
        book, entry = key
        journal.remove(self.owed, key)
        journal.remove(self._repayments, (book, repayment_id(entry)))

    def _move(self, event: LinesMatched | MatchUndone, position: int, journal: Journal) -> None:
        mirror = self.mirror(event.book, event.mirror)
        if isinstance(event, LinesMatched):
            mirror.leave(split_ids(event.movement_ids), split_ids(event.transfer_ids), journal)
        else:
            mirror.come_back(event.movements, event.transfers, journal)
        journal.call(setattr, self, "changed_position", self.changed_position)
        self.changed_position = position

    def _suggest(self, event: MatchesSuggested, journal: Journal) -> None:
        mirror, pairs = self.mirror(event.book, event.mirror), dict[bytes, list[tuple[bytes, bytes]]]()
        ids = split_ids(event.suggestion_ids)
        versions = unpack("I", event.versions)
        for each, *pair in zip(ids, split_ids(event.movement_ids), split_ids(event.transfer_ids), strict=True):
            pairs.setdefault(each, []).append((pair[0], pair[1]))
        for each, its in pairs.items():
            row = ids.index(each)
            content = Suggestion(tuple(its), event.stages[row], versions[row], event.confidences[row])
            mirror.suggest(each, content, journal)

    def _detect(self, identifier: bytes, event: BreakDetected | BreakReopened, now_ns: int, journal: Journal) -> None:
        status, note = Status.DETECTED, ""
        if isinstance(event, BreakReopened):
            status, note = Status.REOPENED, event.note
        journal.put(self.breaks, identifier, begun(identifier, event, status, note, now_ns))

    def _let_go(self, mirror: bytes, now_ns: int, journal: Journal) -> None:
        """Forgets what was resolved long ago and nobody has closed: reading and reopening it goes by its table."""
        for each in list(self.breaks.values()):
            if each.mirror == mirror and each.status is Status.RESOLVED and each.stepped_ns < now_ns - RESOLVED_KEPT_NS:
                journal.remove(self.breaks, each.id)

    def _step(self, identifier: bytes, event: BreakStepped, now_ns: int, journal: Journal) -> None:
        before, status = self.breaks[identifier], Status(event.status)
        if status is Status.FUNDED:
            journal.put(self.funding, event.reference, identifier)
            for key in [key for key, each in self.owed.items() if each.transfer == before.line]:
                self._owe_no_more(key, journal)
        if status in GONE:
            journal.remove(self.breaks, identifier)
        else:
            journal.put(self.breaks, identifier, gone_on(before, event, now_ns))


class _Beside(NamedTuple):
    """What a snapshot holds beside mirrors; those by book and index at the end."""

    breaks: list[Break]
    funding: list[tuple[bytes, bytes]]
    changed_position: int
    mirrors: list[tuple[bytes, int, bytes]]
    opened: list[tuple[str, int]]
    owed: list[tuple[tuple[bytes, bytes], Owed]]
