"""Bounded concurrency: what cannot be started soon is refused at once, and the caller is told to come again.

No caller gets more than half of the places, so that one that holds on to them leaves room for the others.
"""

from __future__ import annotations

from collections import Counter
from contextlib import AbstractContextManager

from ringfence_kernel.values.errors import Overloaded


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

    def slot(self) -> AbstractContextManager[None]:
        """Holds a place for the block; raises Overloaded when there is none."""
        return _Slot(self)

    def share(self, caller: str) -> AbstractContextManager[None]:
        """Counts the place of the block as one of `caller`'s; raises Overloaded when it has its share."""
        return _Share(self, caller)

    def enter(self) -> None:
        """Takes a place; raises Overloaded when there is none."""
        if self._running >= self._maximum:
            raise Overloaded
        self._running += 1

    def leave(self) -> None:
        """Gives a place back."""
        self._running -= 1

    def enter_share(self, caller: str) -> None:
        """Counts a place of the caller; raises Overloaded when it has its share."""
        if self._shares[caller] >= (self._maximum + 1) // 2:
            raise Overloaded
        self._shares[caller] += 1

    def leave_share(self, caller: str) -> None:
        """Counts a place of the caller no longer."""
        self._shares[caller] -= 1
        if not self._shares[caller]:
            del self._shares[caller]


class _Slot(AbstractContextManager[None]):
    """Of every call: cheaper than a generator."""

    __slots__ = ("_admission",)

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    def __enter__(self) -> None:
        self._admission.enter()

    def __exit__(self, *reason: object) -> None:
        self._admission.leave()


class _Share(AbstractContextManager[None]):
    __slots__ = ("_admission", "_caller")

    def __init__(self, admission: Admission, caller: str) -> None:
        self._admission, self._caller = admission, caller

    def __enter__(self) -> None:
        self._admission.enter_share(self._caller)

    def __exit__(self, *reason: object) -> None:
        self._admission.leave_share(self._caller)
