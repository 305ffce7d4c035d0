"""Finds out that the log has passed both sources, and raises an alarm on what is not proven by then.

payment-instruction commits a bank's word before it asks custody to book. So all that could justify what the log shows
of custody was in payment-instruction's feed already: once the log has come to where that feed stood afterwards, what is
not proven is a finding. No time is measured: a source that is away, or slow, is waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.service.measures import while_leading
from ringfence_kernel.telemetry import logs
from ringfence_kernel.telemetry.gauges import Gauges
from ringfence_kernel.values.clock import NANOSECONDS
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.values.ids import show

from ringfence_audit.evidence.application.ports import Counts, Findings, Found, Source
from ringfence_audit.evidence.domain.bookings import Flaw
from ringfence_audit.evidence.domain.state import State
from ringfence_audit.log.application.commands import NotePassed
from ringfence_audit.log.application.sources import SourceAway
from ringfence_audit.log.domain.checkpoint import SourceHead

UNPROVEN, AGE = "ringfence.evidence.unproven", "ringfence.evidence.age"
LOOK_SECONDS = 5.0
NAMED_AT_ONCE = 100
_LOG = logs.get(__name__)


@dataclass(slots=True)
class Passing:
    """Looks now and then, in the process that leads; each finding is named in its log once."""

    state: State
    note: NotePassed
    custody: Source
    payment_instruction: Source
    findings: Findings
    now_ns: Callable[[], int]
    _seen: tuple[int, SourceHead, SourceHead] | None = None
    """A size of the log, and where the sources stood after it had that size."""
    _named: tuple[int, ...] = (0, 0)
    _counts: Counts | None = None

    async def look(self) -> None:
        """Notes that the sources are passed, if bookings wait for it, and names what was found; raises SourceAway."""
        self._counts = counts = await asyncio.to_thread(self.findings.counts)
        await self._name()
        first_open = counts.first_open
        if first_open is None or first_open < self.state.judged:
            return  # nothing waits, or its rows do not show yet what was noted
        if not self.note.may_record:
            return
        if self._seen is None:
            # What the log shows by now was committed before the sources are asked.
            size = await self.note.size()
            self._seen = size, await self.custody.head(), await self.payment_instruction.head()
        if await self.note(*self._seen):
            self._seen = None

    async def run(self) -> None:
        """Looks until cancelled."""
        self._seen, self._named, self._counts = None, (0, 0), None
        while True:
            try:
                await self.look()
            except (SourceAway, DomainError) as error:
                _LOG.warning("evidence_waits", error=type(error).__name__)
            await asyncio.sleep(LOOK_SECONDS)

    def gauge(self, gauges: Gauges, leadership: Leadership) -> None:
        """Has it observed in the process that leads."""
        meaning = "Transfers that the bank's word does not justify."
        gauges.observe(UNPROVEN, "{transfer}", meaning, while_leading(leadership, self._by_flaw))
        meaning = "How long the log has had the oldest transfer over a bank mirror that it cannot judge yet."
        gauges.observe(AGE, "s", meaning, while_leading(leadership, self._age))

    def _by_flaw(self) -> list[tuple[float, Mapping[str, str]]]:
        """Gives nothing before the first look: 0 would say that nothing was found."""
        if self._counts is None:
            return []
        return [(self._counts.by_flaw.get(flaw, 0), {"ringfence.flaw": flaw.name}) for flaw in Flaw]

    def _age(self) -> list[tuple[float, Mapping[str, str]]]:
        since_ns = self._counts.open_since_ns if self._counts else None
        return [(0 if since_ns is None else max(0, self.now_ns() - since_ns) / NANOSECONDS, {})]

    async def _name(self) -> None:
        while found := await asyncio.to_thread(self.findings.find, None, self._named, NAMED_AT_ONCE):
            for each in found:
                _alarm(each)
            self._named = found[-1].booking.leaf, found[-1].booking.move


def _alarm(found: Found) -> None:
    booking = found.booking
    _LOG.error(
        "evidence_unproven",
        flaw=found.flaw.name,
        leaf=booking.leaf,
        transfer=show(booking.transfer),
        evidence=(booking.file or b"").hex(),
    )
