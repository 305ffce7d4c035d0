"""Business days, opened as they begin: each one in order, once, also those that passed during an outage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial

from ringfence_kernel.calendars.noted import stream_of
from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.service.measures import while_leading
from ringfence_kernel.telemetry import logs
from ringfence_kernel.telemetry.gauges import Gauges
from ringfence_kernel.values.business_days import ZONES, CalendarUnknown, CalendarYearMissing, local_day
from ringfence_kernel.values.clock import Clock
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_custody.calendars.domain.errors import DaysNotStepped, DayStepped
from ringfence_custody.calendars.domain.events import BusinessDayOpened
from ringfence_custody.calendars.domain.opening import due, listed_until
from ringfence_custody.calendars.domain.state import State

LISTED = "ringfence.calendar.listed"
LOOK_SECONDS = 1.0
MOST_AT_ONCE = 64
"""Days that one commit opens: a long outage is caught up in several."""
Before = Callable[[str], AbstractAsyncContextManager[None]]
"""What the commit that opens days of a calendar is done within: it has computed ahead what takes long."""
DayTimer = Callable[[Unit, str, int], None]
"""Called in the commit that opens a day of a calendar: what hangs on days fires once for each, in order."""
_LOG = logs.get(__name__)


@dataclass(slots=True)
class Days:
    """Opens days by the clocks, or, where they `may_step`, ahead of them."""

    writer: GroupWriter
    state: State
    clock: Clock
    may_step: bool = False
    timers: Sequence[DayTimer] = ()
    before: Before = field(default=lambda calendar: nullcontext())
    _missing: set[str] = field(default_factory=set)
    """Calendars that wait for a list, each said once in the log."""

    async def run(self) -> None:
        """Opens what is due, for ever; a database that is away only delays it."""
        while True:
            try:
                await self.open_due()
            except DomainError as error:
                _LOG.warning("days_wait", reason=error.reason)
            await asyncio.sleep(LOOK_SECONDS)

    async def open_due(self) -> int:
        """Opens every day that has begun; returns how many. Commits nothing where none has.

        No calendar's days begin before two people have listed one: until then nothing is recorded that the release
        before could not read.
        """
        opened = 0
        for calendar in ZONES if self.state.years else ():
            while self._due(calendar, self.clock.now_ns(), most=1):
                async with self.before(calendar):
                    count = await self.writer.commit(partial(self._open, calendar))
                if not count:
                    break
                opened += count
        return opened

    async def step(self, calendar: str, after_day: int) -> int:
        """Opens the business day after the one that is open, 0 for none, or what is due; returns the newest open day.

        The same again opens no other. Raises DaysNotStepped, CalendarUnknown, DayStepped, CalendarYearMissing.
        """
        if not self.may_step:
            raise DaysNotStepped
        if calendar not in ZONES:
            raise CalendarUnknown(calendar=calendar)

        def decide(unit: Unit) -> int:
            opened = self.state.opened_day(calendar) or 0
            if after_day != opened:
                raise DayStepped(day=str(opened))
            events = list(due(self.state, calendar, unit.now_ns))
            if not events:
                day = self.state.next_business_day(calendar, opened)
                events = [BusinessDayOpened(calendar, day, opened, unit.now_ns, True)]
            for event in events:
                self._record(unit, event)
            return events[-1].day

        async with self.before(calendar):
            return await self.writer.commit(decide)

    def gauge(self, gauges: Gauges, leadership: Leadership) -> None:
        """Shows for how many days from today on each calendar is listed that has been listed at all."""

        def look() -> list[tuple[float, dict[str, str]]]:
            found = []
            for calendar in sorted({name for name, _ in list(self.state.years)}):
                today = local_day(self.clock.now_ns(), ZONES[calendar])
                days = listed_until(self.state, calendar, today) - today + 1
                found.append((float(days), {"ringfence.calendar": calendar}))
            return found

        meaning = "Days from today on whose year is listed, of each calendar that was ever listed."
        gauges.observe(LISTED, "{day}", meaning, while_leading(leadership, look))

    def _open(self, calendar: str, unit: Unit) -> int:
        events = self._due(calendar, unit.now_ns)
        for event in events:
            self._record(unit, event)
        return len(events)

    def _record(self, unit: Unit, event: BusinessDayOpened) -> None:
        unit.record(stream_of(event.calendar), event)
        for timer in self.timers:
            timer(unit, event.calendar, event.day)

    def _due(self, calendar: str, now_ns: int, most: int = MOST_AT_ONCE) -> list[BusinessDayOpened]:
        """Returns the first days that are due, none where a list is missing before the first."""
        found: list[BusinessDayOpened] = []
        try:
            for event in due(self.state, calendar, now_ns):
                found.append(event)
                if len(found) == most:
                    break
        except CalendarYearMissing as missing:
            self._tell(calendar, missing)
        else:
            self._missing.discard(calendar)
        return found

    def _tell(self, calendar: str, missing: CalendarYearMissing) -> None:
        """Says once that a calendar's days stand still; one that was never listed is used by nobody."""
        was_listed = any(name == calendar for name, _ in self.state.years)
        if was_listed and calendar not in self._missing:
            _LOG.warning("calendar_year_missing", calendar=calendar, year=missing.metadata["year"])
            self._missing.add(calendar)
