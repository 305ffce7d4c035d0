"""What an orchestrator asks a process, in plaintext: health (grpc.health.v1) and nothing else.

Kubernetes' gRPC probe speaks no TLS and shows no certificate. What it is told here is no secret, and nothing else is
served on this port.
"""

from __future__ import annotations

from collections.abc import Container

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ringfence_kernel.rpc.health import HealthServicer
from ringfence_kernel.rpc.server import CannotListen

LIVE, READY, LEAD = "live", "ready", "lead"
NEEDED_TO_BE_READY = ("start", "certificate")
"""Checks without which no call could be taken. A database that is away is none: a process that waits for it is no
better replaced, and whoever leads says so in its own health."""
MAXIMUM_CALLS = 256
MAXIMUM_WATCHES = 128
"""The rest is kept for those who ask once: an orchestrator that is not answered ends the process."""
WATCH_SECONDS = 60.0
"""How long a watch is answered; whoever still wants to know begins another."""
GRACE_SECONDS = 1.0
"""For watches to hear the last word; they end with it."""
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
_OPTIONS = [
    ("grpc.max_receive_message_length", 4_096),
    ("grpc.max_concurrent_streams", 32),
    # Whoever has gone without a word, or never says what it asks for, does not stay.
    ("grpc.max_connection_age_ms", 120_000),
    ("grpc.max_connection_age_grace_ms", 5_000),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.so_reuseport", 0),
]


class Probes:
    """The answers to `live`, `ready` and `lead`, and the server that gives them where there is an address for it.

    `live`: the event loop runs and no critical task has ended; whoever is not is to be started again. `ready`: start-up
    is over, the certificate is good, and the process is not about to stop; a standby is. `lead`: this process leads,
    and writes.
    """

    def __init__(self, listen: str | None) -> None:
        """Listens on `listen` (host:port), None for not at all; raises CannotListen."""
        self.servicer = HealthServicer(WATCH_SECONDS, MAXIMUM_WATCHES)
        self.servicer.set((LIVE,), _SERVING)
        self.servicer.set((READY, LEAD), _NOT_SERVING)
        self.port = 0
        self._has_died = False
        self._server = grpc.aio.server(options=_OPTIONS, maximum_concurrent_rpcs=MAXIMUM_CALLS) if listen else None
        if self._server is not None and listen:
            health_pb2_grpc.add_HealthServicer_to_server(self.servicer, self._server)
            try:
                self.port = self._server.add_insecure_port(listen)
            except RuntimeError:
                raise CannotListen(f"cannot listen on {listen}") from None

    async def start(self) -> None:
        """Begins to answer."""
        if self._server is not None:
            await self._server.start()

    def take(self, problems: Container[str], leads: bool, leaves: bool) -> None:
        """Takes note of the names of the checks that fail, of who leads, and of who is about to stop."""
        if self._has_died:
            return
        is_ready = not leaves and not any(name in problems for name in NEEDED_TO_BE_READY)
        self.servicer.set((READY,), _SERVING if is_ready else _NOT_SERVING)
        self.servicer.set((LEAD,), _SERVING if leads else _NOT_SERVING)

    def die(self) -> None:
        """Says that this process is to be started again: something that its answers depend on has ended."""
        self._has_died = True
        self.servicer.set((LIVE, READY, LEAD), _NOT_SERVING)

    async def stop(self) -> None:
        """Ends the watches, then the server; nothing runs any more that could be asked for."""
        self.servicer.end()
        if self._server is not None:
            await self._server.stop(GRACE_SECONDS)
