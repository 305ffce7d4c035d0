"""What reports need: leaves about an id, and the currencies of a platform. All calls block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol


class Leaves(Protocol):
    """The log by its index."""

    def about(self, key: bytes, until_leaf: int) -> Iterable[tuple[int, bytes]]:
        """Returns the leaves that name an id, with their indexes, in order, below an index."""

    def first_about(self, key: bytes, most: int, until_leaf: int) -> Iterable[tuple[int, bytes]]:
        """Returns the first of these, `most` at most."""

    def about_between(self, key: bytes, from_ns: int, until_ns: int, until_leaf: int) -> Iterable[tuple[int, bytes]]:
        """Returns those dated in a half-open time, in order; with some of other times among them."""

    def of_kinds(self, tenant: bytes, kinds: Iterable[str], until_leaf: int) -> Iterable[tuple[int, bytes]]:
        """Returns the leaves of some kinds about a platform (zero id: about all), likewise."""

    def of_platform(self, tenant: bytes, from_ns: int, until_ns: int, until_leaf: int) -> Iterable[tuple[int, bytes]]:
        """Returns the leaves of a platform that are dated in a half-open time, in order, below an index."""

    def texts(self, indexes: Sequence[int]) -> Mapping[int, Mapping[str, str]]:
        """Returns the texts that leaves commit to, by index and field, as far as they are kept."""


Currencies = Callable[[bytes], list[int]]
"""Returns the currencies of a platform's accounts, ISO 4217 numeric, in order."""
