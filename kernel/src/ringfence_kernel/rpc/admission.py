"""Bounded concurrency: what cannot be started soon is refused at once, and the caller is told to come again.

No caller gets more than half of the places, so that one that holds on to them leaves room for the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from ringfence_kernel.errors import Overloaded


class Admission:
    """Counts running calls, altogether and by caller, each up to a maximum."""

    def __init__(self, maximum: int) -> None:
        """Allows `maximum` calls at a time, half of them (rounded up) to one caller."""
        self._maximum = maximum
        self._running = 0
        self._shares: Counter[str] = Counter()

    @property
    def running(self) -> int:
        """The calls running now."""
        return self._running

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Holds a place for the block; raises Overloaded when there is none."""
        if self._running >= self._maximum:
            raise Overloaded
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1

    @contextmanager
    def share(self, caller: str) -> Iterator[None]:
        """Counts the place of the block as one of `caller`'s; raises Overloaded when it has its share."""
        if self._shares[caller] >= (self._maximum + 1) // 2:
            raise Overloaded
        self._shares[caller] += 1
        try:
            yield
        finally:
            self._shares[caller] -= 1
            if not self._shares[caller]:
                del self._shares[caller]
