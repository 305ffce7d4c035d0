"""What the skeleton gives a service to put itself together with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message
from ringfence_protos.common.v1 import feed_pb2, feed_pb2_grpc
from ringfence_protos.identity.v1 import identity_pb2, identity_pb2_grpc

from ringfence_kernel.access.token_keys import RemoteKeys
from ringfence_kernel.certificates.connecting import client_tls
from ringfence_kernel.certificates.renewal import WorkloadCertificate
from ringfence_kernel.feed import URGENT, Doorbell, FeedPage, Follower, Looking
from ringfence_kernel.feed.hearing import Hearing
from ringfence_kernel.rpc.client import Peer, PeerOptions
from ringfence_kernel.rpc.errors import RemoteError
from ringfence_kernel.rpc.health import Check
from ringfence_kernel.service.heavy import HeavyWork
from ringfence_kernel.service.settings import Settings
from ringfence_kernel.service.tasks import Task
from ringfence_kernel.service.trust import Trust
from ringfence_kernel.store import Head
from ringfence_kernel.telemetry.gauges import Gauges
from ringfence_kernel.telemetry.tracing import Telemetry
from ringfence_kernel.values.clock import Clock, SteadyClock
from ringfence_kernel.vault import Vault

SettingsT = TypeVar("SettingsT", bound=Settings)

_FEED_SECONDS = 10.0
FEED_ATTEMPT_SECONDS = 1.0
"""After so long without an answer to a read, another process of the source is asked."""
WARM_SECONDS = 10.0
"""How often a standby asks where a feed stands that it will follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime(Generic[SettingsT]):
    """The means of a process; what is pushed on `resources` is closed in reverse order when it stops."""

    settings: SettingsT
    clock: Clock
    telemetry: Telemetry
    gauges: Gauges
    vault: Vault
    certificate: WorkloadCertificate
    trust: Trust
    resources: AsyncExitStack
    heavy: HeavyWork
    _peers: dict[str, Peer] = field(default_factory=dict)

    def peer(self, service: str) -> Peer:
        """Returns the one Peer for a service; raises MissingSetting when its address is not set."""
        if service not in self._peers:
            options = PeerOptions(
                service=service,
                addresses=self.settings.addresses_of(service),
                workload_ca=self.trust.workloads,
            )
            peer = Peer(options, self.certificate, self.telemetry)
            self.resources.push_async_callback(peer.close)
            self._peers[service] = peer
        return self._peers[service]

    def follower(
        self,
        source: str,
        handle: Callable[[FeedPage], Awaitable[None]],
        cursor: Head,
        first_difference: Callable[[], Awaitable[int | None]] | None = None,
        hears: Callable[[], bool] | None = None,
        looking: Looking = URGENT,
        hearing: Hearing | None = None,
    ) -> Follower:
        """Returns a follower of another service's feed, read over gRPC."""
        peer = self.peer(source)

        async def read(request: feed_pb2.ReadRequest) -> feed_pb2.ReadResponse:
            reply: feed_pb2.ReadResponse = await _ask_feed(peer, "Read", request)
            return reply

        follower = Follower(
            source=source,
            read=read,
            handle=handle,
            cursor=cursor,
            first_difference=first_difference,
            hears=hears,
            looking=looking,
            hearing=hearing,
        )
        follower.gauge(self.gauges)
        return follower

    def warm(self, follower: Follower) -> Task:
        """Returns the task of every process that, while it does not follow, keeps the way to the source open.

        Whoever begins to lead asks an address that has just answered, on a connection that is made.
        """
        peer = self.peer(follower.source)

        async def run() -> None:
            while True:
                if not follower.follows:
                    with suppress(RemoteError):
                        await _ask_feed(peer, "Head", feed_pb2.HeadRequest())
                await asyncio.sleep(WARM_SECONDS)

        return Task(f"warm-{follower.source}", run, vital=False)

    def doorbell(self) -> Doorbell:
        """Returns this service's doorbell; it connects when the task of `hear` runs."""
        settings = self.settings
        doorbell = Doorbell(
            service=settings.service,
            urls=settings.nats_urls,
            tls=None,
            user=settings.nats_user,
            password=settings.nats_password.reveal() if settings.nats_password else None,
        )
        if self.trust.nats is not None:
            doorbell.trust(client_tls(self.certificate, self.trust.nats, doorbell.trust))
        self.resources.push_async_callback(doorbell.close)
        return doorbell

    def token_keys(self) -> RemoteKeys:
        """Returns the keys of the issuer of tokens, fetched when they are needed."""
        peer = self.peer("identity")

        async def fetch() -> str:
            request = identity_pb2.GetJwksRequest()
            reply = await peer.call(
                identity_pb2_grpc.TokenServiceStub,
                "GetJwks",
                request,
                timeout=3,
                attempt_seconds=FEED_ATTEMPT_SECONDS,
                idempotent=True,
            )
            key_set: str = reply.jwks_json
            return key_set

        return RemoteKeys(fetch, SteadyClock())


async def _ask_feed(peer: Peer, method: str, request: Message) -> Any:
    """Asks a source's feed; an address that refuses or is silent costs little, since the others have the same feed."""
    return await peer.call(
        feed_pb2_grpc.FeedServiceStub,
        method,
        request,
        timeout=_FEED_SECONDS,
        attempt_seconds=FEED_ATTEMPT_SECONDS,
        idempotent=True,
    )


def hear(doorbell: Doorbell, rings: Mapping[str, Callable[[], None]]) -> Task:
    """Returns the task that connects to NATS and calls `rings[source]` whenever that source has news.

    It raises when NATS ends the connection for good, and is then started again.
    """

    async def run() -> None:
        await doorbell.connect()
        for source, rung in rings.items():
            await doorbell.listen(source, rung)
        await doorbell.closed()
        raise ConnectionError("NATS has ended the connection")

    return Task("doorbell", run, vital=False)


def follow(follower: Follower, cursor: Callable[[], Awaitable[Head]] | None = None) -> tuple[Task, tuple[Check, Check]]:
    """Returns the task that follows, and two checks: that the follower has not halted, and that its source answers.

    While a source is away everything goes on that does not need it, so that this is said beside the health.
    The task goes on where `cursor` says whenever it starts: another process may have followed meanwhile.
    """

    async def run() -> None:
        if cursor is not None:
            follower.cursor = await cursor()
        await follower.run()

    async def probe() -> str | None:
        return follower.halted or None

    async def heard() -> str | None:
        return "no answer" if follower.is_unheard else None

    name = f"follower-{follower.source}"
    return Task(name, run), (Check(name, probe), Check(f"source-{follower.source}", heard, serves_on=True))
