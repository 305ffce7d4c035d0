"""Decisions that ask about what has left memory: it is looked up before, beside the event loop, never within."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

from ringfence_kernel.values.errors import Overloaded
from ringfence_kernel.writing.departed import LookAgain
from ringfence_kernel.writing.recent import LookedUp, Recent
from ringfence_kernel.writing.writer import GroupWriter, Unit

Reply = TypeVar("Reply")
ValueT = TypeVar("ValueT")

MOST_LOOKS = 32
"""A look-up is out of date only when thousands of entries were recorded since."""
KEYS_AT_ONCE = 4_096


async def while_current(attempt: Callable[[], Awaitable[Reply]]) -> Reply:
    """Returns what an attempt does that looks up and then decides; tries it again where it raises LookAgain.

    Raises what the attempt raises, and Overloaded where every look was too old.
    """
    for _ in range(MOST_LOOKS):
        try:
            return await attempt()
        except LookAgain:
            continue
    raise Overloaded("what was asked about changes faster than it can be looked up")


class Table(Protocol[ValueT]):
    """Knows every entry that was ever recorded."""

    def look_up(self, keys: Collection[bytes]) -> Awaitable[LookedUp[ValueT]]:
        """Begins to look, and returns what will hold what is known by at least these keys, as of one position.

        It may raise StoreUnavailable, and need not be awaited.
        """


class LookUps(Generic[ValueT]):
    """Look-ups in one table: those that come while one is under way are made together, by one thread at most."""

    def __init__(self, read: Callable[[Sequence[bytes]], LookedUp[ValueT]]) -> None:
        """Reads by `read`, which blocks."""
        self._read = read
        self._waiting: list[tuple[Collection[bytes], asyncio.Future[LookedUp[ValueT]]]] = []
        self._reading: asyncio.Task[None] | None = None

    def look_up(self, keys: Collection[bytes]) -> asyncio.Future[LookedUp[ValueT]]:
        """Begins to look; see Table."""
        answer: asyncio.Future[LookedUp[ValueT]] = asyncio.get_running_loop().create_future()
        self._waiting.append((keys, answer))
        if self._reading is None:
            self._reading = asyncio.create_task(self._run())
        return answer

    async def _run(self) -> None:
        try:
            while together := self._next():
                await self._answer(together)
        finally:
            self._reading = None

    def _next(self) -> list[tuple[Collection[bytes], asyncio.Future[LookedUp[ValueT]]]]:
        """Takes those who wait, as many as ask for no more keys than go together."""
        keys, count = 0, 0
        for asked, _ in self._waiting:
            keys += len(asked)
            if count and keys > KEYS_AT_ONCE:
                break
            count += 1
        together, self._waiting = self._waiting[:count], self._waiting[count:]
        return together

    async def _answer(self, together: list[tuple[Collection[bytes], asyncio.Future[LookedUp[ValueT]]]]) -> None:
        keys = [key for asked, _ in together for key in asked]
        try:
            looked_up = await asyncio.to_thread(self._read, keys)
        except Exception as error:
            for _, answer in together:
                if not answer.done():
                    answer.set_exception(error)
                    answer.exception()  # whoever asked may have left: it is no error that nobody hears of it
            return
        for _, answer in together:
            if not answer.done():
                answer.set_result(looked_up)


@dataclass(frozen=True, slots=True)
class Knowing(Generic[ValueT]):
    """Commits decisions about keys that may have left memory: `recent` has the newest entries, `table` all of them."""

    writer: GroupWriter
    recent: Recent[ValueT]
    table: Table[ValueT]

    def begin(self, keys: Collection[bytes]) -> Awaitable[LookedUp[ValueT]]:
        """Begins to look up keys; returns at once what will hold the answer.

        Where no key is in memory, and none can have left it, none was ever recorded up to the head: that is an answer.
        """
        if any(self.recent.may_have_left(key) or self.recent.get(key) is not None for key in keys):
            return self.table.look_up(keys)
        answer: asyncio.Future[LookedUp[ValueT]] = asyncio.get_running_loop().create_future()
        answer.set_result(LookedUp(self.writer.head.position))
        return answer

    async def commit(
        self,
        keys: Collection[bytes],
        command: Callable[[Unit, LookedUp[ValueT]], Reply],
        *,
        looking: Awaitable[LookedUp[ValueT]] | None = None,
        weight: int = 1,
    ) -> Reply:
        """Commits a command that asks about `keys`; looks again where what was looked up has grown old.

        `looking` is a look at them that was begun before. Raises as the writer's `commit`, as the look, and Overloaded.
        """
        looks = [looking] if looking is not None else []

        async def attempt() -> Reply:
            known = await (looks.pop() if looks else self.begin(keys))
            return await self.writer.commit(partial(self._decide, keys, known, command), weight=weight)

        return await while_current(attempt)

    def _decide(
        self,
        keys: Collection[bytes],
        known: LookedUp[ValueT],
        command: Callable[[Unit, LookedUp[ValueT]], Reply],
        unit: Unit,
    ) -> Reply:
        with self.recent.as_of(known.position, keys):
            return command(unit, known)
