"""Following a service of several processes: one that is gone, or accepts and is silent, keeps nobody from hearing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import grpc
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from ringfence_kernel.certificates.bundle import FixedCertificate
from ringfence_kernel.feed import FeedPage, FeedServicer, Follower
from ringfence_kernel.feed.hearing import Hearing, StandingStale
from ringfence_kernel.service import Runtime, runtime
from ringfence_kernel.service.heavy import HeavyWork
from ringfence_kernel.store import EventStore, Head
from ringfence_kernel.telemetry.gauges import Gauges
from ringfence_kernel.values.clock import SystemClock
from ringfence_protos.common.v1 import feed_pb2, feed_pb2_grpc
from structlog.testing import capture_logs

from ..rpc_world import World
from ..tally import fill

SOURCE = "identity"


class Counted(FeedServicer):
    """A feed that counts what it is asked."""

    heads = reads = 0

    async def Head(self, request: feed_pb2.HeadRequest, context: Any) -> feed_pb2.HeadResponse:
        """Answers."""
        self.heads += 1
        return await super().Head(request, context)

    async def Read(self, request: feed_pb2.ReadRequest, context: Any) -> feed_pb2.ReadResponse:
        """Answers."""
        self.reads += 1
        return await super().Read(request, context)


@dataclass
class Nobody:
    """An address where nobody listens, or somebody accepts and is silent."""

    address: str
    accepted: list[asyncio.StreamWriter] = field(default_factory=list)


@asynccontextmanager
async def nobody(is_silent: bool) -> AsyncIterator[Nobody]:
    """Returns such an address for the block."""

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.accepted.append(writer)

    server = await asyncio.start_server(say_nothing, "localhost", 0)
    found = Nobody(f"localhost:{server.sockets[0].getsockname()[1]}")
    if not is_silent:
        server.close()
    yield found
    for writer in found.accepted:
        writer.close()
    server.close()


@dataclass
class Following:
    """Follows a feed of two addresses, of which only the second one answers."""

    feed: Counted
    first: Nobody
    runtime: Runtime[Any]
    follower: Follower
    hearing: Hearing

    async def until_heard(self) -> list[str]:
        """Follows until the source was heard to its end; returns what was logged."""
        with capture_logs() as lines:
            task = asyncio.create_task(self.follower.run())
            async with asyncio.timeout(30):
                while not self.is_heard():
                    await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return [line["event"] for line in lines]

    def is_heard(self) -> bool:
        """Tells whether the source was heard."""
        try:
            self.hearing.require()
        except StandingStale:
            return False
        return True


async def taken(page: FeedPage) -> None:
    """Takes in a page."""


@pytest.fixture(params=[False, True], ids=["refuses", "accepts and is silent"])
async def following(store: EventStore, request: pytest.FixtureRequest) -> AsyncIterator[Following]:
    """Somebody who has just begun to follow."""
    fill(store, 5)
    world, feed, server = World(), Counted(SOURCE, store), grpc.aio.server()
    own = world.workload_ca.service(SOURCE).bundle
    feed_pb2_grpc.add_FeedServiceServicer_to_server(feed, server)
    credentials = grpc.ssl_server_credentials([(own.private_key_pem, own.certificate_chain_pem)])
    port = server.add_secure_port("localhost:0", credentials)
    await server.start()
    async with nobody(request.param) as first:
        certificate = FixedCertificate(world.workload_ca.service("custody").bundle)
        peer = world.peer(certificate, service=SOURCE, addresses=(first.address, f"localhost:{port}"))
        made: Runtime[Any] = Runtime(
            settings=None,
            clock=SystemClock(),
            telemetry=world.telemetry,
            gauges=Gauges(MeterProvider().get_meter("test")),
            vault=cast(Any, None),
            certificate=cast(Any, certificate),
            trust=cast(Any, None),
            resources=AsyncExitStack(),
            heavy=HeavyWork(MeterProvider().get_meter("test")),
            _peers={SOURCE: peer},
        )
        hearing = Hearing(60)
        yield Following(
            feed, first, made, made.follower(SOURCE, taken, Head(1, 0, bytes(32)), hearing=hearing), hearing
        )
        await peer.close()
    await server.stop(0)


async def test_the_first_hearing_passes_an_address_over_that_is_gone(following: Following) -> None:
    """Within the first read: nothing failed that would be waited after."""
    assert "feed_waits" not in await following.until_heard()


async def test_a_standby_knows_who_answers(following: Following, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has asked before it follows, so that the first read goes where it is answered; who follows asks no more."""
    monkeypatch.setattr(runtime, "WARM_SECONDS", 0.01)
    warming = asyncio.create_task(following.runtime.warm(following.follower).run())  # type: ignore[arg-type]
    async with asyncio.timeout(30):
        while following.feed.heads < 2:
            await asyncio.sleep(0.01)
    accepted = len(following.first.accepted)
    running = asyncio.create_task(following.follower.run())
    async with asyncio.timeout(30):
        while not following.is_heard():
            await asyncio.sleep(0.01)
        heads, reads = following.feed.heads, following.feed.reads
        while following.feed.reads < reads + 3:
            following.follower.ring()
            await asyncio.sleep(0.05)
    assert (following.feed.heads, len(following.first.accepted)) == (heads, accepted)
    for task in (warming, running):
        task.cancel()
    await asyncio.gather(warming, running, return_exceptions=True)
