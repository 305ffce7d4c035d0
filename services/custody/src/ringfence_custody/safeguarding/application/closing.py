"""What happens to days by itself: they are cut when the next one opens, computed when the banks' word is there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from ringfence_kernel.values.business_days import CalendarYearMissing
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_custody.safeguarding.application.ports import Books, BusinessDays, Evidence
from ringfence_custody.safeguarding.domain.days import (
    Day,
    DayKey,
    Status,
    books_of,
    computed,
    cut,
    evidence_of,
    missed,
    reopened,
)
from ringfence_custody.safeguarding.domain.figures import BankFigures, BookFigures, Computation, MirrorBalance
from ringfence_custody.safeguarding.domain.state import Fund, State

EVIDENCE_CHANGED = "the evidence of the day has changed"
MAX_DAYS_AT_ONCE = 64
"""Days that one commit cuts at most, of each platform, currency and pool: a long outage is caught up in several."""


@dataclass(frozen=True, slots=True)
class DayClosing:
    """Carries days on as far as they go without people. Doing it twice does nothing the second time.

    `seal` records what the group has decided in a book before, so that positions stand for all of it.
    """

    writer: GroupWriter
    state: State
    books: Books
    evidence: Evidence
    days: BusinessDays
    seal: Callable[[Unit, bytes], None]

    async def step(self) -> int:
        """Cuts, computes, reopens and misses what is due, in one commit; returns how much was done."""
        return await self.writer.commit(lambda unit: _Step(self, unit).all())

    def on_day(self, unit: Unit, calendar: str, day: int) -> None:
        """Cuts the day that is over within the commit that opens the next one.

        Here alone a platform's first day is cut: what had no mirror when a day opened had none on the day before.
        """
        _Step(self, unit).cut(calendar)


class _Step:
    """One commit of it: the books are added up once for each platform, currency and pool.

    A year that a calendar does not list stops the days that need it, and no others.
    """

    def __init__(self, closing: DayClosing, unit: Unit) -> None:
        self._closing, self._unit = closing, unit
        self._state, self._days, self._evidence = closing.state, closing.days, closing.evidence
        self._figures: dict[Fund, BookFigures] = {}

    def all(self) -> int:
        """Does it all."""
        done = self.cut()
        for stream in list(self._state.days):
            with suppress(CalendarYearMissing):
                done += self._reopen(stream) + self._compute(stream) + self._miss(stream)
        return done

    def cut(self, opening: str = "") -> int:
        """Cuts what is over, of one calendar alone and with first days where that is `opening`; returns how many."""
        funds = self._closing.books.funds(self._state.pool_of) if opening else self._state.funds()
        concerned = [fund for fund in sorted(funds) if not opening or self._days.calendar(fund[1]) == opening]
        return sum(self._cut_due(fund, opening) for fund in concerned)

    def _books(self, fund: Fund) -> BookFigures:
        if fund not in self._figures:
            tenant, ledger, pool = fund
            self._closing.seal(self._unit, tenant)
            self._figures[fund] = self._closing.books.figures(tenant, ledger, pool, self._state.pool_of)
        return self._figures[fund]

    def _position(self) -> int:
        return self._closing.writer.head.position + len(self._unit.events)

    def _cut_due(self, fund: Fund, opening: str) -> int:
        tenant, ledger, pool = fund
        due = self._due(fund)
        for day in due:
            key, figures = DayKey(tenant, ledger, pool, day), self._books(fund)
            is_late = not opening or day != due[-1] or len(due) == MAX_DAYS_AT_ONCE
            self._unit.record_all(key.stream, cut(key, figures, self._position(), self._unit.now_ns, is_late=is_late))
        return len(due)

    def _due(self, fund: Fund) -> list[int]:
        """Returns the days that are over: all that were not cut since the last, or the newest where none ever was."""
        ledger, found = fund[1], list[int]()
        opened, last = self._days.opened_day(ledger), self._state.last_cut(fund)
        with suppress(CalendarYearMissing):
            newest = self._days.previous_day(ledger, opened) if opened else 0
            day = self._days.next_day(ledger, last) if last else newest
            while 0 < day <= newest and len(found) < MAX_DAYS_AT_ONCE:
                found.append(day)
                day = self._days.next_day(ledger, day)
        return found

    def _reopen(self, stream: bytes) -> int:
        """Begins another version where the banks say otherwise than what was computed with."""
        day = self._state.days[stream]
        banks = self._banks(day) if day.computed else None
        if day.computed is None or banks is None or evidence_of(banks) == evidence_of(day.compared):
            return 0
        self._unit.record(stream, reopened(day, ZERO_ID, EVIDENCE_CHANGED, self._unit.now_ns))
        return 1

    def _compute(self, stream: bytes) -> int:
        day = self._state.days[stream]
        banks = self._banks(day) if day.status is Status.CUT else None
        if banks is None:
            return 0
        self._closing.seal(self._unit, day.key.tenant)
        computation = Computation(books_of(day), tuple(banks), self._state.facts_of(day.key))
        breaks = len(self._evidence.open_breaks(day.key.tenant, [each.mirror for each in banks], day.key.day))
        self._unit.record_all(stream, computed(day, computation, breaks, self._position(), self._unit.now_ns))
        return 1

    def _banks(self, day: Day) -> list[BankFigures] | None:
        """Returns the banks' figures of all mirrors, None while one is missing."""
        found: list[BankFigures] = []
        for each in books_of(day).mirrors:
            bank = self._bank(day, each)
            if bank is None:
                return None
            found.append(bank)
        return found

    def _bank(self, day: Day, mirror: MirrorBalance) -> BankFigures | None:
        """Compares a mirror by what it is now: what a later statement has booked meanwhile counts as booked later."""
        key, position, now_ns = day.key, day.cut.as_of_position, self._unit.now_ns
        closing = self._state.closing_of(mirror.mirror, key.day)
        overdue = self._days.previous_day(key.ledger, key.day)
        if closing is None:
            return None
        sums = self._evidence.sums(key.tenant, mirror.mirror, key.day, overdue, position, now_ns)
        if sums is None:
            return None
        booked_since = self._state.newest_closing(mirror.mirror).closing_minor - closing.closing_minor
        moved_since = self._closing.books.mirror_minor(key.tenant, mirror.mirror) - mirror.balance_minor
        return BankFigures(
            mirror=mirror.mirror,
            number=mirror.number,
            telling=closing.telling,
            mirror_minor=mirror.balance_minor,
            bank_minor=closing.closing_minor,
            later_minor=booked_since - moved_since + sums.later_minor,
            unbooked_minor=sums.sent_minor,
            unplaced_minor=sums.unplaced_minor + self._state.placed_later_minor(key.stream, mirror.mirror),
            overdue_minor=sums.overdue_minor,
        )

    def _miss(self, stream: bytes) -> int:
        """Notes a day that was to be signed while the business day after it was open."""
        day = self._state.days[stream]
        key = day.key
        is_over = self._days.opened_day(key.ledger) > self._days.next_day(key.ledger, key.day)
        if day.is_missed or day.status is Status.SIGNED or not is_over:
            return 0
        self._unit.record(stream, missed(day, self._unit.now_ns))
        return 1
