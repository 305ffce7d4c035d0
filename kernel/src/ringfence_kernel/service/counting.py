"""How much one tenant may have kept for ever: events, counted where they are recorded (docs/adr/0019)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from ringfence_kernel.access.caller import Caller, current_caller
from ringfence_kernel.rpc.quotas import owner_of
from ringfence_kernel.values.buckets import Buckets
from ringfence_kernel.values.errors import QuotaExceeded
from ringfence_kernel.writing.deciding import InSteps, Steps, Together
from ringfence_kernel.writing.writer import GroupWriter, Unit

Reply = TypeVar("Reply")
Owner = Callable[[Caller], bytes | None]

HOUR_SECONDS = 3_600
EVENT_BYTES = 1_024
"""An event that is longer counts once more for each time it is so long."""


class EventsExceeded(QuotaExceeded):
    """The tenant has had as many events kept for ever as it may for now; nothing was done."""

    reason = "EVENTS_QUOTA_EXCEEDED"


class EventsQuota:
    """Counts events by tenant, by principal where a caller has no tenant, in the memory of the process that leads."""

    def __init__(self, per_hour: float = 0.0, owner: Owner = owner_of) -> None:
        """Starts with nothing used; 0 is no bound, and so it is for whom `owner` returns None."""
        self._owner = owner
        self._owners = Buckets(per_hour / HOUR_SECONDS, per_hour) if per_hour else None

    def of(self, command: Callable[[Unit], Reply]) -> Counted[Reply] | None:
        """Returns a command of the current caller that counts; None where nobody's quota bears it."""
        try:
            owner = self._owner(current_caller()) if self._owners else None
        except LookupError:
            return None
        return Counted(command, self, owner) if owner is not None else None

    def take(self, owner: bytes, count: int) -> None:
        """Counts what a decision records, the last one in full; raises EventsExceeded."""
        if self._owners and (seconds := self._owners.draw(owner, count)):
            raise EventsExceeded(retry_after_seconds=seconds)

    def give_back(self, owner: bytes, count: int) -> None:
        """Counts no longer what was not recorded."""
        if self._owners and count:
            self._owners.give_back(owner, count)


class Counted(Generic[Reply]):
    """A command whose events count, however often it is decided; one that records none is never refused."""

    __slots__ = ("_command", "_count", "_owner", "_quota")

    def __init__(self, command: Callable[[Unit], Reply], quota: EventsQuota, owner: bytes) -> None:
        """Takes the command, and to whom it counts."""
        self._command, self._quota, self._owner, self._count = command, quota, owner, 0

    def __call__(self, unit: Unit) -> Reply:
        """Decides; raises EventsExceeded, and then the writer takes back what was decided."""
        self.give_back()
        before = len(unit.events)
        reply = self._command(unit)
        self._take(unit, before)
        return reply

    def steps(self, command: InSteps[Reply], unit: Unit) -> Steps[Reply]:
        """Decides a command in steps, and counts as a call does."""
        self.give_back()
        before = len(unit.events)
        reply = yield from command.decide(unit)
        self._take(unit, before)
        return reply

    def _take(self, unit: Unit, before: int) -> None:
        count = sum(1 + len(event.state) // EVENT_BYTES for event in unit.events[before:])
        if count:
            self._quota.take(self._owner, count)
            self._count = count

    def give_back(self) -> None:
        """Counts no longer what the last decision would have recorded."""
        self._quota.give_back(self._owner, self._count)
        self._count = 0


@dataclass(slots=True)
class CountingWriter(GroupWriter):
    """A writer that counts what its callers have kept; what is decided together has quotas of its own."""

    quota: EventsQuota = field(default_factory=EventsQuota)

    async def commit(self, command: Callable[[Unit], Any], *, weight: int = 1) -> Any:
        """As GroupWriter; raises EventsExceeded too. A command that is given up counts: it may have been committed."""
        counted = None if isinstance(command, Together) else self.quota.of(command)
        if counted is None:
            return await GroupWriter.commit(self, command, weight=weight)
        try:
            deciding = InSteps(partial(counted.steps, command)) if isinstance(command, InSteps) else counted
            return await GroupWriter.commit(self, deciding, weight=weight)
        except Exception:
            counted.give_back()
            raise
