"""Bounded concurrency: what cannot be started soon is refused at once, and the caller is told to come again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ringfence_kernel.errors import Overloaded


class Admission:
    """Counts running calls up to a maximum."""

    def __init__(self, maximum: int) -> None:
        """Allows `maximum` calls at a time."""
        self._maximum = maximum
        self._running = 0

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
