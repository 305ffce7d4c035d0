"""Whether what another service's feed says is recent enough to be relied on."""

from __future__ import annotations

from ringfence_kernel.values.clock import NANOSECONDS, Clock, SteadyClock
from ringfence_kernel.values.errors import DomainError


class StandingStale(DomainError):
    """Identity was not heard for longer than the bound: who was suspended or blocked since is not known here."""

    reason = "STANDING_STALE"
    code = "UNAVAILABLE"
    retry_after_seconds = 0.2


class Hearing:
    """When a source was last heard to the end of its feed, by a clock that nobody can set.

    What a predecessor heard counts for nothing: whoever begins to follow has heard nothing yet.
    """

    def __init__(self, most_seconds: float, clock: Clock | None = None) -> None:
        """Relies on what was heard for `most_seconds`; `clock` tells durations only."""
        self.most_seconds = most_seconds
        self._clock = clock or SteadyClock()
        self._since_ns = self._clock.now_ns()
        self._is_heard = False

    def begin(self) -> None:
        """Notes that following begins, or begins anew."""
        self._since_ns, self._is_heard = self._clock.now_ns(), False

    def ask(self) -> int:
        """Returns the moment of a question, for `heard`."""
        return self._clock.now_ns()

    def heard(self, asked_ns: int) -> None:
        """Notes that everything was taken in that the source had when it was asked."""
        self._since_ns, self._is_heard = asked_ns, True

    def silent_seconds(self) -> float:
        """Returns for how long nothing is known, from the last answer or from when following began."""
        return (self._clock.now_ns() - self._since_ns) / NANOSECONDS

    def require(self) -> None:
        """Raises StandingStale where nothing was heard yet, or for too long."""
        if not self._is_heard or self.silent_seconds() > self.most_seconds:
            raise StandingStale
