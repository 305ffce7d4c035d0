"""Whether writing goes on: what health says of a writer."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

HANGS_SECONDS = 5.0
"""A group that is under way for so long is a problem; a failed one is for so long, unless another is written."""


@dataclass(slots=True)
class Progress:
    """When the group under way was begun, and when and why the last one failed."""

    _since: float = math.inf
    _failed_at: float = -math.inf
    _reason: str = ""

    def begin(self) -> None:
        """Notes that a group is under way."""
        self._since = time.monotonic()

    def end(self) -> None:
        """Notes that it is settled, one way or the other."""
        self._since = math.inf

    def fail(self, reason: str) -> None:
        """Notes why a group was not written."""
        self._failed_at, self._reason = time.monotonic(), reason

    def succeed(self) -> None:
        """Notes that events of a group were written."""
        self._failed_at = -math.inf

    @property
    def is_under_way(self) -> bool:
        """Tells whether a group has begun and is not settled."""
        return self._since < math.inf

    def problem(self) -> str | None:
        """Returns why nothing is written, None where nothing speaks against it."""
        now = time.monotonic()
        if now - self._since > HANGS_SECONDS:
            return "a commit hangs"
        return self._reason if now - self._failed_at < HANGS_SECONDS else None
