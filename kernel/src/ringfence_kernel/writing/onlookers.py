"""Who waits to look at a state between two groups, when all of it is committed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

Seen = TypeVar("Seen")


class Onlookers:
    """Looks that wait for their turn, and what they have seen."""

    def __init__(self) -> None:
        """Nobody waits."""
        self._waiting: deque[tuple[Callable[[], Any], asyncio.Future[Any]]] = deque()

    @contextmanager
    def waiting(self, look: Callable[[], Seen]) -> Iterator[asyncio.Future[Seen]]:
        """Has `look` wait, for the block at most; lends what it will have seen."""
        seen: asyncio.Future[Seen] = asyncio.get_running_loop().create_future()
        entry = (look, seen)
        self._waiting.append(entry)
        try:
            yield seen
        finally:
            with suppress(ValueError):  # refused or cancelled: nobody looks any more
                self._waiting.remove(entry)

    def let_look(self) -> None:
        """Lets all look who wait."""
        while self._waiting:
            look, seen = self._waiting.popleft()
            if seen.done():
                continue
            try:
                result = look()
            except Exception as error:
                seen.set_exception(error)
            else:
                seen.set_result(result)
