"""How far the statements are behind the ledger, when they may rest, and when transfers wait for them."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.service.measures import while_leading
from ringfence_kernel.telemetry.gauges import Gauges
from ringfence_kernel.values.ids import ID_BYTES
from ringfence_kernel.values.recorded import Recorded

from ringfence_custody.ledger.domain.events import TransfersCreated

LAG_ROWS, LAG_DURATION = "ringfence.statements.lag.rows", "ringfence.statements.lag.duration"  # docs/telemetry.md
REST_SECONDS, REST_SHARE = 2.0, 0.75
"""So long, and up to this share of the limit, statements leave the machine to the ledger, unless somebody reads."""


class Projection(Protocol):
    """How far the read model has come."""

    position: int

    async def reached(self, position: int) -> None:
        """Waits until the read model shows everything up to a feed position."""


class StatementLag:
    """Counts transfers that are committed and not yet shown.

    Up to three quarters of the limit, and for two seconds, a burst has the machine to itself; up to the limit it costs
    nobody anything; beyond, transfers wait. A lag that was there when the term began, after a migration say, need
    not shrink at the ledger's cost: while the statements make up for it nobody waits, and what came on top of it may
    only not grow.
    """

    def __init__(self, projection: Projection, limit_rows: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Lets `limit_rows` transfers be committed ahead of the projection."""
        self._projection, self._limit, self._clock = projection, limit_rows, clock
        self._ahead: deque[tuple[int, int, float]] = deque()
        self.begin(0)

    def begin(self, position: int) -> None:
        """Counts from nothing: a term begins, and the feed stands at a position already."""
        self._ahead.clear()
        self._start, self._rows, self._bound = position, 0, math.inf

    def note(self, recorded: list[Recorded]) -> None:
        """Takes note of what was committed."""
        self._tighten()
        now = self._clock()
        for each in recorded:
            if isinstance(each.event, TransfersCreated):
                rows = len(each.event.id) // ID_BYTES
                self._ahead.append((each.position, rows, now))
                self._rows += rows

    def rows(self) -> int:
        """Returns how many transfers, committed in this term, are not shown."""
        while self._ahead and self._ahead[0][0] <= self._projection.position:
            self._rows -= self._ahead.popleft()[1]
        return self._rows

    def seconds(self) -> float:
        """Returns how long ago the first of them was committed, 0 when there is none."""
        return self._clock() - self._ahead[0][2] if self.rows() else 0.0

    def may_rest(self) -> bool:
        """Tells whether the projection may put its next page off: what is behind is little, and not old."""
        return 0 < self.rows() <= REST_SHARE * self._limit and self.seconds() < REST_SECONDS

    def is_too_far(self) -> bool:
        """Tells whether transfers have to wait."""
        self._tighten()
        return self.rows() > self._bound

    async def follow(self) -> None:
        """Waits while the statements are too far behind; the caller sets the deadline."""
        while self.is_too_far():
            await self._projection.reached(self._ahead[0][0])

    def _tighten(self) -> None:
        """Lowers the bound to what is behind now, never below the limit, once what was there at the start is shown."""
        if self._projection.position >= self._start:
            self._bound = max(self._limit, min(self._bound, self.rows()))

    def gauge(self, gauges: Gauges, leadership: Leadership) -> None:
        """Has the lag measured by telemetry, in the process that leads: nobody else projects."""
        rows = "Transfers committed and not yet in the statements."
        seconds = "Age of the first of the transfers not yet in the statements."
        gauges.observe(LAG_ROWS, "{row}", rows, while_leading(leadership, lambda: [(self.rows(), {})]))
        gauges.observe(LAG_DURATION, "s", seconds, while_leading(leadership, lambda: [(self.seconds(), {})]))
