"""What flows ask outside."""

from __future__ import annotations

from typing import Protocol


class PastAgreements(Protocol):
    """Fee agreements that have left memory, as the event store has them."""

    def is_ended(self, stream: bytes) -> bool:
        """Tells whether the agreement of a stream was ended; blocking."""
