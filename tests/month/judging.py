"""What was found against what was done: precision and recall of each class of break."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ringfence.reconciliation import BreakKind

from .faults import KINDS, Plan
from .life import Life


@dataclass(frozen=True)
class Score:
    """How many of a class were there, were found, and were found rightly."""

    there: int
    found: int
    right: int

    @property
    def precision(self) -> float:
        """The share of what was found that was there; 1 where nothing was found."""
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """The share of what was there that was found; 1 where nothing was there."""
        return self.right / self.there if self.there else 1.0


def scores(life: Life, plan: Plan) -> dict[BreakKind, Score]:
    """Compares by account and day; each payment that its bank books late is one."""
    names = {each.bank.mirror.id: each.name for each in life.town.accounts}
    there = Counter(
        (name, day, KINDS[each]) for (name, day), its in plan.faults.items() for each in its if each in KINDS
    )
    there += Counter({place: life.late_payments[place[:2]] - 1 for place in there if place[2] is BreakKind.TIMING})
    found = Counter((names[each.mirror_id], each.day, each.kind) for each in life.found.values())
    right = there & found
    return {
        kind: Score(
            *(sum(count for place, count in each.items() if place[2] is kind) for each in (there, found, right))
        )
        for kind in BreakKind
    }


def shown(found: dict[BreakKind, Score]) -> str:
    """The scores as lines of text."""
    return "\n".join(
        f"{kind.name:14} there {score.there:4} found {score.found:4} precision {score.precision:.3f}"
        f" recall {score.recall:.3f}"
        for kind, score in found.items()
        if score.there or score.found
    )
