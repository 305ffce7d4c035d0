"""How many sanctions lists and names there may be, and how many editions an operator brings (docs/adr/0019)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ringfence_kernel.values.buckets import Buckets

from ringfence_payment_instruction.screening.domain.editions import ListBounds
from ringfence_payment_instruction.screening.domain.errors import SanctionsEditionsExceeded

DAY_SECONDS = 86_400


@dataclass(slots=True)
class EditionTurn:
    """One edition of an operator's; `seconds` until there is room for it."""

    seconds: float
    is_used: bool = False

    def use(self) -> None:
        """Counts what is recorded now; raises SanctionsEditionsExceeded."""
        if self.seconds:
            raise SanctionsEditionsExceeded(retry_after_seconds=self.seconds)
        self.is_used = True


@dataclass(frozen=True, slots=True)
class EditionsQuota:
    """Counts the editions that each operator has kept, in the memory of the process that leads."""

    bounds: ListBounds
    _buckets: Buckets | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Starts with nothing used; 0 a day is no bound."""
        per_day = self.bounds.editions_per_day
        object.__setattr__(self, "_buckets", Buckets(per_day / DAY_SECONDS, per_day) if per_day else None)

    @contextmanager
    def turn(self, operator: bytes) -> Iterator[EditionTurn]:
        """Gives a turn, which counts where it was used and nothing was raised."""
        turn = EditionTurn(self._buckets.draw(operator) if self._buckets else 0.0)
        is_kept = False
        try:
            yield turn
            is_kept = turn.is_used
        finally:
            if self._buckets and not is_kept and not turn.seconds:
                self._buckets.give_back(operator, 1)
