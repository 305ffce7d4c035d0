"""What screening tells its siblings: the lists in force."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.values.clock import NANOSECONDS, Clock
from ringfence_kernel.writing.writer import GroupWriter

from ringfence_payment_instruction.screening.domain.errors import ScreeningListStale
from ringfence_payment_instruction.screening.domain.lists import SanctionsList, Screening
from ringfence_payment_instruction.screening.domain.state import State


@dataclass(frozen=True, slots=True)
class ListsInForce:
    """Tells which lists are in force, and refuses to be relied on when they are stale."""

    state: State
    maximum_age_ns: int
    clock: Clock
    writer: GroupWriter

    def count(self) -> int:
        """Returns how many lists are in force."""
        return len(self.state.lists)

    def oldest_seconds(self) -> float | None:
        """Returns the age of the oldest list in force since it was published or confirmed, None where there is none."""
        current = [each.current_ns for each in list(self.state.lists.values())]
        return (self.clock.now_ns() - min(current)) / NANOSECONDS if current else None

    async def committed(self) -> tuple[dict[str, SanctionsList], dict[str, bytes]]:
        """Returns the lists in force, and by name the proposals that editions wait for, once that is durable."""
        return await self.writer.commit(lambda unit: (dict(self.state.lists), dict(self.state.proposals)))

    def current(self) -> Screening:
        """Returns the lists in force now, and the editions that wait."""
        return Screening(dict(self.state.lists), self.maximum_age_ns, dict(self.state.waiting))

    def are_stale(self) -> bool:
        """Tells whether nothing may pass, as there are none, or one is older than its bound."""
        return self.current().is_stale(self.clock.now_ns())

    def fresh(self) -> Screening:
        """Returns the same as `current`; raises ScreeningListStale where nothing may pass."""
        screening = self.current()
        if screening.is_stale(self.clock.now_ns()):
            raise ScreeningListStale
        return screening
