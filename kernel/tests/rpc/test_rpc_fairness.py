"""One caller, however hostile, leaves room for the others; it needs nothing but a certificate to try."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from ringfence_kernel.rpc.deadlines import Deadlines
from ringfence_kernel.rpc.errors import remote_error

from ..probe_service import SERVICE, Text
from ..rpc_world import World, bearer

PLACES = 4
EVERYTHING = 4 * PLACES
"""More calls than the server runs at a time, of all kinds together."""


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A served probe with four places for calls and four for streams, where a call gets half a second."""
    made = World()
    deadlines = Deadlines(default_seconds=0.5, maximum_seconds=1)
    async with made.served(maximum_calls=PLACES, maximum_streams=PLACES, deadlines=deadlines):
        yield made


async def nothing() -> AsyncIterator[Any]:
    """Never sends a message, and never says that there is none."""
    await asyncio.Event().wait()
    yield


async def answered(world: World) -> str:
    """Returns what somebody else is told, of a call and of a stream."""
    other = world.client_ca.principal()
    async with world.stub(other) as stub:
        try:
            reply = await stub.Open(Text(text="call"), timeout=5)
            metadata = bearer(world.token_for(other))
            return reply.text + "".join([each.text async for each in stub.Watch(Text(text="x"), metadata=metadata)])
        except grpc.aio.AioRpcError as error:
            return remote_error(error).reason or error.code().name


async def test_requests_that_are_never_sent_hold_no_place_for_long(world: World) -> None:
    """A caller that opens calls and sends no message is cut off, and others are served."""
    async with world.channel(world.client_ca.principal()) as channel:
        silent = [channel.stream_unary(f"/{SERVICE}/Open")(nothing()) for _ in range(EVERYTHING)]
        await asyncio.sleep(1)
        assert await answered(world) == "call012x"
        code = grpc.StatusCode
        codes = {await call.code() for call in silent}
    # gRPC itself answers UNAVAILABLE to streams beyond the connection's limit.
    assert codes <= {code.DEADLINE_EXCEEDED, code.RESOURCE_EXHAUSTED, code.UNAVAILABLE}
    assert code.DEADLINE_EXCEEDED in codes


async def test_watching_health_takes_no_place_of_others(world: World) -> None:
    """Streams of the health service count like any other stream; a single question is always answered."""
    client = world.client_ca.principal()
    async with world.channel(client) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        streams = [stub.Watch(health_pb2.HealthCheckRequest()) for _ in range(EVERYTHING)]
        for stream in streams:
            stream.add_done_callback(lambda _: None)
        await asyncio.sleep(0.3)
        assert await answered(world) == "call012x"
        assert await stub.Check(health_pb2.HealthCheckRequest(), timeout=5)


async def test_one_caller_leaves_streams_to_others(world: World) -> None:
    """Nobody holds more than half of the places for streams, whatever the method."""
    client = world.client_ca.principal()

    async def question() -> AsyncIterator[Any]:
        yield reflection_pb2.ServerReflectionRequest(list_services="")
        await asyncio.Event().wait()

    async with world.channel(client) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        streams = [stub.ServerReflectionInfo(question()) for _ in range(PLACES)]
        await asyncio.sleep(0.3)
        assert await answered(world) == "call012x"
        for stream in streams:
            stream.cancel()


async def test_one_caller_leaves_calls_to_others(world: World) -> None:
    """Nobody holds more than half of the places for calls; beyond it the caller alone is OVERLOADED."""
    async with world.stub(world.client_ca.principal()) as stub:
        waiting = [asyncio.ensure_future(stub.Open(Text(text="wait"), timeout=5)) for _ in range(PLACES)]
        await asyncio.sleep(0.2)
        assert await answered(world) == "call012x"
        world.probe.release.set()
        results = await asyncio.gather(*waiting, return_exceptions=True)
    refused = [remote_error(each).reason for each in results if isinstance(each, grpc.aio.AioRpcError)]
    assert refused == ["OVERLOADED"] * (PLACES // 2)


async def test_a_call_that_closes_without_a_request_is_malformed(world: World) -> None:
    """No message at all is not an empty message."""
    async with world.channel(world.client_ca.principal()) as channel:
        call = channel.stream_unary(f"/{SERVICE}/Open")(iter([]))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
    assert remote_error(caught.value).reason == "MALFORMED_REQUEST"
