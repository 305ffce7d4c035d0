"""What happens because time passes: approvals expire, execution dates come, a bank stays silent too long."""

from __future__ import annotations

import asyncio
import heapq
from dataclasses import dataclass, field
from functools import partial

from ringfence_kernel.telemetry.logs import get
from ringfence_kernel.values.clock import Clock
from ringfence_kernel.values.errors import DomainError

from ringfence_payment_instruction.submissions.application.submissions import Submissions
from ringfence_payment_instruction.submissions.domain.deadlines import Patience, deadlines, overdue

TICK_SECONDS = 0.5
SPARE_DEADLINES = 1_024
RETRY_SECONDS = 2.0
_LOG = get(__name__)


@dataclass(slots=True)
class Deadlines:
    """Knows the next deadline of each submission.

    A deadline that has moved is dropped when its old time comes, or once most of those noted have moved.
    """

    submissions: Submissions
    patience: Patience
    clock: Clock
    _due: list[tuple[int, bytes]] = field(default_factory=list)
    _known: dict[bytes, int] = field(default_factory=dict)

    def look_at(self, stream: bytes) -> None:
        """Notes the next deadline of a submission, if it has one."""
        submission = self.submissions.state.submission(stream)
        times = [due_ns for _, due_ns in deadlines(submission, self.patience)] if submission is not None else []
        if not times:
            self._known.pop(stream, None)
        elif self._known.get(stream) != min(times):
            self._remember(stream, min(times))

    async def run(self) -> None:
        """Watches the clock until cancelled."""
        while True:
            try:
                await self.step()
            except DomainError as error:
                _LOG.warning("deadline_waits", reason=error.reason)
                await asyncio.sleep(RETRY_SECONDS)
            await asyncio.sleep(TICK_SECONDS)

    async def step(self) -> None:
        """Decides once on every submission whose time seems to have come.

        What is due is decided by the time of the decision, which is committed only where two clocks agree. Raises what
        the writer's `commit` raises; whatever was not decided keeps its deadline.
        """
        due = self._taken(self.clock.now_ns())
        while due:
            _, stream = due[-1]
            try:
                await self.submissions.decide_by_time(stream, partial(overdue, patience=self.patience))
            except DomainError:
                for each_ns, each in due:
                    self._remember(each, each_ns)
                raise
            self.look_at(stream)
            due.pop()

    def _taken(self, now_ns: int) -> list[tuple[int, bytes]]:
        """Takes out what is due, the first last."""
        taken = []
        while self._due and self._due[0][0] <= now_ns:
            due_ns, stream = heapq.heappop(self._due)
            if self._known.get(stream) == due_ns:
                del self._known[stream]
                taken.append((due_ns, stream))
        return taken[::-1]

    def _remember(self, stream: bytes, due_ns: int) -> None:
        self._known[stream] = due_ns
        heapq.heappush(self._due, (due_ns, stream))
        if len(self._due) > 2 * len(self._known) + SPARE_DEADLINES:
            # Most payments settle long before their time is up.
            self._due = [(due_ns, stream) for stream, due_ns in self._known.items()]
            heapq.heapify(self._due)
