"""A listener for HTTPS in the service's own loop (uvicorn's HTTP/1.1), with a bound on all that a client may hold."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter
from typing import Any

from ringfence_kernel.certificates.bundle import CertificateSource
from ringfence_kernel.certificates.serving import server_tls
from ringfence_kernel.certificates.trust import TrustBundle
from ringfence_kernel.rpc.server import CannotListen
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from ringfence_audit.tiles.api.application import CERTIFICATE

MOST_CONNECTIONS = 128
MOST_OF_ONE_ADDRESS = MOST_CONNECTIONS // 2
HANDSHAKE_SECONDS = 5.0
TURN_SECONDS = 30.0
"""From one answer, or the handshake, until the next one is written and the one before is taken."""
IDLE_SECONDS = 10
MOST_HEADER_BYTES = 8_192
BACKLOG = 64
_SILENT = "CRITICAL"


class BoundedProtocol(H11Protocol):
    """One connection: it tells the application its client certificate, and is cut off where a turn takes too long."""

    turn_seconds = TURN_SECONDS
    _turn: asyncio.TimerHandle | None = None
    _address = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Takes a connection in; one too many is cut off."""
        super().connection_made(transport)
        self._address = (self.client or ("", 0))[0]
        addresses: Counter[str] = self.app_state["addresses"]
        addresses[self._address] += 1
        if len(self.connections) > MOST_CONNECTIONS or addresses[self._address] > MOST_OF_ONE_ADDRESS:
            transport.abort()
            return
        shown = transport.get_extra_info("ssl_object").getpeercert(True)
        self.app_state = {**self.app_state, CERTIFICATE: ssl.DER_cert_to_PEM_cert(shown).encode() if shown else b""}
        self._begin_turn()

    def connection_lost(self, exc: Exception | None) -> None:
        """Lets go of it."""
        super().connection_lost(exc)
        addresses: Counter[str] = self.app_state["addresses"]
        addresses[self._address] -= 1
        if not addresses[self._address]:
            del addresses[self._address]
        if self._turn is not None:
            self._turn.cancel()

    def on_response_complete(self) -> None:
        """Begins the next turn."""
        self._begin_turn()
        super().on_response_complete()

    def _begin_turn(self) -> None:
        if self._turn is not None:
            self._turn.cancel()
        self._turn = self.loop.call_later(self.turn_seconds, self.transport.abort)


class HttpsListener:
    """Listens from the start; answers while `run` runs.

    Each handshake shows the certificate of the moment. When the issuers of client certificates change, the same socket
    is listened on under the new ones; connections that stand go on, and the application checks each request anew.
    """

    def __init__(
        self, address: tuple[str, int], certificate: CertificateSource, clients: TrustBundle, application: Any
    ) -> None:
        """Binds the address; raises CannotListen."""
        self._socket = _bound(address)
        self.port = int(self._socket.getsockname()[1])
        self._config = Config(
            application,
            proxy_headers=False,
            server_header=False,
            access_log=False,
            log_config=None,
            log_level=_SILENT.lower(),  # whoever sends nonsense would fill a disk
            lifespan="off",
            ws="none",
            h11_max_incomplete_event_size=MOST_HEADER_BYTES,
            timeout_keep_alive=IDLE_SECONDS,
        )
        self._config.load()
        self._state, self._shared = ServerState(), {"addresses": Counter[str]()}
        self._changed = asyncio.Event()
        self._tls: ssl.SSLContext = server_tls(certificate, clients, self._replace)

    def _replace(self, context: ssl.SSLContext) -> None:
        self._tls = context
        self._changed.set()

    async def run(self) -> None:
        """Answers until it is cancelled; then every connection is closed."""
        loop = asyncio.get_running_loop()

        def make() -> asyncio.Protocol:
            return BoundedProtocol(self._config, self._state, self._shared, loop)

        try:
            while True:
                self._changed.clear()
                server = await loop.create_server(
                    make,
                    sock=self._socket.dup(),
                    ssl=self._tls,
                    backlog=BACKLOG,
                    ssl_handshake_timeout=HANDSHAKE_SECONDS,
                    ssl_shutdown_timeout=HANDSHAKE_SECONDS,
                )
                try:
                    await self._changed.wait()
                finally:
                    server.close()
        finally:
            for connection in list(self._state.connections):
                connection.transport.abort()

    def close(self) -> None:
        """Gives the address back."""
        self._socket.close()


def _bound(address: tuple[str, int]) -> socket.socket:
    try:
        family = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server(address, family=family, backlog=BACKLOG)
    except OSError:
        raise CannotListen(f"cannot listen on {address[0]}:{address[1]}") from None
