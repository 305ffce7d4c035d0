"""Reads: how mirrors and days stand, what is open, what was matched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from ringfence_kernel.writing.writer import GroupWriter

from ringfence_custody.ledger.application.queries import Queries as Ledger
from ringfence_custody.reconciliation.application.ports import BreakStep, MatchedPair, Matches
from ringfence_custody.reconciliation.domain.breaks import Break, Kind, Status
from ringfence_custody.reconciliation.domain.counterparts import (
    Candidate,
    candidates,
    lacking_minor,
    line_of,
    next_steps,
)
from ringfence_custody.reconciliation.domain.errors import BreakNotFound
from ringfence_custody.reconciliation.domain.lines import Records
from ringfence_custody.reconciliation.domain.mirror import Mirror, Statement, Suggestion
from ringfence_custody.reconciliation.domain.state import State

Answer = TypeVar("Answer")
MOST_STEPS = 200


@dataclass(frozen=True, slots=True)
class DayView:
    """How a mirror and a day stand; sums in minor units, of lines up to the day."""

    day: int
    statement: Statement | None
    books_minor: int
    open_bank: tuple[int, int]
    """Count and sum."""
    open_books: tuple[int, int]
    suggestions: int
    open_breaks: int
    is_blocked: bool


@dataclass(frozen=True, slots=True)
class BreakCase:
    """What stands around a break: its life, its line where that is open, what that may be on the other side.

    `lacking_minor` is what its mirror lacks, below zero where it has too much; 0 where nothing is open.
    """

    now: Break
    life: Sequence[BreakStep]
    line: Records | None
    candidates: Sequence[Candidate]
    lacking_minor: int
    next: Sequence[Status]


@dataclass(frozen=True, slots=True)
class Queries:
    """Every answer shows committed facts only; all raise MirrorNotFound, and StoreUnavailable."""

    writer: GroupWriter
    state: State
    matches: Matches
    ledger: Ledger

    async def standing(self, book: bytes, mirror: bytes, day: int) -> DayView:
        """Returns how a day stands; 0 asks for the last day of the newest statement."""
        newest = await self._of_mirror(book, mirror, lambda found: found.statement)
        day = day or (newest.last_day if newest else 0)
        statement = await asyncio.to_thread(self.matches.statement, book, mirror, day)
        (account,) = await self.ledger.accounts(book, [mirror])

        def read(found: Mirror) -> DayView:
            breaks = [each for each in self.state.breaks.values() if (each.book, each.mirror) == (book, mirror)]
            unsettled = [each for each in breaks if each.is_open and each.day <= day]
            bank, books = (_open_until(each, day) for each in (_open(found.bank.rows), _open(found.books.rows)))
            return DayView(
                day,
                statement,
                account.debits_posted - account.credits_posted,
                bank,
                books,
                len(found.suggestions),
                len(unsettled),
                any(each.kind is Kind.EVIDENCE for each in unsettled) or statement is None,
            )

        return await self._of_mirror(book, mirror, read)

    async def lines(self, book: bytes, mirror: bytes, bank: bool, after: bytes, limit: int) -> Records:
        """Returns open lines of one side in order of their ids, one more than the limit where there are more."""

        def read(found: Mirror) -> Records:
            rows = _open((found.bank if bank else found.books).rows)
            ids = np.ascontiguousarray(rows["id"]).view("V16").ravel()
            # Ids compare as bytes: two big-endian words, the first one first.
            words = ids.view(">u8").reshape(-1, 2)
            start = np.frombuffer(after.ljust(16, b"\0"), ">u8")
            later = (words[:, 0] > start[0]) | ((words[:, 0] == start[0]) & (words[:, 1] > start[1]))
            rows, words = rows[later], words[later]
            page: Records = rows[np.lexsort((words[:, 1], words[:, 0]))[: limit + 1]]
            return page

        return await self._of_mirror(book, mirror, read)

    async def suggestions(self, book: bytes, mirror: bytes) -> list[tuple[bytes, Suggestion]]:
        """Returns all suggestions of a mirror, in order of their ids."""
        return await self._of_mirror(book, mirror, lambda found: sorted(found.suggestions.items()))

    async def matched(self, book: bytes, mirror: bytes, day: int, after: bytes, limit: int) -> list[MatchedPair]:
        """Returns pairs of a booking day, one more than the limit where there are more."""
        await self._of_mirror(book, mirror, lambda found: None)
        return await asyncio.to_thread(self.matches.page, book, mirror, day, after, limit + 1)

    async def breaks(self, fits: Callable[[Break], bool], after: bytes, limit: int) -> list[Break]:
        """Returns breaks in memory in order of their ids, one more than the limit where there are more."""

        def read() -> list[Break]:
            found = sorted(each for each in self.state.breaks if each > after)
            return [self.state.breaks[each] for each in found if fits(self.state.breaks[each])][: limit + 1]

        return await self.writer.between_groups(read)

    async def found_break(self, identifier: bytes, book: bytes | None) -> Break:
        """Returns a break, wherever it is, of a book where one is given; raises BreakNotFound."""
        found = await self.writer.between_groups(lambda: self.state.breaks.get(identifier))
        if found is None:
            life = await asyncio.to_thread(self.matches.break_life, identifier)
            found = life[-1].now if life else None
        if found is None or book not in (None, found.book):
            raise BreakNotFound
        return found

    async def break_case(self, identifier: bytes, book: bytes | None) -> BreakCase:
        """Returns a break with its life and what its line may be on the other side; raises BreakNotFound."""
        life = await asyncio.to_thread(self.matches.break_life, identifier)
        if not life or book not in (None, life[-1].now.book):
            raise BreakNotFound

        def read() -> BreakCase:
            found = self.state.breaks.get(identifier, life[-1].now)
            mirror = self.state.mirrors.get((found.book, found.mirror))
            case = BreakCase(found, life[-MOST_STEPS:], None, [], 0, list(next_steps(found)))
            if mirror is None:
                return case
            case = replace(case, line=line_of(mirror, found))
            if not found.is_open:
                return case
            return replace(case, candidates=candidates(mirror, found), lacking_minor=lacking_minor(mirror, found))

        return await self.writer.between_groups(read)

    async def _of_mirror(self, book: bytes, mirror: bytes, read: Callable[[Mirror], Answer]) -> Answer:
        return await self.writer.between_groups(lambda: read(self.state.mirror(book, mirror)))


def _open(rows: Records) -> Records:
    kept: Records = rows[rows["open"] > 0]
    return kept


def _open_until(rows: Records, day: int) -> tuple[int, int]:
    kept = rows["amount_minor"][rows["day"] <= day]
    return len(kept), sum(kept.tolist())
