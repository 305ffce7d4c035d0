"""An undo log over plain dicts and lists, so that memory can follow a transaction."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

_ABSENT, _CALL = object(), object()


class Journal:
    """Remembers how to take back changes, in reverse order, as far as a mark.

    One journal serves both the rollback of a linked chain and a commit that failed.
    """

    __slots__ = ("_undo", "ended")

    def __init__(self) -> None:
        """Starts empty."""
        self._undo: list[Any] = []
        """Three places a change: a container, a key and what was there, or a function, its arguments and `_CALL`."""
        self.ended: dict[bytes, None] = {}
        """Streams that the state has let go of, and whose versions nobody needs to remember once this is committed."""

    def end(self, stream: bytes) -> None:
        """Notes that the state keeps nothing of a stream any more: what is closed is in tables and in the store."""
        if stream not in self.ended:
            self.put(self.ended, stream, None)

    def resume(self, stream: bytes) -> None:
        """Notes that the state keeps a stream again."""
        if stream in self.ended:
            self.remove(self.ended, stream)

    def put(self, container: Any, key: Any, value: Any) -> None:
        """Sets `container[key]`: an existing list index, or any key of a dict."""
        # Asking for the abstract class takes longer than all the rest.
        is_mapping = type(container) is dict or isinstance(container, MutableMapping)
        before = container.get(key, _ABSENT) if is_mapping else container[key]
        self._undo += (container, key, before)
        container[key] = value

    def remove(self, mapping: MutableMapping[Any, Any], key: Any) -> None:
        """Deletes a key that is there."""
        self._undo += (mapping, key, mapping.pop(key))

    def append(self, items: list[Any], value: Any) -> None:
        """Appends to a list."""
        items.append(value)
        self._undo += (items.pop, (), _CALL)

    def call(self, undo: Callable[..., object], *arguments: Any) -> None:
        """Remembers a change made elsewhere by what takes it back."""
        self._undo += (undo, arguments, _CALL)

    def mark(self) -> int:
        """Returns a mark to roll back to."""
        return len(self._undo)

    def rollback(self, mark: int = 0) -> None:
        """Takes back everything after the mark, newest first."""
        undo = self._undo
        while len(undo) > mark:
            before, key, changed = undo.pop(), undo.pop(), undo.pop()
            if before is _CALL:
                changed(*key)
            elif before is _ABSENT:
                del changed[key]
            else:
                changed[key] = before

    def clear(self) -> None:
        """Forgets: the changes stay."""
        self._undo.clear()
        self.ended.clear()
