"""States what the log comes to where custody has closed books, and raises an alarm where custody says otherwise."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.service.measures import while_leading
from ringfence_kernel.telemetry import logs
from ringfence_kernel.telemetry.gauges import Gauges
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.values.ids import show

from ringfence_audit.books.application.ports import Closed, Closings
from ringfence_audit.log.domain.leaf import Value

DIFFERENT = "ringfence.books.different"
LOOK_SECONDS = 2.0
AT_ONCE = 100
SHOWN_SECONDS = 120.0
"""A difference is shown at least so long, though a later closing agrees: whoever scrapes the metric sees it."""
Record = Callable[[int, Mapping[str, Value]], Awaitable[bool]]
_LOG = logs.get(__name__)


@dataclass(slots=True)
class Comparing:
    """Looks now and then, in the process that leads; `recorded` is the leaf from which on nothing is stated yet."""

    closings: Closings
    record: Record
    recorded: Callable[[], int]
    now: Callable[[], float] = time.monotonic
    _newest: tuple[Closed, ...] | None = None
    _named: int = 0
    """The leaf from which on no difference was named in this process's log."""
    _followed: list[tuple[float, Closed]] = field(default_factory=list)
    """Differences that a later closing has followed already when they were named, and until when each is shown."""

    async def look(self) -> None:
        """States what is closed and not stated yet, and names what differs."""
        self._newest = tuple(await asyncio.to_thread(self.closings.newest))
        await self._name()
        while found := await asyncio.to_thread(self.closings.after, self.recorded(), AT_ONCE):
            for each in found:
                if not await self.record(each.leaf, each.stated):
                    return

    async def _name(self) -> None:
        """Names each closing that differs once: also one that a later closing, which agrees, has followed already.

        Of those that are stated, and that a process of before has named, only what still stands is named again.
        """
        stated = self.recorded()
        for each in sorted(self._newest or (), key=lambda closed: closed.leaf):
            if self._named <= each.leaf < stated and _is_wrong(each):
                _alarm(each)
        self._named = max(self._named, stated)
        while found := await asyncio.to_thread(self.closings.after, self._named, AT_ONCE):
            for each in filter(_is_wrong, found):
                _alarm(each)
                if each not in (self._newest or ()):
                    self._followed.append((self.now() + SHOWN_SECONDS, each))
            self._named = found[-1].leaf + 1

    async def run(self) -> None:
        """Looks until cancelled."""
        self._newest, self._named, self._followed = None, 0, []
        while True:
            try:
                await self.look()
            except DomainError as error:
                _LOG.warning("books_wait", error=type(error).__name__)
            await asyncio.sleep(LOOK_SECONDS)

    async def problem(self) -> str | None:
        """Gives what is wrong, or None: a probe of health."""
        wrong = sum(map(_is_wrong, self._newest or ()))
        return f"the books of {wrong} platforms and currencies are not what the log comes to" if wrong else None

    def gauge(self, gauges: Gauges, leadership: Leadership) -> None:
        """Has it observed in the process that leads."""
        meaning = "Platforms and currencies whose newest, or newly named, closed books differ or lack cover."
        gauges.observe(DIFFERENT, "{book}", meaning, while_leading(leadership, self._counts))

    def _counts(self) -> list[tuple[float, Mapping[str, str]]]:
        """Gives nothing before the first look: 0 would say that nothing was found."""
        if self._newest is None:
            return []
        shown = self._shown()
        different, uncovered = (sum(not getattr(each, name) for each in shown) for name in ("is_same", "is_covered"))
        return [(different, {"ringfence.finding": "different"}), (uncovered, {"ringfence.finding": "uncovered"})]

    def _shown(self) -> list[Closed]:
        """Gives the newest closing of each book, and for a while what differed before."""
        now = self.now()
        self._followed = [(until, each) for until, each in self._followed if until > now]
        shown = (*(self._newest or ()), *(each for _, each in self._followed))
        return list({each.leaf: each for each in shown}.values())


def _is_wrong(closed: Closed) -> bool:
    return not (closed.is_same and closed.is_covered)


def _alarm(closed: Closed) -> None:
    _LOG.critical(
        "books_different" if not closed.is_same else "books_uncovered",
        leaf=closed.leaf,
        tenant=show(closed.tenant),
        ledger=closed.ledger,
    )
