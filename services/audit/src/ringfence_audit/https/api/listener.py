"""A listener for HTTPS in the service's own loop (uvicorn's HTTP/1.1), with a bound on all that a client may hold."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from typing import Any

from ringfence_kernel.certificates.bundle import CertificateSource
from ringfence_kernel.certificates.serving import server_tls
from ringfence_kernel.certificates.trust import TrustBundle
from ringfence_kernel.rpc.server import CannotListen
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from ringfence_audit.https.api.peers import CERTIFICATE

MOST_CONNECTIONS = 128
MOST_ACCEPTED = 2 * MOST_CONNECTIONS
"""With those whose handshake is not done: each is a descriptor of this process, from the moment it is accepted."""
MOST_OF_ONE_ADDRESS = MOST_CONNECTIONS // 2
"""Counted from that moment; an IPv6 address is as many as its holder likes, so a /64 counts as one."""
FULL_SECONDS = 0.1
"""How long nothing is accepted where the process has no descriptor left."""
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
    let_go: Callable[[], None]
    _turn: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Takes a connection in; one too many is cut off."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
            return
        shown = transport.get_extra_info("ssl_object").getpeercert(True)
        self.app_state = {**self.app_state, CERTIFICATE: ssl.DER_cert_to_PEM_cert(shown).encode() if shown else b""}
        self._begin_turn()

    def connection_lost(self, exc: Exception | None) -> None:
        """Lets go of it."""
        super().connection_lost(exc)
        self.let_go()
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


class Accepted:
    """Counts connections from the moment they are accepted, altogether and by address."""

    def __init__(self) -> None:
        """Counts none."""
        self._addresses: Counter[str] = Counter()

    def __len__(self) -> int:
        """How many there are."""
        return self._addresses.total()

    def take(self, address: str) -> Callable[[], None] | None:
        """Counts one; gives what lets go of it, which may be called again. None where there is no room."""
        key = _neighbours(address)
        if len(self) >= MOST_ACCEPTED or self._addresses[key] >= MOST_OF_ONE_ADDRESS:
            return None
        self._addresses[key] += 1
        held = [key]

        def let_go() -> None:
            if held:
                self._addresses.subtract([held.pop()])
                self._addresses += Counter()  # without those that have none

        return let_go


class HttpsListener:
    """Listens from the start; answers while `run` runs.

    Each handshake shows the certificate of the moment, and knows the issuers of client certificates of the moment;
    connections that stand go on, and the application checks each request anew.
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
        self._state, self.accepted = ServerState(), Accepted()
        self._tls: ssl.SSLContext = server_tls(certificate, clients, self._replace)

    def _replace(self, context: ssl.SSLContext) -> None:
        self._tls = context

    async def run(self) -> None:
        """Answers until it is cancelled; then every connection is closed."""
        loop, shaking = asyncio.get_running_loop(), set[asyncio.Task[None]]()
        try:
            while True:
                try:
                    connection, address = await loop.sock_accept(self._socket)
                except OSError:
                    await asyncio.sleep(FULL_SECONDS)
                    continue
                let_go = self.accepted.take(address[0])
                if let_go is None:
                    connection.close()
                else:
                    task = loop.create_task(self._shake_hands(connection, let_go))
                    shaking.add(task)
                    task.add_done_callback(shaking.discard)
                await asyncio.sleep(0)  # whoever connects without end leaves the loop to others
        finally:
            for task in shaking:
                task.cancel()
            for each in list(self._state.connections):
                each.transport.abort()

    async def _shake_hands(self, connection: socket.socket, let_go: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()

        def make() -> asyncio.Protocol:
            protocol = BoundedProtocol(self._config, self._state, {}, loop)
            protocol.let_go = let_go
            return protocol

        is_up = False
        try:
            with contextlib.suppress(OSError):  # whoever hangs up, says nothing, or nonsense
                await loop.connect_accepted_socket(
                    make,
                    connection,
                    ssl=self._tls,
                    ssl_handshake_timeout=HANDSHAKE_SECONDS,
                    ssl_shutdown_timeout=HANDSHAKE_SECONDS,
                )
                is_up = True
        finally:
            if not is_up:
                let_go()

    def close(self) -> None:
        """Gives the address back."""
        self._socket.close()


def _bound(address: tuple[str, int]) -> socket.socket:
    try:
        family = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0][0]
        bound = socket.create_server(address, family=family, backlog=BACKLOG)
    except OSError:
        raise CannotListen(f"cannot listen on {address[0]}:{address[1]}") from None
    bound.setblocking(False)
    return bound


def _neighbours(address: str) -> str:
    """Gives what an address is counted as."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv4Address):
        return address
    return str(found.ipv4_mapped or ipaddress.IPv6Network((int(found) >> 64 << 64, 64)))
