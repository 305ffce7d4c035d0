"""Token buckets: how much of something may be spent, by whom, over time."""

from __future__ import annotations

import time
from collections.abc import Callable

from ringfence_kernel.values.clock import NANOSECONDS

ROUNDING = 1e-6
"""Who comes back when told to is not sent away for the last digit."""
SWEEP_SIZE = 1_024
"""So many buckets are kept before those that are full again are forgotten: a new one is full too."""


class Bucket:
    """Fills at a rate up to what it holds. Whoever finds one in it may draw more, below zero if need be."""

    __slots__ = ("_as_of_ns", "_capacity", "_level", "_rate_per_second")

    def __init__(self, rate_per_second: float, capacity: float, now_ns: int) -> None:
        """Starts full; `now_ns` is of a clock that never goes back."""
        self._rate_per_second, self._capacity = rate_per_second, capacity
        self._level, self._as_of_ns = capacity, now_ns

    def draw(self, amount: float, now_ns: int) -> float:
        """Draws and returns 0.0, or draws nothing and returns the seconds until there is one."""
        self._fill(now_ns)
        missing = min(1.0, self._capacity) - self._level
        if missing > ROUNDING:
            return missing / self._rate_per_second
        self._level -= amount
        return 0.0

    def spend(self, amount: float, now_ns: int, *, least: float = float("-inf")) -> None:
        """Draws what was used already; the level does not go below `least` by it."""
        self._fill(now_ns)
        self._level = min(self._level, max(self._level - amount, least))

    def give_back(self, amount: float) -> None:
        """Puts back what was drawn and not used."""
        self._level = min(self._capacity, self._level + amount)

    def is_full(self, now_ns: int) -> bool:
        """Tells whether it is as good as new."""
        self._fill(now_ns)
        return self._level >= self._capacity

    def _fill(self, now_ns: int) -> None:
        passed_ns = max(0, now_ns - self._as_of_ns)
        self._level = min(self._capacity, self._level + passed_ns * self._rate_per_second / NANOSECONDS)
        self._as_of_ns = max(self._as_of_ns, now_ns)


class Buckets:
    """A bucket for each owner, made when it is asked for. It lives in memory: a process starts with full ones."""

    def __init__(
        self, rate_per_second: float, capacity: float, monotonic_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        """Takes the rate and the capacity of each bucket, both above zero."""
        self._rate_per_second, self._capacity, self._now_ns = rate_per_second, capacity, monotonic_ns
        self._buckets: dict[bytes, Bucket] = {}
        self._sweep_at = SWEEP_SIZE

    @property
    def kept(self) -> int:
        """How many are in memory."""
        return len(self._buckets)

    def draw(self, owner: bytes, amount: float = 1) -> float:
        """See Bucket."""
        return self._of(owner).draw(amount, self._now_ns())

    def spend(self, owner: bytes, amount: float, *, least: float = float("-inf")) -> None:
        """See Bucket."""
        self._of(owner).spend(amount, self._now_ns(), least=least)

    def give_back(self, owner: bytes, amount: float) -> None:
        """See Bucket."""
        self._of(owner).give_back(amount)

    def _of(self, owner: bytes) -> Bucket:
        bucket = self._buckets.get(owner)
        if bucket is None:
            now_ns = self._now_ns()
            if len(self._buckets) >= self._sweep_at:
                self._buckets = {key: each for key, each in self._buckets.items() if not each.is_full(now_ns)}
                self._sweep_at = max(SWEEP_SIZE, 2 * len(self._buckets))
            bucket = self._buckets[owner] = Bucket(self._rate_per_second, self._capacity, now_ns)
        return bucket
