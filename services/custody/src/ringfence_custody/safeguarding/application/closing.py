"""What happens to days by itself: they are cut when the next one opens, computed when the banks' word is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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
    """One commit of it: the books are added up once for each platform, currency and pool."""

    def __init__(self, closing: DayClosing, unit: Unit) -> None:
        self._closing, self._unit = closing, unit
        self._state, self._days, self._evidence = closing.state, closing.days, closing.evidence
        self._figures: dict[Fund, BookFigures] = {}

    def all(self) -> int:
        """Does it all."""
        done = self.cut()
        for stream in list(self._state.days):
            done += self._reopen(stream) + self._compute(stream) + self._miss(stream)
        return done

    def cut(self, opening: str = "") -> int:
        """Cuts what is over, with first days of the calendar that is `opening`; returns how many days."""
        return sum(self._cut_due(fund, opening) for fund in sorted(self._closing.books.funds(self._state.pool_of)))

    def _books(self, fund: Fund) -> BookFigures:
        if fund not in self._figures:
            tenant, ledger, pool = fund
            self._closing.seal(self._unit, tenant)
            self._figures[fund] = self._closing.books.figures(tenant, ledger, pool, self._state.pool_of)
        return self._figures[fund]

    def _position(self) -> int:
        return self._closing.writer.head.position + len(self._unit.events)

    def _cut_due(self, fund: Fund, opening: str) -> int:
        """Cuts the days that are over: all that were not since the last, or the newest where none was ever."""
        tenant, ledger, pool = fund
        opened, last = self._days.opened_day(ledger), self._state.last_cut(fund)
        if not opened or not (last or self._days.calendar(ledger) == opening):
            return 0
        due = self._days.previous_day(ledger, opened)
        day, count = (self._days.next_day(ledger, last) if last else due), 0
        while day <= due and count < MAX_DAYS_AT_ONCE:
            key, figures = DayKey(tenant, ledger, pool, day), self._books(fund)
            self._unit.record_all(key.stream, cut(key, figures, self._position(), self._unit.now_ns))
            day, count = self._days.next_day(ledger, day), count + 1
        return count

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
        computation = Computation(books_of(day), tuple(banks), self._state.facts_of(day.key))
        breaks = len(self._evidence.open_breaks(day.key.tenant, [each.mirror for each in banks], day.key.day))
        self._unit.record_all(stream, computed(day, computation, breaks, self._position(), self._unit.now_ns))
        return 1

    def _banks(self, day: Day) -> list[BankFigures] | None:
        """Returns the banks' figures of all mirrors, None while one is missing."""
        key = day.key
        now = {each.mirror: each for each in self._books((key.tenant, key.ledger, key.pool)).mirrors}
        found = [self._bank(key, now[each.mirror]) for each in day.mirrors]
        banks = [each for each in found if each is not None]
        return banks if len(banks) == len(found) else None

    def _bank(self, key: DayKey, mirror: MirrorBalance) -> BankFigures | None:
        """Compares a mirror as it is now: what a later statement has booked meanwhile counts as booked later."""
        closing = self._state.closing_of(mirror.mirror, key.day)
        overdue = self._days.previous_day(key.ledger, key.day)
        sums = self._evidence.sums(key.tenant, mirror.mirror, key.day, overdue, self._unit.now_ns) if closing else None
        if closing is None or sums is None:
            return None
        booked_since = self._state.newest_closing(mirror.mirror).closing_minor - closing.closing_minor
        return BankFigures(
            mirror=mirror.mirror,
            number=mirror.number,
            telling=closing.telling,
            mirror_minor=mirror.balance_minor,
            bank_minor=closing.closing_minor,
            later_minor=booked_since + sums.told_minor,
            unbooked_minor=sums.unmatched_minor - sums.told_minor,
            unplaced_minor=sums.unplaced_minor,
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
