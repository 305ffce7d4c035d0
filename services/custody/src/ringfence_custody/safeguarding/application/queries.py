"""Days as they are in memory, with what keeps them open."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.writing.writer import GroupWriter

from ringfence_custody.safeguarding.application.ports import Evidence
from ringfence_custody.safeguarding.domain.days import Day, Status, unnotified
from ringfence_custody.safeguarding.domain.state import State

MAX_DAYS = 1_000


@dataclass(frozen=True, slots=True)
class DayQueries:
    """Every answer shows committed facts only."""

    writer: GroupWriter
    state: State
    evidence: Evidence

    async def of_tenant(self, tenant: bytes) -> list[tuple[Day, list[str]]]:
        """Returns the newest days of a platform, the oldest first, each with what keeps it from being signed."""
        return await self.writer.commit(
            lambda unit: [(day, self.open(day)) for day in self.state.of_tenant(tenant)[-MAX_DAYS:]]
        )

    def open(self, day: Day) -> list[str]:
        """Returns what keeps a day from being signed, in words."""
        if day.status is Status.SIGNED:
            return []
        breaks = self.evidence.open_breaks(day.key.tenant, [each.mirror for each in day.mirrors], day.key.day)
        return [*breaks, *(unnotified(day) if not day.is_notified else ())]
