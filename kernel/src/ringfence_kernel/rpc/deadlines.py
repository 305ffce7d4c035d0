"""How long a call may take: the caller's deadline, within what the server allows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds that a call gets."""

    default_seconds: float = 10.0
    maximum_seconds: float = 60.0
    stream_seconds: float = 3_600.0

    def of_call(self, remaining_seconds: float | None) -> float:
        """Returns the time of a call that answers once, given what its caller left (None: no deadline)."""
        return self.default_seconds if remaining_seconds is None else min(remaining_seconds, self.maximum_seconds)

    def of_stream(self, remaining_seconds: float | None) -> float:
        """Returns the time of a call that answers many times."""
        return self.stream_seconds if remaining_seconds is None else min(remaining_seconds, self.stream_seconds)
