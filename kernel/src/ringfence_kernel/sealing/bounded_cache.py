"""A cache that cannot grow without end."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


class BoundedCache(Generic[KeyT, ValueT]):
    """Keeps the most recently used entries, up to a maximum."""

    def __init__(self, maximum: int) -> None:
        """Holds at most `maximum` entries."""
        self._maximum = maximum
        self._entries: OrderedDict[KeyT, ValueT] = OrderedDict()

    def get(self, key: KeyT) -> ValueT | None:
        """Returns the value, or None when it is not held."""
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def put(self, key: KeyT, value: ValueT) -> None:
        """Holds a value, dropping the entry that was not used for longest."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._maximum:
            self._entries.popitem(last=False)

    def remove(self, key: KeyT) -> None:
        """Drops an entry if it is held."""
        self._entries.pop(key, None)

    def clear(self) -> None:
        """Drops everything."""
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)
