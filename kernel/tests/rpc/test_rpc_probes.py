"""The plaintext port of an orchestrator: three names, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from ringfence_kernel.rpc.health import Check, Health
from ringfence_kernel.rpc.probes import LEAD, LIVE, MAXIMUM_CALLS, MAXIMUM_WATCHES, READY, Probes
from ringfence_kernel.rpc.server import CannotListen
from ringfence_protos.common.v1 import feed_pb2, feed_pb2_grpc

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
SERVICE = "ringfence.probe.v1.ProbeService"


class Checked:
    """A process whose checks a test sets, with its health and its port for probes."""

    def __init__(self) -> None:
        """Is about to start."""
        self.problems: dict[str, str | None] = {"database": None, "certificate": None}
        checks = [Check(name, lambda name=name: self._problem(name)) for name in self.problems]  # type: ignore[misc]
        self.health = Health([SERVICE], checks, leader_only=[SERVICE])
        self.probes = Probes("localhost:0")
        self.health.subscribe(self.probes.take)

    async def _problem(self, name: str) -> str | None:
        return self.problems[name]

    @asynccontextmanager
    async def asked(self) -> AsyncIterator[grpc.aio.Channel]:
        """Answers for the block, in plaintext."""
        await self.probes.start()
        try:
            async with grpc.aio.insecure_channel(f"localhost:{self.probes.port}") as channel:
                yield channel
        finally:
            await self.probes.stop()


async def served(channel: grpc.aio.Channel) -> set[str]:
    """Returns which names say SERVING."""
    stub = health_pb2_grpc.HealthStub(channel)
    answers = {name: await stub.Check(health_pb2.HealthCheckRequest(service=name)) for name in (LIVE, READY, LEAD)}
    return {name for name, answer in answers.items() if answer.status == SERVING}


async def test_each_name_says_what_it_is_asked_for() -> None:
    """Live from the first moment, ready when it has started, leader or not, and leading only while well."""
    process = Checked()
    async with process.asked() as channel:
        assert await served(channel) == {LIVE}
        await process.health.start()
        assert await served(channel) == {LIVE}
        await process.health.probe()
        assert await served(channel) == {LIVE, READY}
        await process.health.lead(True)
        assert await served(channel) == {LIVE, READY, LEAD}
        await process.health.lead(False)
        assert await served(channel) == {LIVE, READY}


async def test_a_database_that_is_away_is_no_reason_to_replace_a_process() -> None:
    """Without the database nobody leads, and everybody is ready for when it is back; a bad certificate is not."""
    process = Checked()
    async with process.asked() as channel:
        await process.health.lead(True)
        process.problems["database"] = "STORE_UNAVAILABLE"
        await process.health.probe()
        assert await served(channel) == {LIVE, READY}
        process.problems = {"database": None, "certificate": "expired"}
        await process.health.probe()
        assert await served(channel) == {LIVE}


async def test_a_process_that_leaves_goes_on_leading_and_is_not_ready() -> None:
    """Endpoints go first; the name by which callers find the leader stays until there can be another."""
    process = Checked()
    async with process.asked() as channel:
        await process.health.lead(True)
        process.health.leave()
        await process.health.probe()
        assert await served(channel) == {LIVE, LEAD}
        for name, status in (("", NOT_SERVING), (SERVICE, SERVING)):
            request = health_pb2.HealthCheckRequest(service=name)
            assert (await process.health.servicer.Check(request, None)).status == status


async def test_what_has_died_is_not_live_again() -> None:
    """A process that is to be started again says so, whatever its checks find afterwards."""
    process = Checked()
    async with process.asked() as channel:
        await process.health.lead(True)
        process.probes.die()
        assert await served(channel) == set()
        await process.health.lead(False)
        await process.health.probe()
        assert await served(channel) == set()


async def test_nothing_else_is_served_in_plaintext() -> None:
    """Neither another name, as the protocol has it for both methods, nor another service."""
    process = Checked()
    async with process.asked() as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for name in ("", SERVICE, "Live"):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.Check(health_pb2.HealthCheckRequest(service=name))
            assert refused.value.code() is grpc.StatusCode.NOT_FOUND
            watch = stub.Watch(health_pb2.HealthCheckRequest(service=name))
            assert (await watch.read()).status == SERVICE_UNKNOWN
            watch.cancel()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await feed_pb2_grpc.FeedServiceStub(channel).Head(feed_pb2.HeadRequest())
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_watch_sees_a_process_come_and_go() -> None:
    """It ends with the process's own last word, and does not hold up the stop."""
    process, seen = Checked(), list[int]()
    async with process.asked() as channel:
        stopping = list[asyncio.Task[None]]()

        async def begin_to_stop() -> None:
            stopping.append(asyncio.create_task(process.probes.stop()))

        steps = [process.health.probe, begin_to_stop]
        request = health_pb2.HealthCheckRequest(service=READY)
        async for reply in health_pb2_grpc.HealthStub(channel).Watch(request, timeout=10):
            seen.append(reply.status)
            if steps:
                await steps.pop(0)()
        await asyncio.gather(*stopping)
    assert seen == [NOT_SERVING, SERVING, NOT_SERVING]


async def test_a_watch_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever forgets one does not hold a place for ever, and is told of every change until then."""
    monkeypatch.setattr("ringfence_kernel.rpc.probes.WATCH_SECONDS", 0.3)
    process = Checked()
    async with process.asked() as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=READY))
        async with asyncio.timeout(10):
            seen = []
            async for reply in watch:
                seen.append(reply.status)
                await process.health.probe()
            assert await watch.code() is grpc.StatusCode.OK
    assert seen == [NOT_SERVING, SERVING]


async def test_however_many_watch_whoever_asks_once_is_answered() -> None:
    """Those who watch get no more places than leave some; a place that is given up is free."""
    process = Checked()
    request = health_pb2.HealthCheckRequest(service=READY)
    async with process.asked() as channel, AsyncExitStack() as others:
        watches = []
        for _ in range(MAXIMUM_CALLS // 32):
            options = [("grpc.use_local_subchannel_pool", 1)]
            other = grpc.aio.insecure_channel(f"localhost:{process.probes.port}", options)
            stub = health_pb2_grpc.HealthStub(await others.enter_async_context(other))
            watches += [stub.Watch(request, timeout=20) for _ in range(32)]
        answers = await asyncio.gather(*(watch.read() for watch in watches), return_exceptions=True)
        refused = [each.code() for each in answers if isinstance(each, grpc.aio.AioRpcError)]
        assert refused == [grpc.StatusCode.RESOURCE_EXHAUSTED] * (MAXIMUM_CALLS - MAXIMUM_WATCHES)
        assert await served(channel) == {LIVE}
        for watch in watches:
            watch.cancel()
        again = health_pb2_grpc.HealthStub(channel).Watch(request, timeout=20, wait_for_ready=True)
        assert (await again.read()).status == NOT_SERVING
        again.cancel()


async def test_an_address_that_is_taken_stops_start_up() -> None:
    """By name, before anything else has started."""
    process = Checked()
    async with process.asked():
        with pytest.raises(CannotListen, match=f"localhost:{process.probes.port}"):
            Probes(f"localhost:{process.probes.port}")
