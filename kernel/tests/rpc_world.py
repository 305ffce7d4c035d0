"""A served ProbeService with everything around it that a test wants to bend."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from ringfence_kernel.access.standing import Standing, ended_by
from ringfence_kernel.access.token_keys import LocalKeys
from ringfence_kernel.access.tokens import TokenVerifier
from ringfence_kernel.certificates.bundle import FixedCertificate
from ringfence_kernel.certificates.trust import TrustBundle
from ringfence_kernel.rpc.client import Peer, PeerOptions
from ringfence_kernel.rpc.health import Check, Health
from ringfence_kernel.rpc.pipeline import Gate
from ringfence_kernel.rpc.server import RpcServer, ServerOptions
from ringfence_kernel.telemetry.tracing import Telemetry
from ringfence_kernel.values.clock import SystemClock
from ringfence_kernel.writing.endings import Endings

from .authorities import AUDIENCE, ISSUER, KEY_ID, TRUST_DOMAIN, Issued, TestAuthority, token
from .probe_service import SERVICE, Probe, ProbeStub


class OffsetClock:
    """The machine's clock, moved by a test."""

    def __init__(self) -> None:
        """Starts at the machine's time."""
        self.offset_ns = 0

    def now_ns(self) -> int:
        """Returns the moved time."""
        return SystemClock().now_ns() + self.offset_ns


@dataclass
class World:
    """Authorities, keys, the server and its probe."""

    workload_ca: TestAuthority = field(default_factory=lambda: TestAuthority("workloads"))
    client_ca: TestAuthority = field(default_factory=lambda: TestAuthority("clients"))
    signer: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    clock: OffsetClock = field(default_factory=OffsetClock)
    probe: Probe = field(default_factory=Probe)
    checks: list[Check] = field(default_factory=list)
    gate: Gate | None = None
    suspended: set[bytes] = field(default_factory=set)
    activated: set[bytes] = field(default_factory=set)
    endings: Endings = field(default_factory=Endings)
    spans: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    metrics: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)

    def __post_init__(self) -> None:
        """Makes what depends on the rest."""
        self.telemetry = Telemetry.start(
            "probe", span_processor=SimpleSpanProcessor(self.spans), metric_reader=self.metrics
        )
        self.keys = LocalKeys({KEY_ID: self.signer.public_key()})
        self.certificate = FixedCertificate(self.workload_ca.service("probe").bundle)
        self.workloads, self.clients = TrustBundle(self.workload_ca.pem), TrustBundle(self.client_ca.pem)
        self.health = Health([SERVICE], self.checks, interval_seconds=0.05)
        self.port = 0

    async def hear(self) -> bool:
        """Hears of those who were activated again."""
        self.suspended -= self.activated
        return True

    @asynccontextmanager
    async def served(self, **options: Any) -> AsyncIterator[RpcServer]:
        """Serves the probe on a free port."""
        server = RpcServer(
            ServerOptions(
                listen=options.pop("listen", "localhost:0"),
                workload_ca=self.workloads,
                client_ca=self.clients,
                trust_domain=TRUST_DOMAIN,
                **options,
            ),
            [self.probe.servicer()],
            self.certificate,
            TokenVerifier(self.keys, ISSUER, AUDIENCE, self.clock),
            self.health,
            self.telemetry,
            self.clock,
            Standing(self.suspended.__contains__, ended_by(self.endings), self.hear),
            self.gate,
        )
        self.port = server.port
        await self.health.start()
        await server.start()
        try:
            yield server
        finally:
            await server.stop(0)

    def token_for(self, holder: Issued | None, **claims: Any) -> str:
        """Signs a token bound to a certificate."""
        return token(self.signer, holder, now_ns=self.clock.now_ns(), **claims)

    @asynccontextmanager
    async def channel(self, client: Issued | None) -> AsyncIterator[grpc.aio.Channel]:
        """Connects as a client, with a plain gRPC channel."""
        pair = (client.bundle.private_key_pem, client.bundle.certificate_chain_pem) if client else (None, None)
        credentials = grpc.ssl_channel_credentials(self.workload_ca.pem, *pair)
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.secure_channel(f"localhost:{self.port}", credentials, options) as channel:
            yield channel

    @asynccontextmanager
    async def stub(self, client: Issued | None) -> AsyncIterator[Any]:
        """Connects as a client, with a stub."""
        async with self.channel(client) as channel:
            yield ProbeStub(channel)

    def peer(self, certificate: FixedCertificate, *, service: str = "probe", **options: Any) -> Peer:
        """Returns the served probe as another service sees it."""
        addresses = options.pop("addresses", (f"localhost:{self.port}",))
        target = PeerOptions(
            service=service, addresses=addresses, workload_ca=options.pop("trust", self.workloads), **options
        )
        return Peer(target, certificate, self.telemetry)


def bearer(text: str) -> tuple[tuple[str, str], ...]:
    """Returns the metadata that carries a token."""
    return (("authorization", f"Bearer {text}"),)
