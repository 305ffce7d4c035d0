"""Read models that follow news take their pages one after the other, and none waits long for another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from threading import Event, Lock

import pytest
from ringfence_kernel.projecting import projector as projecting
from ringfence_kernel.projecting.projector import TURN_SECONDS, Projector
from ringfence_kernel.store import EventStore

from .tally import CODEC, TallyModel, fill

LONGEST_SECONDS = 60
"""For as long a loaded machine may have anything take that is waited for."""


class Stepping:
    """Notes how many steps are taken, and at once; each takes as long as it is told."""

    def __init__(self, wait: Callable[[], object]) -> None:
        """Begins with none."""
        self.at_once = self.most = self.steps = 0
        self._lock, self._wait = Lock(), wait

    def __call__(self) -> int:
        """Takes a step that finds nothing."""
        with self._lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        self._wait()
        with self._lock:
            self.at_once -= 1
            self.steps += 1
        return 0


class Slow(Projector):
    """A projector whose steps are noted."""

    stepping: Stepping

    def step(self) -> int:
        """Takes a step."""
        return self.stepping()


def sharing(store: EventStore, wait: Callable[[], object]) -> tuple[list[Slow], Stepping]:
    """Returns three projectors that share a turn."""
    turn, stepping = asyncio.Lock(), Stepping(wait)
    projectors = [Slow(store, CODEC, TallyModel(), turn=turn) for _ in range(3)]
    for each in projectors:
        each.stepping = stepping
    return projectors, stepping


@asynccontextmanager
async def running(projectors: Sequence[Projector]) -> AsyncIterator[None]:
    """Runs projectors while the block lasts."""
    tasks = [asyncio.create_task(each.run()) for each in projectors]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_pages_are_taken_one_after_the_other(store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often all are rung at once, and however long a step takes."""
    monkeypatch.setattr(projecting, "TURN_SECONDS", 3_600.0)
    projectors, stepping = sharing(store, lambda: time.sleep(0.01))
    async with running(projectors), asyncio.timeout(LONGEST_SECONDS):
        while stepping.steps < 15:
            for each in projectors:
                each.ring()
            await asyncio.sleep(0.02)
    assert stepping.most == 1


async def test_whoever_is_held_up_holds_nobody_up_for_long(store: EventStore) -> None:
    """A page that waits for its table has its turn for a quarter of a second, and no longer."""
    free = Event()
    projectors, stepping = sharing(store, free.wait)
    began = time.monotonic()
    try:
        async with running(projectors), asyncio.timeout(LONGEST_SECONDS):
            while stepping.at_once < 3:
                await asyncio.sleep(0.01)
            assert time.monotonic() - began >= TURN_SECONDS
    finally:
        free.set()


async def test_somebody_who_waits_for_a_page_waits_for_no_turn(
    tally_store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is taken while another has the turn, also where it has waited for that already."""
    monkeypatch.setattr(projecting, "TURN_SECONDS", 3_600.0)
    fill(tally_store, 3)
    projector = Projector(tally_store, CODEC, TallyModel())
    async with projector.turn, running([projector]):
        while not projector.turn._waiters:
            await asyncio.sleep(0.01)
        await asyncio.wait_for(projector.reached(3), LONGEST_SECONDS)
        fill(tally_store, 3)
        held = asyncio.create_task(projector.reached(6))
        await asyncio.sleep(0)
        projector.ring()
        await asyncio.wait_for(held, LONGEST_SECONDS)


async def test_whoever_is_called_off_keeps_no_turn(store: EventStore) -> None:
    """Whether it had the turn, or waited for it."""
    projectors, _ = sharing(store, lambda: time.sleep(0.01))
    for _ in range(20):
        async with running(projectors):
            await asyncio.sleep(0.005)
    await asyncio.wait_for(projectors[0].turn.acquire(), LONGEST_SECONDS)
