"""What pruning and erasing need from outside."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from ringfence_audit.log.domain.texts import Client, Link
from ringfence_audit.texts.domain.retention import Retention


class Prunable(Protocol):
    """The table of texts. Those about parties that are held stay, and those about payments that they are in."""

    def oldest(self, last_days: Mapping[Retention, int], held: Collection[Client]) -> Mapping[Retention, int]:
        """Gives, by class, the oldest day of texts that are kept too long; blocks."""

    def prune(self, connection: Any, *, of: Retention, day: int, held: Collection[Client]) -> None:
        """Takes away a class's texts of a day, inside the transaction of `connection`."""


class Erasable(Protocol):
    """The same, and the links by which what is about somebody is found; every call blocks."""

    def mark(self, parties: Collection[Client]) -> None:
        """Has nothing shown any more that is about parties."""

    def wipe_some(self) -> bool:
        """Takes away some of it; returns False once nothing is left."""

    def reached(self) -> int:
        """Gives of how many of the log's first leaves all links are there."""

    def link(
        self, links: Sequence[Link], leaves: int, erased: Collection[Client], tenants: Mapping[int, bytes]
    ) -> None:
        """Saves links up to a number of leaves, and of which platforms their texts are.

        What is about somebody erased among them is wiped again.
        """
