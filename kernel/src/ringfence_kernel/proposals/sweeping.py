"""When what waits was last looked at as a whole, and whether anything can have come to nothing since."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from ringfence_kernel.proposals.domain.events import ProposalMade
from ringfence_kernel.proposals.domain.state import Proposal
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.writer import Unit

NEVER_NS = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Swept:
    """When nothing was left to void: the group by its first position and its events, and how many there were then.

    Whoever keeps it has the journal take it back with what it was seen of. `ends_ns` is when the first of what waits
    lapses, `now_ns` the time of the command that looked last.
    """

    base: int
    recorded: Sequence[Recorded]
    count: int
    now_ns: int
    ends_ns: int

    @classmethod
    def now(cls, unit: Unit, waiting: Iterable[Proposal]) -> Swept:
        """Returns the moment, and the end of those that wait."""
        ends_ns = min((each.expires_ns for each in waiting if unit.now_ns < each.expires_ns), default=NEVER_NS)
        return cls(unit.base, unit.recorded, len(unit.recorded), unit.now_ns, ends_ns)

    def still_holds(self, unit: Unit, all_may_act: Callable[[int], bool]) -> bool:
        """Tells whether nothing can have come to nothing since.

        Only proposals were recorded, in this group or in the one before it, none of what waits has lapsed, and in
        another group, or at another time, everybody who proposed may act still.
        """
        if self._since(unit) is None or unit.now_ns >= self._end_ns(unit):
            return False
        is_same = unit.recorded is self.recorded and unit.now_ns == self.now_ns
        return is_same or all_may_act(unit.now_ns)

    def at(self, unit: Unit) -> Swept:
        """Returns the same as of now, where it still holds."""
        return replace(Swept.now(unit, ()), ends_ns=self._end_ns(unit))

    def _end_ns(self, unit: Unit) -> int:
        return min([self.ends_ns, *(each.expires_ns for each in self._since(unit) or ())])

    def _since(self, unit: Unit) -> list[ProposalMade] | None:
        """Returns the proposals since, None where something else was recorded, or may have been."""
        since = self.recorded[self.count :]
        if unit.recorded is not self.recorded:
            if unit.base != self.base + len(self.recorded):
                return None
            since = [*since, *unit.recorded]
        made = [each.event for each in since if isinstance(each.event, ProposalMade)]
        return made if len(made) == len(since) else None
