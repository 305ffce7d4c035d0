"""Putting a read model's next page off: what is committed meanwhile comes with it, and a row is written once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from ringfence_kernel.values.recorded import Recorded

DEFERRAL_SECONDS = 1.0


class Projection(Protocol):
    """How far the read model has come."""

    position: int


class Deferral:
    """Tells a projector to put its next page off until what it lacks is a second old, see `Projector.hold`.

    Whoever reads is not kept waiting, nor is an event that may not wait.
    """

    def __init__(
        self,
        projection: Projection,
        clock: Callable[[], float] = time.monotonic,
        may_wait: Callable[[Recorded], bool] = lambda each: True,
    ) -> None:
        """Begins with the first commit that is noted; what was committed before is never put off."""
        self._projection, self._clock, self._may_wait = projection, clock, may_wait
        self._position, self._since, self._urgent = 0, 0.0, 0

    def note(self, recorded: Sequence[Recorded]) -> None:
        """Takes note of what was committed."""
        if self._projection.position >= self._position:
            self._position, self._since = recorded[0].position, self._clock()
        if not all(map(self._may_wait, recorded)):
            self._urgent = recorded[-1].position

    def is_on(self) -> bool:
        """Tells whether all that the read model lacks is younger than a second, and may wait."""
        shown = self._projection.position
        return self._urgent <= shown < self._position and self._clock() - self._since < DEFERRAL_SECONDS
