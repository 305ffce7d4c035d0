"""Health: what the checks say, while it is true."""

from __future__ import annotations

import asyncio

from grpc_health.v1 import health_pb2, health_pb2_grpc
from ringfence_kernel.rpc.health import Check, Health

from ..probe_service import SERVICE
from ..rpc_world import World

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Dependency:
    """Something that is well, ill, broken or hanging."""

    def __init__(self) -> None:
        """Is well."""
        self.state = "well"

    async def probe(self) -> str | None:
        """Behaves as its state says."""
        match self.state:
            case "well":
                return None
            case "raises":
                raise ConnectionError
            case "hangs":
                await asyncio.Event().wait()
        return self.state


async def test_health_follows_the_checks_both_ways() -> None:
    """Ill, broken and hanging dependencies all mean NOT_SERVING, and recovery means SERVING again."""
    dependency = Dependency()
    world = World(checks=[Check("database", dependency.probe, timeout_seconds=0.05)])
    async with world.served(), world.channel(world.client_ca.principal()) as channel:
        stub = health_pb2_grpc.HealthStub(channel)

        async def status(service: str) -> int:
            return int((await stub.Check(health_pb2.HealthCheckRequest(service=service))).status)

        assert await status(SERVICE) == NOT_SERVING
        for state, expected in (
            ("well", SERVING),
            ("ill", NOT_SERVING),
            ("well", SERVING),
            ("raises", NOT_SERVING),
            ("well", SERVING),
            ("hangs", NOT_SERVING),
        ):
            dependency.state = state
            assert await world.health.probe() is (expected == SERVING)
            assert [await status(service) for service in ("", SERVICE)] == [expected, expected]
        assert world.health.problems == {"database": "TimeoutError"}


async def test_what_serves_on_is_said_and_sends_nobody_away() -> None:
    """Under a name of its own, both ways; with something else that is wrong it is not well either."""
    database, witnesses = Dependency(), Dependency()
    world = World(checks=[Check("database", database.probe), Check("witnesses", witnesses.probe, serves_on=True)])
    async with world.served(), world.channel(world.client_ca.principal()) as channel:
        stub = health_pb2_grpc.HealthStub(channel)

        async def statuses() -> list[int]:
            names = (SERVICE, "witnesses")
            return [int((await stub.Check(health_pb2.HealthCheckRequest(service=name))).status) for name in names]

        assert await statuses() == [NOT_SERVING, NOT_SERVING]
        for database.state, witnesses.state, expected in (
            ("well", "well", [SERVING, SERVING]),
            ("well", "missing", [SERVING, NOT_SERVING]),
            ("ill", "missing", [NOT_SERVING, NOT_SERVING]),
            ("ill", "well", [NOT_SERVING, NOT_SERVING]),
            ("well", "well", [SERVING, SERVING]),
        ):
            assert await world.health.probe() is (expected[0] == SERVING)
            assert await statuses() == expected


async def test_a_watcher_hears_of_every_change_and_of_the_end() -> None:
    """A client that watches sees SERVING come, and NOT_SERVING when the server is about to stop."""
    world = World()
    async with world.served(), world.channel(world.client_ca.principal()) as channel:
        seen = []
        next_step = [world.health.probe, world.health.stop]
        stub = health_pb2_grpc.HealthStub(channel)
        async for reply in stub.Watch(health_pb2.HealthCheckRequest(service=SERVICE), timeout=10):
            seen.append(reply.status)
            if not next_step:
                break
            await next_step.pop(0)()
    assert seen == [NOT_SERVING, SERVING, NOT_SERVING]


async def test_a_stopped_health_never_serves_again() -> None:
    """After stop, passing checks do not say SERVING."""
    health = Health([SERVICE], [])
    await health.start()
    await health.stop()
    await health.probe()
    reply = await health.servicer.Check(health_pb2.HealthCheckRequest(service=SERVICE), None)
    assert reply.status == NOT_SERVING


async def test_leadership_shows_at_once_and_beside_the_checks() -> None:
    """A standby is well and serves nothing of the leader's; taking over shows without a probe, and so does the end."""
    dependency = Dependency()
    health = Health([SERVICE, "feed"], [Check("database", dependency.probe)], leader_only=[SERVICE])

    async def statuses() -> list[int]:
        requests = (health_pb2.HealthCheckRequest(service=name) for name in ("", "feed", SERVICE))
        return [(await health.servicer.Check(request, None)).status for request in requests]

    await health.start()
    await health.probe()
    assert await statuses() == [SERVING, SERVING, NOT_SERVING]
    await health.lead(True)
    assert await statuses() == [SERVING, SERVING, SERVING]
    dependency.state = "ill"
    await health.probe()
    assert await statuses() == [NOT_SERVING, NOT_SERVING, NOT_SERVING]
    dependency.state = "well"
    await health.lead(False)
    await health.probe()
    assert await statuses() == [SERVING, SERVING, NOT_SERVING]


async def test_watchers_do_not_hold_up_a_stop() -> None:
    """A server with a client that watches its health stops at once, and not when its time to drain is over."""
    world = World()
    async with world.served() as server, world.channel(world.client_ca.principal()) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == NOT_SERVING
        await world.health.stop()
        async with asyncio.timeout(2):
            await server.stop(10)
