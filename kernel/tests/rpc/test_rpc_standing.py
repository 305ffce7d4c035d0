"""Whoever is suspended is refused at the edge, whatever its token still says: before, during and after a request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from ringfence_kernel.rpc import pipeline
from ringfence_kernel.rpc.errors import remote_error
from ringfence_kernel.writing.endings import Ending
from ringfence_kernel.writing.journal import Journal

from ..authorities import Issued
from ..probe_service import SERVICE, ProbeStub, Text
from ..rpc_world import World, bearer

SUBJECT, TENANT = uuid4(), uuid4()
REFUSED = ("PERMISSION_DENIED", "PRINCIPAL_SUSPENDED")
ENDED = ("UNAUTHENTICATED", "TOKEN_ENDED")
Refusal = tuple[str, str]


class Suspended(set[bytes]):
    """Knows whether it was asked."""

    def __init__(self) -> None:
        """Nobody is suspended."""
        super().__init__()
        self.asked = asyncio.Event()

    def __contains__(self, principal: object) -> bool:
        """Tells whether somebody is suspended."""
        self.asked.set()
        return super().__contains__(principal)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A served probe."""
    made = World(suspended=Suspended())
    async with made.served():
        yield made


@pytest.fixture
def client(world: World) -> Issued:
    """A principal of a platform."""
    return world.client_ca.principal()


def token(world: World, client: Issued) -> Any:
    """Returns the metadata of its living token."""
    return bearer(world.token_for(client, sub=str(SUBJECT), tenant=str(TENANT)))


async def ended(call: Any) -> Refusal:
    """Returns how a call, or a stream, was refused."""
    try:
        if isinstance(call, grpc.aio.UnaryUnaryCall):
            await call
        else:
            async for _ in call:
                pass
    except grpc.aio.AioRpcError as caught:
        error = remote_error(caught)
        return error.code, error.reason
    return "OK", ""


async def endless() -> AsyncIterator[Any]:
    """Sends one request and leaves the stream open."""
    yield Text(text="hang")
    await asyncio.Event().wait()


CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "Write": lambda stub, metadata: stub.Write(Text(text="x"), metadata=metadata, timeout=20),
    "without the scope": lambda stub, metadata: stub.Admin(Text(text="x"), metadata=metadata, timeout=20),
    "Watch": lambda stub, metadata: stub.Watch(Text(text="x"), metadata=metadata, timeout=20),
    "Talk": lambda stub, metadata: stub.Talk(endless(), metadata=metadata, timeout=20),
}


@pytest.mark.parametrize("suspended", [SUBJECT, TENANT], ids=["principal", "platform"])
@pytest.mark.parametrize("name", CALLS)
async def test_a_living_token_opens_nothing(world: World, client: Issued, name: str, suspended: UUID) -> None:
    """No method is reached, with one request or many, with the scope or without; afterwards it is as before."""
    metadata = token(world, client)
    async with world.stub(client) as stub:
        world.suspended.add(suspended.bytes)
        assert await asyncio.wait_for(ended(CALLS[name](stub, metadata)), 5) == REFUSED
        assert world.probe.calls == 0
        world.suspended.clear()
        assert (await stub.Write(Text(text="again"), metadata=metadata, timeout=5)).text == "again"


@pytest.mark.parametrize("whose", [SUBJECT, TENANT], ids=["principal", "platform"])
@pytest.mark.parametrize("name", CALLS)
async def test_a_token_from_before_a_pin_opens_nothing(world: World, client: Issued, name: str, whose: UUID) -> None:
    """Nor one from before a suspension that was lifted; one issued since does, also within the same second."""
    old = bearer(world.token_for(client, sub=str(SUBJECT), tenant=str(TENANT), position=6))
    none, new = token(world, client), bearer(world.token_for(client, sub=str(SUBJECT), tenant=str(TENANT), position=7))
    async with world.stub(client) as stub:
        assert (await stub.Write(Text(text="before"), metadata=old, timeout=5)).text == "before"
        world.endings.note(Ending(whose.bytes, 7, world.clock.now_ns()), Journal())
        calls = world.probe.calls
        for metadata in (old, none):
            assert await asyncio.wait_for(ended(CALLS[name](stub, metadata)), 5) == ENDED
        assert world.probe.calls == calls
        assert (await stub.Write(Text(text="again"), metadata=new, timeout=5)).text == "again"


async def test_who_was_activated_again_is_asked_about(world: World, client: Issued) -> None:
    """Before anybody is refused for a suspension, what identity has said since is heard."""
    async with world.stub(client) as stub:
        world.suspended.add(SUBJECT.bytes)
        world.activated.add(SUBJECT.bytes)
        assert (await stub.Write(Text(text="again"), metadata=token(world, client), timeout=5)).text == "again"


@pytest.mark.parametrize("name", ["Watch", "Talk"])
async def test_an_open_stream_ends_with_its_token(world: World, client: Issued, name: str) -> None:
    """Whose certificate was pinned meanwhile hears no more by the old one."""
    calls = {
        "Watch": lambda stub, metadata: stub.Watch(Text(text="hang"), metadata=metadata, timeout=20),
        "Talk": CALLS["Talk"],
    }
    async with world.stub(client) as stub:
        ending = asyncio.ensure_future(ended(calls[name](stub, token(world, client))))
        async with asyncio.timeout(5):
            while not world.probe.calls:
                await asyncio.sleep(0.01)
        world.endings.note(Ending(SUBJECT.bytes, 7, world.clock.now_ns()), Journal())
        assert await asyncio.wait_for(ending, 5) == ENDED


@pytest.mark.parametrize("name", ["Watch", "Talk"])
async def test_an_open_stream_ends(world: World, client: Issued, name: str) -> None:
    """One that has no news would otherwise stay open for as long as its deadline allows."""
    calls = {
        "Watch": lambda stub, metadata: stub.Watch(Text(text="hang"), metadata=metadata, timeout=20),
        "Talk": CALLS["Talk"],
    }
    async with world.stub(client) as stub:
        ending = asyncio.ensure_future(ended(calls[name](stub, token(world, client))))
        async with asyncio.timeout(5):
            while not world.probe.calls:
                await asyncio.sleep(0.01)
        world.suspended.add(SUBJECT.bytes)
        assert await asyncio.wait_for(ending, 5) == REFUSED


@pytest.mark.parametrize("shows_token", [True, False])
async def test_only_a_stream_with_a_token_is_looked_at(
    world: World, client: Issued, shows_token: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A watch of health goes by the certificate alone: nobody can be suspended on it, and it wakes nobody."""
    looked_at: list[object] = []

    def ending(is_over: object, limit: object) -> AbstractContextManager[None]:
        looked_at.append(is_over)
        return nullcontext()

    monkeypatch.setattr(pipeline, "ending_once", ending)
    async with world.channel(client) as channel:
        watch: Any = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=20)
        if shows_token:
            watch = ProbeStub(channel).Watch(Text(text="wait"), metadata=token(world, client), timeout=20)
        await anext(aiter(watch))
        watch.cancel()
    assert bool(looked_at) is shows_token


async def test_nothing_is_written_to_who_was_suspended_since(world: World, client: Issued) -> None:
    """News that comes first is not shown any more."""
    async with world.stub(client) as stub:
        watching = stub.Watch(Text(text="wait"), metadata=token(world, client), timeout=20)
        async with asyncio.timeout(5):
            while not world.probe.calls:
                await asyncio.sleep(0.01)
        world.suspended.add(SUBJECT.bytes)
        world.probe.release.set()
        seen = []
        with suppress(grpc.aio.AioRpcError):
            async for each in watching:
                seen.append(each.text)  # what came before the refusal
        assert seen == ["0", "1", "2"]


async def test_a_request_held_back_is_refused(world: World, client: Issued) -> None:
    """Whoever is let in and sends its request only after its suspension has done nothing."""
    async with world.channel(client) as channel:
        held = channel.stream_unary(f"/{SERVICE}/Write", Text.SerializeToString, Text.FromString)
        call = held(metadata=token(world, client), timeout=20)
        assert isinstance(world.suspended, Suspended)
        await asyncio.wait_for(world.suspended.asked.wait(), 5)
        world.suspended.add(SUBJECT.bytes)
        await call.write(Text(text="late"))
        await call.done_writing()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        error = remote_error(caught.value)
        assert (error.code, error.reason) == REFUSED
        assert world.probe.calls == 0
