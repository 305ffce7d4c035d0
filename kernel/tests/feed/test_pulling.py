"""Looking for what may be there: at once where somebody rings, ever more rarely where nothing comes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import pytest
from ringfence_kernel.feed.pulling import UNHEARD_POLL_SECONDS, Pulling

POLL_SECONDS, LONGEST = 0.02, 8


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


@pytest.mark.parametrize(("hears", "longest"), [(True, 8.0), (False, UNHEARD_POLL_SECONDS)])
def test_what_is_urgent_is_looked_for_often_while_no_ring_can_come(hears: bool, longest: float) -> None:
    """A follower that hears rings may rest; one that hears none looks five times a second."""
    assert Pulling(full_page=10, hears=lambda: hears)._most_seconds() == longest
