"""Marks are made behind the events: with rests beside a flood, and at once for whoever asks."""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

import pytest
from ringfence_identity.disclosure.application import marking as marking_module
from ringfence_identity.disclosure.application.marking import LOOK_SECONDS, RESTS, Marking
from ringfence_identity.disclosure.application.ports import Changed, Named
from ringfence_identity.disclosure.domain.found import Marked
from ringfence_kernel.values.ids import new_id

PAGE_SECONDS = 0.02


class Pages:
    """Marks of a feed of so many pages, each of one party, and when each page was taken in."""

    def __init__(self, pages: int) -> None:
        """Has marked nobody yet."""
        self.pages, self.reached = pages, 0
        self.taken: list[tuple[float, float]] = []
        self._began = 0.0

    def position(self) -> int:
        """Returns how many pages were taken in."""
        return self.reached

    def changed(self, after: int) -> Changed:
        """Takes a while for each page."""
        if after == self.pages:
            return Changed([], after)
        self._began = time.monotonic()
        time.sleep(PAGE_SECONDS)
        return Changed([Marked(new_id(), new_id(), new_id())], after + 1)

    def replace(self, marks: Mapping[Marked, Collection[bytes]], after: int, position: int) -> None:
        """Notes the page."""
        assert (len(marks), after) == (1, self.reached)
        self.reached = position
        self.taken.append((self._began, time.monotonic()))


class People:
    """Names and keys of anybody."""

    async def read(self, asked: Sequence[tuple[bytes, bytes]]) -> list[Named | None]:
        """Returns a name for each."""
        return [Named("Nora Vale", "1") for _ in asked]

    async def blind_index_key(self) -> bytes:
        """Returns a key."""
        return bytes(32)


def marking_of(pages: Pages) -> Marking:
    """Returns the marking of a feed."""
    people = cast(Any, People())
    return Marking(people, cast(Any, pages), people)


async def test_a_long_feed_is_marked_with_rests() -> None:
    """After each page nothing is done for several times as long as it took: others have the process meanwhile."""
    pages = Pages(3)
    task = asyncio.create_task(marking_of(pages).run())
    async with asyncio.timeout(20):
        while pages.reached < 3:
            await asyncio.sleep(0.005)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    for (began, ended), (following, _) in zip(pages.taken, pages.taken[1:], strict=False):
        assert following - ended > 0.9 * RESTS * (ended - began)


async def test_whoever_asks_waits_for_no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks himself is answered when all pages are marked, one right after the other."""
    monkeypatch.setattr(marking_module, "RESTS", 1e6)
    pages = Pages(5)
    marking = marking_of(pages)
    task = asyncio.create_task(marking.run())
    async with asyncio.timeout(LOOK_SECONDS):  # so long a rest lasts now
        while not pages.reached:
            await asyncio.sleep(0.001)
        assert await marking.look() == pages.pages
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("pages", [0, 1])
async def test_a_feed_that_ends_is_followed_by_rings(pages: int) -> None:
    """What is told of later is marked when it is told of, without waiting for the next look."""
    feed = Pages(pages)
    marking = marking_of(feed)
    task = asyncio.create_task(marking.run())
    async with asyncio.timeout(20):
        while feed.reached < pages:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.1)
        feed.pages += 1
        marking.ring(())
        async with asyncio.timeout(4):
            while feed.reached < feed.pages:
                await asyncio.sleep(0.005)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
