"""Aligned ranges of leaves, and how they cover the log's first leaves."""

from __future__ import annotations

from dataclasses import dataclass

BUNDLE_LEAVES = 256
FAN_BITS = 4
FAN = 1 << FAN_BITS
LEVELS = 4
"""Of complete ranges: 2^8, 2^12, 2^16 and 2^20 leaves."""


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """The leaves from `first` on, `leaves` of them; less than a bundle only where it is the last of a cover."""

    first: int
    leaves: int

    @property
    def end(self) -> int:
        """The first leaf after it."""
        return self.first + self.leaves


def span(level: int) -> int:
    """Gives how many leaves a complete range of a level has; its first one is a multiple of that."""
    return BUNDLE_LEAVES << (FAN_BITS * level)


def level_of(leaves: int) -> int:
    """Gives the level of a complete range by its leaves; raises ValueError for a partial one."""
    for level in range(LEVELS):
        if leaves == span(level):
            return level
    raise ValueError(f"no level has ranges of {leaves} leaves")


def cover(size: int) -> list[Range]:
    """Gives the ranges that cover the first `size` leaves, in order.

    At each start it is the largest one that is aligned and fits. What is left, less than a bundle, is one last,
    partial range.
    """
    found: list[Range] = []
    first = 0
    while first < size:
        fitting = [span(level) for level in range(LEVELS) if first % span(level) == 0 and first + span(level) <= size]
        found.append(Range(first, fitting[-1] if fitting else size - first))
        first += found[-1].leaves
    return found


def parts(level: int, first: int) -> list[Range]:
    """Gives the 16 ranges of the level below that a complete range is merged from."""
    leaves = span(level - 1)
    return [Range(first + number * leaves, leaves) for number in range(FAN)]
