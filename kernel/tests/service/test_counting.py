"""How many events one tenant has kept: what is recorded counts, to whoever had it recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from ringfence_kernel.access.caller import Caller, calling
from ringfence_kernel.service.counting import CountingWriter, EventsExceeded, EventsQuota
from ringfence_kernel.store import EventStore
from ringfence_kernel.values.clock import ManualClock
from ringfence_kernel.writing.deciding import InSteps, Steps, Together
from ringfence_kernel.writing.writer import Unit

from ..tally import CODEC, Tally, TooMuch, count

PER_HOUR = 4
ONE, OTHER = (Caller("spiffe://t/p", None, bytes([n] * 16), "", tenant=bytes([n] * 16)) for n in (1, 2))
OPERATOR = Caller("spiffe://t/o", None, bytes([3] * 16), "")
WORKLOAD = Caller("spiffe://t/service/custody", "custody", bytes([4] * 16), "")


@pytest.fixture
async def writer(store: EventStore) -> AsyncIterator[CountingWriter]:
    """A running writer that lets each tenant keep four events an hour."""
    made = CountingWriter(store, CODEC, Tally(), ManualClock(1_000), quota=EventsQuota(PER_HOUR))
    made.load()
    task = asyncio.create_task(made.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def several(writer: CountingWriter, number: int) -> object:
    """Returns a command that records so many events."""

    def decide(unit: Unit) -> None:
        for _ in range(number):
            count(writer.state, "a")(unit)  # type: ignore[arg-type]

    return decide


async def keep(writer: CountingWriter, caller: Caller, number: int = 1) -> None:
    """Has a caller keep so many events."""
    with calling(caller):
        await writer.commit(several(writer, number))  # type: ignore[arg-type]


async def used_up(writer: CountingWriter, caller: Caller) -> float:
    """Keeps what a caller may, and returns when it may come again."""
    await keep(writer, caller, PER_HOUR)
    with pytest.raises(EventsExceeded) as caught:
        await keep(writer, caller)
    assert (caught.value.code, caught.value.reason) == ("RESOURCE_EXHAUSTED", "EVENTS_QUOTA_EXCEEDED")
    return caught.value.retry_after_seconds


@pytest.mark.parametrize("flooding", [ONE, OPERATOR])
async def test_who_has_kept_enough_is_refused_and_nobody_else(
    writer: CountingWriter, store: EventStore, flooding: Caller
) -> None:
    """A refusal names the time to come again and leaves no trace; other tenants, services and tasks go on."""
    assert 0 < await used_up(writer, flooding) <= 3_600 / PER_HOUR
    assert store.head().position == PER_HOUR
    await keep(writer, OTHER)
    await keep(writer, WORKLOAD, 9)
    await writer.commit(several(writer, 9))  # type: ignore[arg-type]
    assert store.head().position == PER_HOUR + 19


async def test_what_records_nothing_is_answered_all_the_same(writer: CountingWriter) -> None:
    """A question, a retry and a refusal keep nothing: they count nothing, also when all is used up."""
    for _ in range(2 * PER_HOUR):
        with calling(ONE), pytest.raises(TooMuch):
            await writer.commit(count(writer.state, "a", by=5, limit=4))  # type: ignore[arg-type]
    await used_up(writer, ONE)
    with calling(ONE):
        assert await writer.commit(lambda unit: 7) == 7


async def test_last_request_is_taken_in_full_and_paid_off(writer: CountingWriter) -> None:
    """Whoever may keep one event may keep what its request needs: no request is too large for ever."""
    await keep(writer, ONE, 3)
    await keep(writer, ONE, 9)
    with pytest.raises(EventsExceeded) as caught:
        await keep(writer, ONE)
    assert caught.value.retry_after_seconds > 8 * 3_600 / PER_HOUR


async def test_a_long_event_counts_for_each_kibibyte(writer: CountingWriter) -> None:
    """What is kept are bytes: one large event counts as the small ones that would fill it."""
    with calling(ONE):
        await writer.commit(count(writer.state, "x" * 5_000))  # type: ignore[arg-type]
    with pytest.raises(EventsExceeded):
        await keep(writer, ONE)


async def test_what_is_decided_together_has_other_quotas(writer: CountingWriter) -> None:
    """Commands that share their events, such as transfers, are not counted here."""

    def add(unit: Unit, amounts: list[int]) -> list[int]:
        return [count(writer.state, "a", by=amount)(unit) for amount in amounts]  # type: ignore[arg-type]

    with calling(ONE):
        for _ in range(2 * PER_HOUR):
            await writer.commit(Together("adding", 1, add))
    await keep(writer, ONE)


async def test_what_is_decided_in_steps_counts_as_what_is_decided_at_once(
    writer: CountingWriter, store: EventStore
) -> None:
    """A command in steps is refused when all is used up, in the middle of nothing, and leaves no trace."""

    def decide(unit: Unit) -> Steps[None]:
        for _ in range(PER_HOUR):
            count(writer.state, "a")(unit)  # type: ignore[arg-type]
            yield

    with calling(ONE):
        await writer.commit(InSteps(decide))
        with pytest.raises(EventsExceeded):
            await writer.commit(InSteps(decide))
    assert store.head().position == PER_HOUR
