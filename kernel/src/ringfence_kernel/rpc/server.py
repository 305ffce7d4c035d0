"""The gRPC server: mutual TLS with certificates that change while it runs, bounds on everything, graceful stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from opentelemetry.trace import SpanKind

from ringfence_kernel.access.control import ANY_CERTIFICATE, AccessControl, rules_of
from ringfence_kernel.access.peer_certificates import PeerCertificates
from ringfence_kernel.access.standing import Standing
from ringfence_kernel.access.tokens import TokenVerifier
from ringfence_kernel.certificates.bundle import CertificateSource
from ringfence_kernel.certificates.serving import server_credentials
from ringfence_kernel.certificates.trust import TrustBundle
from ringfence_kernel.rpc.admission import Admission
from ringfence_kernel.rpc.deadlines import Deadlines
from ringfence_kernel.rpc.health import Health
from ringfence_kernel.rpc.instruments import Instruments
from ringfence_kernel.rpc.pipeline import CallPipeline, Gate, log_call
from ringfence_kernel.rpc.quotas import CallQuotas, CallRates
from ringfence_kernel.telemetry.tracing import Telemetry
from ringfence_kernel.values.clock import Clock

_OPEN_SERVICES = {
    health.SERVICE_NAME: ("Check", "Watch"),
    reflection.SERVICE_NAME: ("ServerReflectionInfo",),
}


class CannotListen(Exception):
    """The address is taken, or the certificates do not load; stops start-up."""


@dataclass(frozen=True, slots=True)
class Servicer:
    """A servicer, the generated function that adds it to a server, and the full name of its proto service.

    Where a service has standbys, only its leader serves, unless the servicer is good `by_standby` as well. `places` are
    what calls of a method, by its name, are made within: they may refuse before a request is read. Batches of `unpaced`
    methods are the work that the service is for, and do not wait for those of the same tenant. `heavy` methods cost
    much however small their requests are: who asks for more of them than may be under way has them one at a time.
    """

    add: Callable[[Any, Any], None]
    instance: object
    service: str
    by_standby: bool = False
    places: Mapping[str, Gate] = field(default_factory=dict)
    unpaced: frozenset[str] = frozenset()
    heavy: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """Where the server listens, whom it trusts, and its bounds."""

    listen: str
    workload_ca: TrustBundle
    client_ca: TrustBundle
    trust_domain: str
    maximum_calls: int = 512
    maximum_streams: int = 256
    maximum_request_bytes: int = 4 * 1024 * 1024
    maximum_reply_bytes: int = 16 * 1024 * 1024
    maximum_connection_age_seconds: float = 900.0
    connection_grace_seconds: float = 60.0
    deadlines: Deadlines = field(default_factory=Deadlines)
    tenant_rates: CallRates = field(default_factory=CallRates)


class RpcServer:
    """Serves the given servicers, health and reflection."""

    def __init__(
        self,
        options: ServerOptions,
        servicers: Sequence[Servicer],
        certificate: CertificateSource,
        tokens: TokenVerifier,
        health: Health,
        telemetry: Telemetry,
        clock: Clock,
        standing: Standing,
        leader_gate: Gate | None = None,
    ) -> None:
        """Reads every method's access rule; raises AccessRuleMissing where one states none, CannotListen.

        Whoever may not act by `standing` is refused everywhere. Calls that only a leader may answer are made within
        `leader_gate`.
        """
        services = [servicer.service for servicer in servicers]
        rules = rules_of(services) | {
            f"/{service}/{method}": ANY_CERTIFICATE for service, methods in _OPEN_SERVICES.items() for method in methods
        }
        peers = PeerCertificates(options.workload_ca, options.client_ca, options.trust_domain, clock)
        self._instruments = Instruments(telemetry, SpanKind.SERVER, options.listen, log_call)
        self._pipeline = CallPipeline(
            AccessControl(rules, peers, tokens, standing),
            self._instruments,
            options.deadlines,
            Admission(options.maximum_calls),
            Admission(options.maximum_streams),
            CallQuotas(options.tenant_rates, telemetry.meter),
            _gates(servicers, leader_gate),
            frozenset(f"/{each.service}/{method}" for each in servicers for method in each.unpaced),
            frozenset(f"/{each.service}/{method}" for each in servicers for method in each.heavy),
        )
        self._server = grpc.aio.server(
            interceptors=(self._pipeline,),
            options=_channel_options(options),
            maximum_concurrent_rpcs=2 * (options.maximum_calls + options.maximum_streams),
        )
        for servicer in servicers:
            servicer.add(servicer.instance, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(health.servicer, self._server)
        reflection.enable_server_reflection((*services, *_OPEN_SERVICES), self._server)
        self.port = self._bind(options, certificate)

    def _bind(self, options: ServerOptions, certificate: CertificateSource) -> int:
        credentials = server_credentials(certificate, options.workload_ca, options.client_ca)
        try:
            return self._server.add_secure_port(options.listen, credentials)
        except RuntimeError:
            raise CannotListen(f"cannot listen on {options.listen}") from None

    async def start(self) -> None:
        """Begins to accept connections."""
        await self._server.start()

    def end_streams(self) -> None:
        """Ends the streams that are open with NOT_LEADER: whoever follows goes on elsewhere, from where it stood."""
        self._pipeline.open_streams.end()

    async def stop(self, drain_seconds: float) -> None:
        """Refuses new calls, lets running ones end within `drain_seconds`, then cancels them."""
        try:
            await self._server.stop(drain_seconds)
        finally:
            self._instruments.close()


def _gates(servicers: Sequence[Servicer], leader_gate: Gate | None) -> dict[str, Gate]:
    """Returns what calls are made within, by service and by method."""
    gates = {f"/{each.service}/{method}": place for each in servicers for method, place in each.places.items()}
    if leader_gate:
        gates |= {each.service: leader_gate for each in servicers if not each.by_standby}
    return gates


def _channel_options(options: ServerOptions) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", options.maximum_request_bytes),
        ("grpc.max_send_message_length", options.maximum_reply_bytes),
        ("grpc.max_concurrent_streams", options.maximum_calls + options.maximum_streams),
        # A connection ends before long, so that certificates are checked anew and clients spread again.
        ("grpc.max_connection_age_ms", int(options.maximum_connection_age_seconds * 1000)),
        ("grpc.max_connection_age_grace_ms", int(options.connection_grace_seconds * 1000)),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.so_reuseport", 0),
    ]
