"""A cache that cannot grow without end."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


class BoundedCache(Generic[KeyT, ValueT]):
    """Keeps the most recently used entries, up to a maximum that they weigh together."""

    def __init__(self, maximum: int, weigh: Callable[[ValueT], int] = lambda value: 1) -> None:
        """Holds at most `maximum` entries, or such whose weights come to that; a heavier one is never held."""
        self._maximum, self._weigh, self._weight = maximum, weigh, 0
        self._entries: OrderedDict[KeyT, tuple[ValueT, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: KeyT) -> ValueT | None:
        """Returns the value, or None when it is not held."""
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][0]

    def put(self, key: KeyT, value: ValueT) -> None:
        """Holds a value, dropping the entries that were not used for longest."""
        weight = self._weigh(value)
        with self._lock:
            self._drop(key)
            self._entries[key] = value, weight
            self._weight += weight
            while self._weight > self._maximum:
                self._drop(next(iter(self._entries)))

    def remove(self, key: KeyT) -> None:
        """Drops an entry if it is held."""
        with self._lock:
            self._drop(key)

    def clear(self) -> None:
        """Drops everything."""
        with self._lock:
            self._entries.clear()
            self._weight = 0

    def __len__(self) -> int:
        return len(self._entries)

    def _drop(self, key: KeyT) -> None:
        if key in self._entries:
            self._weight -= self._entries.pop(key)[1]
