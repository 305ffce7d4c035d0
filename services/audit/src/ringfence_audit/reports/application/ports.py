"""What reports need: leaves about an id, and the currencies of a platform. All calls block."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol


class Leaves(Protocol):
    """The log by its index."""

    def about(self, key: bytes, until_leaf: int) -> Iterable[tuple[int, bytes]]:
        """Returns the leaves that name an id, with their indexes, in order, below an index."""

    def of_kinds(self, tenant: bytes, kinds: Iterable[str], until_leaf: int) -> Iterable[tuple[int, bytes]]:
        """Returns the leaves of some kinds about a platform (zero id: about all), likewise."""


Currencies = Callable[[bytes], list[int]]
"""Returns the currencies of a platform's accounts, ISO 4217 numeric, in order."""
