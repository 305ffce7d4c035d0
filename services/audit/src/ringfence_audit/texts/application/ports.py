"""What pruning needs from outside."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from ringfence_audit.texts.domain.retention import Retention


class Prunable(Protocol):
    """The table of texts. Those about parties that are held stay, and those about payments that they are in."""

    def erase_again(self, parties: Collection[bytes]) -> None:
        """Takes away what is about parties; blocks."""

    def oldest(self, last_days: Mapping[Retention, int], held: Collection[bytes]) -> Mapping[Retention, int]:
        """Gives, by class, the oldest day of texts that are kept too long; blocks."""

    def prune(self, connection: Any, *, of: Retention, day: int, held: Collection[bytes]) -> None:
        """Takes away a class's texts of a day, inside the transaction of `connection`."""
