"""Waiting for news of a source: for as long as it answers, and not at all while it is away."""

from __future__ import annotations

import asyncio

import pytest
from ringfence_kernel.feed import Follower, Looking, pulling
from ringfence_kernel.feed.follower import UNHEARD_LOOKS
from ringfence_kernel.store import EventStore, Head
from ringfence_protos.common.v1 import feed_pb2
from structlog.testing import capture_logs

from ..tally import fill
from .test_follower import Result, Source, flip_state


@pytest.fixture
def source(store: EventStore) -> Source:
    """A feed of five events."""
    fill(store, 5)
    return Source(store)


async def test_catching_up_is_to_take_in_what_there_is_at_the_call(source: Source, store: EventStore) -> None:
    """A page read before the call does not count; a source that is away, or a halt, is told."""
    reading, goes_on = asyncio.Event(), asyncio.Event()
    goes_on.set()

    async def slowly(request: feed_pb2.ReadRequest) -> feed_pb2.ReadResponse:
        response = await source(request)
        reading.set()
        await goes_on.wait()
        return response

    follower = Follower("source", slowly, Result(), Head(1, 0, bytes(32)), poll_seconds=60)
    assert not await follower.catch_up(60)
    task = asyncio.create_task(follower.run())
    async with asyncio.timeout(5):
        while follower.cursor.position < 5:
            await asyncio.sleep(0.01)
    fill(store, 1)
    assert await follower.catch_up(5)
    assert follower.cursor.position == 6
    reading.clear()
    goes_on.clear()
    follower.ring()
    await reading.wait()
    fill(store, 3)
    caught_up = asyncio.create_task(follower.catch_up(5))
    await asyncio.sleep(0)
    goes_on.set()
    assert await caught_up
    assert follower.cursor.position == 9
    source.away = True
    assert not await follower.catch_up(0.05)
    source.away, source.tamper = False, flip_state
    fill(store, 1)
    assert not await follower.catch_up(60)
    assert not await follower.catch_up(60)
    await task


async def test_a_source_that_has_not_answered_for_long_is_not_waited_for(source: Source) -> None:
    """Nobody waits for it again and again; it is waited for once it has answered."""
    looking = Looking(0.05, 0.05)
    follower = Follower("source", source, Result(), Head(1, 0, bytes(32)), poll_seconds=0.05, looking=looking)
    task = asyncio.create_task(follower.run())
    while not follower.cursor.position:
        await asyncio.sleep(0.01)
    source.away = True
    async with asyncio.timeout(10):
        while await follower.catch_up(0.2):
            pass
        await asyncio.sleep(UNHEARD_LOOKS * looking.lost_seconds)
        assert not await follower.catch_up(60)
        source.away = False
        while not await follower.catch_up(0.2):
            await asyncio.sleep(0.01)
    task.cancel()


async def test_a_source_that_has_never_answered_is_not_waited_for(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To have begun is not to have heard; and who is not waited for is not asked once more for each that would."""
    monkeypatch.setattr(pulling, "FIRST_POLL_SECONDS", 60)
    source.away = True
    follower = Follower("source", source, Result(), Head(1, 0, bytes(32)), poll_seconds=60)
    with capture_logs() as lines:
        task = asyncio.create_task(follower.run())
        async with asyncio.timeout(5):
            for _ in range(5):
                await asyncio.sleep(0.01)
                assert not await follower.catch_up(60)
    task.cancel()
    assert [line["event"] for line in lines] == ["feed_waits"]


async def test_a_source_that_is_seldom_looked_at_is_not_taken_for_away(source: Source) -> None:
    """It has answered when it was asked last."""
    looking = Looking(lost_seconds=60, unheard_seconds=60)
    follower = Follower("source", source, Result(), Head(1, 0, bytes(32)), poll_seconds=0.02, looking=looking)
    task = asyncio.create_task(follower.run())
    async with asyncio.timeout(10):
        while follower.cursor.position < 5:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.9)
        assert await follower.catch_up(60)
    task.cancel()
