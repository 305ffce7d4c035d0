"""Heavy work: a few threads of its own, of which no tenant has all, and of those who wait the least served is next."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from ringfence_kernel.access.caller import Caller, calling, current_caller
from ringfence_kernel.service.heavy import HeavyCallsExceeded, HeavyWork
from ringfence_kernel.values.switching import SWITCH_SECONDS

PATIENCE_SECONDS = 10


def caller(name: str) -> Caller:
    """Returns somebody of a tenant."""
    return Caller(f"spiffe://test/{name}", None, name.encode().ljust(16), "", name.encode().ljust(16))


ONE, OTHER, THIRD = (caller(name) for name in ("one", "other", "third"))


class Held:
    """Work that begins and then waits until it may end."""

    def __init__(self) -> None:
        """Starts with nothing begun."""
        self.begun: list[bytes] = []
        self.may_end = threading.Event()

    def work(self) -> bytes:
        """Returns whose it is."""
        name = current_caller().subject
        self.begun.append(name)
        assert self.may_end.wait(PATIENCE_SECONDS)
        return name

    async def has_begun(self, count: int) -> None:
        """Waits until so much has begun."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.begun) < count:
                await asyncio.sleep(0.001)


@pytest.fixture
def held() -> Iterator[Held]:
    """Work that has ended when the test has."""
    made = Held()
    yield made
    made.may_end.set()


def heavy(waiting_each: int = 8, now: Iterator[float] | None = None) -> HeavyWork:
    """Two of one tenant at a time, and three in all."""
    clock = now or iter(range(10**6))
    meter = MeterProvider([InMemoryMetricReader()]).get_meter("test")
    return HeavyWork(meter, at_once=3, each=2, waiting_each=waiting_each, now=lambda: float(next(clock)))


def asked(work: HeavyWork, who: Caller, held: Held) -> asyncio.Task[bytes]:
    """Begins to ask for work as somebody."""
    with calling(who):
        return asyncio.create_task(work.run(held.work))


async def test_a_tenant_with_much_under_way_leaves_room_for_another(held: Held) -> None:
    """While two of a flood are held in the middle and others wait, another tenant's begins and ends."""
    work, quick = heavy(), Held()
    flood = [asked(work, ONE, held) for _ in range(6)]
    await held.has_begun(2)
    quick.may_end.set()
    assert await asyncio.wait_for(asked(work, OTHER, quick), PATIENCE_SECONDS) == OTHER.subject
    assert len(held.begun) == 2
    held.may_end.set()
    assert await asyncio.gather(*flood) == [ONE.subject] * 6


async def test_of_those_who_wait_the_least_served_is_next(held: Held) -> None:
    """Who comes late, behind the whole flood of somebody else, is next as soon as there is room."""
    work = heavy()
    flood = [asked(work, ONE, held) for _ in range(4)] + [asked(work, OTHER, held) for _ in range(4)]
    await held.has_begun(3)
    flood.append(asked(work, THIRD, held))
    await asyncio.sleep(0)
    held.may_end.set()
    await asyncio.gather(*flood)
    assert held.begun.index(THIRD.subject) == 3


async def test_work_counts_until_it_is_done(held: Held) -> None:
    """Who gives up has its thread at work yet, and who gives up waiting has taken nobody's turn."""
    work = heavy()
    flood = [asked(work, ONE, held) for _ in range(4)]
    await held.has_begun(2)
    for each in flood:
        each.cancel()
        with suppress(asyncio.CancelledError):
            await each
    late = asked(work, ONE, held)
    await asyncio.sleep(0.01)
    assert len(held.begun) == 2
    held.may_end.set()
    assert await asyncio.wait_for(late, PATIENCE_SECONDS) == ONE.subject
    assert len(held.begun) == 3


async def test_who_has_too_much_waiting_is_refused_by_name(held: Held) -> None:
    """The refusal says when to come again, and nobody else is refused."""
    work = heavy(waiting_each=1)
    flood = [asked(work, ONE, held) for _ in range(3)]
    await held.has_begun(2)
    with pytest.raises(HeavyCallsExceeded) as caught:
        await asked(work, ONE, held)
    assert (caught.value.code, caught.value.reason) == ("RESOURCE_EXHAUSTED", "HEAVY_CALLS_QUOTA_EXCEEDED")
    assert caught.value.retry_after_seconds
    other = asked(work, OTHER, held)
    await held.has_begun(3)
    held.may_end.set()
    await asyncio.gather(*flood, other)


async def test_threads_change_sooner_while_heavy_work_is_under_way(held: Held) -> None:
    """Whoever waits for the interpreter waits shorter then, and afterwards as before; an error changes nothing."""
    work, usual = heavy(), sys.getswitchinterval()
    under_way = asked(work, ONE, held)
    await held.has_begun(1)
    assert sys.getswitchinterval() == pytest.approx(SWITCH_SECONDS, abs=1e-6)
    held.may_end.set()
    await under_way

    def failing() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        await work.run(failing)
    assert sys.getswitchinterval() == usual


async def test_threads_change_as_before_when_all_heavy_work_of_the_process_is_done(held: Held) -> None:
    """Two who do heavy work, one of which begins while the other is under way and ends after it."""
    first, second, later, usual = heavy(), heavy(), Held(), sys.getswitchinterval()
    one = asked(first, ONE, held)
    await held.has_begun(1)
    other = asked(second, ONE, later)
    await later.has_begun(1)
    held.may_end.set()
    await one
    assert sys.getswitchinterval() == pytest.approx(SWITCH_SECONDS, abs=1e-6)
    later.may_end.set()
    await other
    assert sys.getswitchinterval() == usual


def test_threads_change_as_before_where_the_loop_hears_of_no_end() -> None:
    """A loop is closed beside work under way, which ends by itself."""
    held, usual = Held(), sys.getswitchinterval()

    async def closed_beside_it() -> None:
        asked(heavy(), ONE, held)
        await held.has_begun(1)

    asyncio.run(closed_beside_it())
    held.may_end.set()
    until = time.monotonic() + PATIENCE_SECONDS
    while sys.getswitchinterval() != usual:
        assert time.monotonic() < until
        time.sleep(0.001)
