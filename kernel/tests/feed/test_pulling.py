"""Looking for what may be there: at once where somebody rings, ever more rarely where nothing comes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from ringfence_kernel.feed import FOR_THE_RECORD, URGENT, FeedPage, Follower, Looking
from ringfence_kernel.feed.pulling import Pulling
from ringfence_kernel.store import Head
from ringfence_protos.common.v1 import feed_pb2

POLL_SECONDS, LONGEST = 0.02, 8
ROUNDS = 6


async def looked(answers: Sequence[int | None], ring_after: int | None = None) -> list[float]:
    """Returns the pauses, in polls, between looks that were answered so; a ring comes right after one of them."""
    pulling = Pulling(
        full_page=10, poll_seconds=POLL_SECONDS, gather_seconds=0, longest_poll_seconds=LONGEST * POLL_SECONDS
    )
    times: list[float] = []
    done = asyncio.Event()

    async def step() -> int | None:
        times.append(asyncio.get_running_loop().time())
        if len(times) - 1 == ring_after:
            pulling.ring()
        if len(times) > len(answers):
            done.set()
            await asyncio.Event().wait()
        return answers[len(times) - 1]

    task = asyncio.create_task(pulling.run(step))
    async with asyncio.timeout(30):
        await done.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return [(after - before) / POLL_SECONDS for before, after in pairwise(times)]


async def test_where_nothing_comes_it_is_looked_for_more_rarely() -> None:
    """Pauses double up to a bound."""
    pauses = await looked([0] * 6)
    for pause, least in zip(pauses, (1, 2, 4, LONGEST, LONGEST, LONGEST), strict=True):
        assert pause >= 0.9 * least


@pytest.mark.parametrize("answer", [1, None], ids=["news", "could not look"])
async def test_after_news_or_a_failure_it_is_looked_for_soon(answer: int | None) -> None:
    """What interrupts the quiet brings the first pause back."""
    pauses = await looked([0, 0, 0, 0, answer, 0])
    assert max(pauses[4:]) < LONGEST


async def test_a_ring_brings_the_first_pause_back() -> None:
    """A ring ends the pause, and the one after it is short again."""
    pauses = await looked([0, 0, 0, 0, 0], ring_after=3)
    assert max(pauses[3:]) < LONGEST


async def test_until_it_could_look_once_it_tries_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody may wait for the first; pauses grow to the usual ones, which an outage in between has from the start."""
    pauses: list[float] = []
    answers: list[int | None] = [None] * 6 + [0, None, None]

    def timeout(seconds: float) -> Any:
        pauses.append(seconds)
        return unrestricted(0)

    async def step() -> int | None:
        if not answers:
            raise asyncio.CancelledError
        return answers.pop(0)

    unrestricted = asyncio.timeout
    monkeypatch.setattr(asyncio, "timeout", timeout)
    with pytest.raises(asyncio.CancelledError):
        await Pulling(full_page=10, poll_seconds=1).run(step)
    assert (pauses[:6], pauses[7:]) == ([0.1, 0.2, 0.4, 0.8, 1, 1], [1, 1])


@pytest.mark.parametrize("looking", [URGENT, FOR_THE_RECORD])
@pytest.mark.parametrize("hears", [True, False])
async def test_a_follower_looks_as_often_as_its_news_is_urgent(
    looking: Looking, hears: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unasked, pauses grow up to what a lost ring may cost; while no ring can come, they are shorter."""
    pauses: list[float] = []

    def timeout(seconds: float) -> Any:
        pauses.append(seconds)
        return unrestricted(0)

    async def read(request: feed_pb2.ReadRequest) -> feed_pb2.ReadResponse:
        if len(pauses) == ROUNDS:
            raise asyncio.CancelledError
        return feed_pb2.ReadResponse(head=feed_pb2.FeedHead(source="source", epoch=1, hash=bytes(32)))

    unrestricted = asyncio.timeout
    monkeypatch.setattr(asyncio, "timeout", timeout)
    follower = Follower("source", read, taken, Head(1, 0, bytes(32)), hears=lambda: hears, looking=looking)
    with pytest.raises(asyncio.CancelledError):
        await follower.run()
    longest = looking.lost_seconds if hears else looking.unheard_seconds
    assert (max(pauses), pauses[-1]) == (longest, longest)


async def taken(page: FeedPage) -> None:
    """Takes in a page."""


def test_nobody_may_act_against_what_is_urgent_for_two_seconds() -> None:
    """Whatever is lost on the way, and whether NATS is there or not; half a second is for fetching and committing."""
    assert max(URGENT.lost_seconds, URGENT.unheard_seconds) <= 1.5
