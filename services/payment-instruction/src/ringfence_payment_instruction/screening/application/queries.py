"""What screening tells its siblings: the lists in force."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.values.clock import NANOSECONDS, Clock

from ringfence_payment_instruction.screening.domain.errors import ScreeningListStale
from ringfence_payment_instruction.screening.domain.lists import Screening
from ringfence_payment_instruction.screening.domain.state import State


@dataclass(frozen=True, slots=True)
class ListsInForce:
    """Tells which lists are in force, and refuses to be relied on when they are stale."""

    state: State
    maximum_age_ns: int
    clock: Clock

    def count(self) -> int:
        """Returns how many lists are in force."""
        return len(self.state.lists)

    def oldest_seconds(self) -> float | None:
        """Returns the age of the oldest list in force, None where there is none."""
        published = [each.published_ns for each in list(self.state.lists.values())]
        return (self.clock.now_ns() - min(published)) / NANOSECONDS if published else None

    def current(self) -> Screening:
        """Returns the lists in force now."""
        return Screening(dict(self.state.lists), self.maximum_age_ns)

    def fresh(self) -> Screening:
        """Returns the same; raises ScreeningListStale where there are none, or one is older than its bound."""
        screening = self.current()
        if screening.is_stale(self.clock.now_ns()):
            raise ScreeningListStale
        return screening
