"""Commands that wait for the writer: bounded by their weight, and taken in groups.

A group shares what its commit costs, and what it costs to answer: replies that are ready together leave together.
Callers who were answered together come back a little apart, so a group waits for as many commands as were under way
when the one before was answered, for a moment at most. Where few are under way, nobody waits; callers who are farther
away than the moment is long have it added to their time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ringfence_kernel.values.errors import Overloaded

FEW_COMMANDS = 4
GATHERING_SECONDS = 0.005
"""The most that the writer waits after a group, about as long as a commit takes."""


@dataclass(slots=True, eq=False)
class Pending:
    """A command, what it weighs, and the future that its caller waits for."""

    command: Any
    weight: int
    traceparent: str
    future: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    reply: Any = None
    error: Exception | None = None


class CommandQueue:
    """The commands that wait, in order."""

    def __init__(self, weight_limit: int, group_weight_limit: int) -> None:
        """Holds commands up to one limit, and hands out groups up to the other."""
        self._weight_limit, self._group_weight_limit = weight_limit, group_weight_limit
        self._waiting: deque[Pending] = deque()
        self._weight = 0
        self._last_count = 0
        self._wanted = 1
        self._enough = asyncio.Event()

    def put(self, pending: Pending) -> None:
        """Adds a command; raises Overloaded where there is no room for its weight. An empty queue takes any."""
        if self._weight + pending.weight > self._weight_limit and self._weight:
            raise Overloaded("the queue of commands is full")
        self._weight += pending.weight
        self._waiting.append(pending)
        if self._has_enough():
            self._enough.set()

    def withdraw(self, pending: Pending) -> None:
        """Lets go of a command whose caller is gone."""
        self._leave(pending)
        pending.command = None

    def clear(self) -> list[Pending]:
        """Returns all commands, which wait no longer."""
        cleared = list(self._waiting)
        self._waiting.clear()
        for pending in cleared:
            self._leave(pending)
        return cleared

    async def take(self) -> list[Pending]:
        """Waits a moment for those just answered, then for any command; returns those whose callers still wait."""
        under_way = self._last_count + len(self._waiting)
        if under_way > FEW_COMMANDS:
            with suppress(TimeoutError):
                async with asyncio.timeout(GATHERING_SECONDS):
                    await self._until(under_way)
        await self._until(1)
        taken: list[Pending] = []
        weight = 0
        while weight < self._group_weight_limit and self._waiting:
            taken.append(self._waiting.popleft())
            weight += taken[-1].weight
            self._leave(taken[-1])
        self._last_count = len(taken)
        return [pending for pending in taken if not pending.future.cancelled()]

    def _leave(self, pending: Pending) -> None:
        """Gives the weight of a command back, once."""
        self._weight -= pending.weight
        pending.weight = 0

    async def _until(self, count: int) -> None:
        self._wanted = count
        while not self._has_enough():
            self._enough.clear()
            await self._enough.wait()

    def _has_enough(self) -> bool:
        return len(self._waiting) >= self._wanted or self._weight >= self._group_weight_limit
