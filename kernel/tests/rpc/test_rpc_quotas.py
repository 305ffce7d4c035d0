"""A tenant that floods a process is sent away with a hint, and others are answered as before."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from opentelemetry.metrics import NoOpMeter
from ringfence_kernel.access.caller import Caller
from ringfence_kernel.rpc import quotas
from ringfence_kernel.rpc.errors import RemoteError, remote_error
from ringfence_kernel.rpc.quotas import (
    BATCH_BYTES,
    BESIDE_NS,
    CallQuotas,
    CallRates,
    CallsExceeded,
    RequestBytesExceeded,
    Turns,
    owner_of,
)
from ringfence_kernel.values.clock import NANOSECONDS

from ..probe_service import Text
from ..rpc_world import World, bearer

FLOOD = 60
RATES = CallRates(calls_per_second=5, request_bytes_per_second=1_000)


def caller(name: bytes, *, tenant: bool = True, service: str | None = None) -> Caller:
    """Returns somebody of a tenant, or without one."""
    subject = name.ljust(16)
    return Caller(f"spiffe://test/{name!r}", service, subject, "", subject if tenant else None)


ONE, OTHER = caller(b"one"), caller(b"other")


class Quotas:
    """Quotas under a clock that a test moves."""

    def __init__(self, rates: CallRates = RATES) -> None:
        """Starts anywhere in time."""
        self.now_ns = 5 * BESIDE_NS
        self.quotas = CallQuotas(rates, NoOpMeter("test"), lambda: self.now_ns)

    def count(self, who: Caller) -> None:
        """Counts a call."""
        if (owner := owner_of(who)) is not None:
            self.quotas.count_call(owner)

    def calls(self, who: Caller, count: int) -> int:
        """Returns how many of so many calls are taken on."""
        taken = 0
        for _ in range(count):
            try:
                self.count(who)
            except CallsExceeded:
                continue
            taken += 1
        return taken

    def wait(self, seconds: float) -> None:
        """Lets time pass."""
        self.now_ns += int(seconds * NANOSECONDS)


def test_a_tenant_that_is_alone_is_never_refused() -> None:
    """There is nobody whom it could harm; nor is there five seconds after another's last call."""
    quotas = Quotas()
    assert quotas.calls(ONE, FLOOD) == FLOOD
    quotas.quotas.charge(ONE, 1_000_000)
    quotas.count(OTHER)
    quotas.wait(5.1)
    assert quotas.calls(ONE, FLOOD) == FLOOD


def test_beside_others_a_tenant_has_its_rate() -> None:
    """What it did alone was counted: nothing of it is left in reserve, and the others have all of theirs."""
    quotas = Quotas()
    quotas.calls(ONE, FLOOD)
    assert quotas.calls(OTHER, 3) == 3
    assert quotas.calls(ONE, FLOOD) == 0
    with pytest.raises(CallsExceeded) as caught:
        quotas.count(ONE)
    assert caught.value.retry_after_seconds == pytest.approx(1 / 5)
    quotas.wait(0.6)
    assert quotas.calls(ONE, FLOOD) == 3
    assert quotas.calls(OTHER, 2) == 2


def test_bytes_are_paid_off_before_the_next_request() -> None:
    """A request is taken whatever its size; the next ones wait until its bytes are within the rate."""
    quotas = Quotas()
    quotas.count(OTHER)
    quotas.count(ONE)
    quotas.quotas.charge(ONE, 5_000)
    with pytest.raises(RequestBytesExceeded) as caught:
        quotas.count(ONE)
    assert caught.value.retry_after_seconds == pytest.approx(3, abs=0.01)
    quotas.count(OTHER)
    quotas.wait(0.5)
    quotas.count(OTHER)
    with pytest.raises(RequestBytesExceeded):
        quotas.count(ONE)
    quotas.wait(2.6)
    quotas.count(OTHER)
    quotas.count(ONE)


def test_workloads_have_no_quota_and_count_as_nobody() -> None:
    """What a service asks on behalf of tenants was counted where it came in; it makes no tenant less alone."""
    quotas = Quotas()
    workload = caller(b"one", service="payment-instruction")
    assert quotas.calls(workload, FLOOD) == FLOOD
    assert quotas.calls(ONE, FLOOD) == FLOOD
    quotas.quotas.charge(workload, 1_000_000)
    assert quotas.calls(workload, FLOOD) == FLOOD
    assert quotas.calls(ONE, FLOOD) == FLOOD


def test_a_caller_without_a_tenant_counts_by_itself() -> None:
    """Where a certificate is enough, a principal is what a tenant is elsewhere."""
    quotas = Quotas()
    quotas.calls(OTHER, 1)
    assert quotas.calls(caller(b"anybody", tenant=False), FLOOD) == 5


def test_zero_is_no_bound() -> None:
    """A quota that is set to zero refuses nobody."""
    quotas = Quotas(CallRates(0, 0))
    quotas.calls(OTHER, 1)
    quotas.quotas.charge(ONE, 1_000_000)
    assert quotas.calls(ONE, FLOOD) == FLOOD


async def begun(turns: Turns, count: int, *, alone: bool = False) -> list[asyncio.Task[None]]:
    """Lets so many calls ask for a turn, one after the other."""
    tasks = [asyncio.ensure_future(turns.take(alone=alone)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


def done(tasks: list[asyncio.Task[None]]) -> list[int]:
    """Returns which calls have their turn."""
    return [number for number, task in enumerate(tasks) if task.done() and not task.cancelled()]


async def test_turns_are_given_in_the_order_of_asking() -> None:
    """So many at a time; each that ends lets the next begin, and the last leaves nothing behind."""
    turns = Turns(2)
    tasks = await begun(turns, 5)
    for given in ([0, 1], [0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3, 4]):
        assert done(tasks) == given
        turns.leave(alone=False)
        await asyncio.sleep(0)
    assert not turns.is_idle
    turns.leave(alone=False)
    assert turns.is_idle


async def test_nobody_who_is_alone_waits_for_a_turn() -> None:
    """Who waits when the others have gone goes on with the next call that ends."""
    turns = Turns(2)
    assert len(done(await begun(turns, 5, alone=True))) == 5
    waiting = await begun(turns, 3)
    assert done(waiting) == []
    turns.leave(alone=True)
    await asyncio.sleep(0)
    assert done(waiting) == [0, 1, 2]


@pytest.mark.parametrize("ended_first", [False, True])
async def test_a_turn_that_is_called_off_goes_to_the_next(ended_first: bool) -> None:
    """Whether the turn has come in the same moment or not: none is lost, and none is given twice."""
    turns = Turns(1)
    tasks = await begun(turns, 4)
    if ended_first:
        turns.leave(alone=False)
        tasks[1].cancel()
    else:
        tasks[1].cancel()
        turns.leave(alone=False)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert tasks[1].cancelled()
    assert done(tasks) == [0, 2]
    turns.leave(alone=False)
    await asyncio.sleep(0)
    assert done(tasks) == [0, 2, 3]
    turns.leave(alone=False)
    assert turns.is_idle


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A served probe where a tenant has five calls a second beside others, and two at a time."""
    made = World()
    async with made.served(tenant_rates=CallRates(5, 100_000, 2)):
        yield made


async def outcomes(calls: list[Awaitable[Any]]) -> list[RemoteError]:
    """Waits for calls; returns the refusals among them."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    return [remote_error(each) for each in results if isinstance(each, grpc.aio.AioRpcError)]


async def test_a_flood_is_refused_with_a_hint_while_others_are_answered(world: World) -> None:
    """Both of a tenant's principals share its quota; each refusal says when to come again, and is counted."""
    tenant = str(uuid.uuid4())
    flooding, again, other = (world.client_ca.principal() for _ in range(3))
    as_other = bearer(world.token_for(other))
    as_one = [bearer(world.token_for(holder, tenant=tenant)) for holder in (flooding, again)]
    async with world.stub(flooding) as one, world.stub(again) as second, world.stub(other) as others:
        await others.Write(Text(text="here"), metadata=as_other)
        flood = [stub.Write(Text(text="x"), metadata=as_one[n]) for n, stub in enumerate((one, second))]
        flood += [one.Write(Text(text="x"), metadata=as_one[0]) for _ in range(FLOOD)]
        refused, unheard = await asyncio.gather(
            outcomes(flood), outcomes([others.Write(Text(text="y"), metadata=as_other) for _ in range(3)])
        )
    assert unheard == []
    assert len(refused) >= 10
    assert {(each.code, each.reason) for each in refused} == {("RESOURCE_EXHAUSTED", "CALLS_QUOTA_EXCEEDED")}
    assert all(0 < (each.retry_after_seconds or 0) <= 1 for each in refused)
    assert world.probe.calls == len(flood) - len(refused) + 4
    assert counted(world) == len(refused)


async def test_large_requests_are_refused_before_they_are_read(world: World) -> None:
    """After one that is worth many seconds the next is refused for its bytes."""
    client, other = world.client_ca.principal(), world.client_ca.principal()
    async with world.stub(client) as stub, world.stub(other) as others:
        await others.Write(Text(text="here"), metadata=bearer(world.token_for(other)))
        metadata = bearer(world.token_for(client))
        await stub.Write(Text(text="x" * 3_000_000), metadata=metadata)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Write(Text(text="x"), metadata=metadata)
    refusal = remote_error(caught.value)
    assert refusal.reason == "REQUEST_BYTES_QUOTA_EXCEEDED"
    assert 10 < (refusal.retry_after_seconds or 0) < 30
    assert world.probe.calls == 2


async def test_a_tenants_calls_take_turns_beside_others(world: World) -> None:
    """Two are under way and the others wait, in time and for nothing worse: nobody else's call does."""
    client, other = world.client_ca.principal(), world.client_ca.principal()
    async with world.stub(client) as stub, world.stub(other) as others:
        await others.Write(Text(text="here"), metadata=bearer(world.token_for(other)))
        metadata = bearer(world.token_for(client))
        waiting = [asyncio.ensure_future(stub.Write(Text(text="wait"), metadata=metadata)) for _ in range(4)]
        async with asyncio.timeout(5):
            while world.probe.calls < 3:
                await asyncio.sleep(0.01)
        reply = await others.Write(Text(text="answered"), metadata=bearer(world.token_for(other)))
        assert (reply.text, world.probe.calls) == ("answered", 4)
        world.probe.release.set()
        assert [each.text for each in await asyncio.gather(*waiting)] == ["wait"] * 4


async def test_a_tenants_batches_take_turns_beside_others(world: World) -> None:
    """One is under way and the next one waits; the tenant's small calls and others' batches do not."""
    client, other = world.client_ca.principal(), world.client_ca.principal()
    batch, small = Text(text="wait" * BATCH_BYTES), Text(text="answered")
    async with world.stub(client) as stub, world.stub(other) as others:
        as_one, as_other = (bearer(world.token_for(each)) for each in (client, other))
        await others.Write(small, metadata=as_other)
        waiting = [asyncio.ensure_future(stub.Write(batch, metadata=as_one)) for _ in range(2)]
        waiting.append(asyncio.ensure_future(others.Write(batch, metadata=as_other)))
        async with asyncio.timeout(5):
            while world.probe.calls < 3:
                await asyncio.sleep(0.01)
            await others.Write(small, metadata=as_other)
            assert world.probe.calls == 4
            world.probe.release.set()
            await asyncio.gather(*waiting)
    assert world.probe.calls == 5


async def test_heavy_calls_of_a_crowd_go_one_at_a_time_beside_others() -> None:
    """Who has more calls waiting than may be under way has one heavy call at a time; who asks now and then passes."""
    world = Quotas(CallRates(calls_per_second=1_000, calls_at_once=2))
    world.calls(OTHER, 1)
    calls, begun, first_may_end, may_end = world.quotas, list[bytes](), asyncio.Event(), asyncio.Event()

    async def heavy(who: Caller) -> None:
        async with calls.turn(who, is_stream=False), calls.batch(who, 10, is_heavy=True):
            begun.append(who.subject)
            if who is ONE:  # those two who came first found nobody waiting
                await (first_may_end if begun.count(ONE.subject) <= 2 else may_end).wait()

    flood = [asyncio.create_task(heavy(ONE)) for _ in range(20)]
    await asyncio.sleep(0)
    first_may_end.set()
    async with asyncio.timeout(10):
        while begun.count(ONE.subject) < 3:
            await asyncio.sleep(0.001)
    others = [asyncio.create_task(heavy(OTHER)) for _ in range(2)]
    await asyncio.sleep(0.01)
    assert (begun.count(ONE.subject), begun.count(OTHER.subject)) == (3, 2)
    may_end.set()
    async with asyncio.timeout(10):
        await asyncio.gather(*flood, *others)
    assert begun.count(ONE.subject) == 20


async def test_a_pause_follows_a_batch_beside_others_and_none_alone() -> None:
    """The answer does not wait for the pause, the next batch does; whoever is alone waits for nothing."""
    world, size = Quotas(), BATCH_BYTES + 1
    async with world.quotas.batch(ONE, size):
        pass
    async with world.quotas.batch(ONE, size):
        world.calls(OTHER, 1)
        await asyncio.sleep(0.01)
    following = asyncio.ensure_future(world.quotas.batch(ONE, size).__aenter__())
    await asyncio.sleep(0)
    assert not following.done()
    async with world.quotas.batch(ONE, BATCH_BYTES), world.quotas.batch(OTHER, size):
        pass
    async with asyncio.timeout(5):
        await following


@pytest.mark.parametrize(("size", "is_heavy"), [(BATCH_BYTES + 1, False), (10, True)])
async def test_the_next_one_waits_four_times_as_long_as_one_took(
    monkeypatch: pytest.MonkeyPatch, size: int, is_heavy: bool
) -> None:
    """Of what a batch costs, or a heavy call of a crowd, one tenant has a fifth of the process beside others."""
    world = Quotas(CallRates(calls_per_second=1_000, calls_at_once=1))
    world.calls(OTHER, 1)
    pauses, took = list[float](), iter((10.0, 10.25))
    monkeypatch.setattr(quotas, "time", SimpleNamespace(monotonic=lambda: next(took)))
    monkeypatch.setattr(CallQuotas, "leave_batch", lambda self, owner, pause_seconds: pauses.append(pause_seconds))
    async with world.quotas.turn(ONE, is_stream=False):
        crowd = [asyncio.create_task(world.quotas.turn(ONE, is_stream=False).__aenter__()) for _ in range(2)]
        await asyncio.sleep(0)
        async with world.quotas.batch(ONE, size, is_heavy=is_heavy):
            pass
    for each in crowd:
        each.cancel()
    assert pauses == [1.0]


def counted(world: World) -> int:
    """Returns how many refusals the metrics tell of."""
    data = world.metrics.get_metrics_data()
    assert data is not None
    return sum(
        int(point.value)  # type: ignore[union-attr]  # points of a counter
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == "ringfence.quota.refusals"
        for point in metric.data.data_points
        if (point.attributes or {}) == {"ringfence.refusal.reason": "CALLS_QUOTA_EXCEEDED"}
    )
