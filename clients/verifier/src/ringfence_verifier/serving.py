"""What the small servers of this distribution have in common: the standard library's HTTP, and a bound on all of it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections import Counter
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HEAD_SECONDS = 10.0
"""From the beginning of a connection until the head of its first request is read; the handshake is within it."""
REQUEST_SECONDS = 30.0
"""From there until the answer is taken, and from then until the head of the next request is read."""
MOST_CONNECTIONS = 64
MOST_OF_ONE_ADDRESS = 16
"""Where TLS is this server's own: whatever stands in front of one without has one address."""


class BoundedServer(ThreadingHTTPServer):
    """Answers at an address until it is shut down: one process, kept connections, one thread each.

    Each connection has a time by which what it is at has to be done, however often it sends a byte.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        address: tuple[str, int],
        handler: type[BaseHTTPRequestHandler],
        tls: tuple[Path, Path] | None = None,
        clients: Path | None = None,
    ) -> None:
        """Listens at once; `tls` are the files of a certificate chain and its key, PEM.

        `clients` are the issuers of certificates that clients may show, PEM; who shows none is let in.
        """
        self._lock = threading.Lock()
        self._addresses: Counter[str] = Counter()
        self._until: dict[socket.socket, float] = {}
        self._most_of_one = MOST_CONNECTIONS if tls is None else MOST_OF_ONE_ADDRESS
        super().__init__(address, handler)
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            context.load_cert_chain(*tls)
            if clients is not None:
                context.verify_mode = ssl.CERT_OPTIONAL
                context.load_verify_locations(clients)
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def give(self, connection: socket.socket, seconds: float) -> None:
        """Gives a connection that stands so long from now."""
        with self._lock:
            if connection in self._until:
                self._until[connection] = time.monotonic() + seconds

    def service_actions(self) -> None:
        """Ends the connections whose time is over."""
        now = time.monotonic()
        with self._lock:
            for connection in [each for each, until in self._until.items() if until <= now]:
                # Not the TLS socket's own method: its thread is reading from it.
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answers in a thread; one connection too many is closed."""
        with self._lock:
            held = self._addresses[client_address[0]]
            has_room = len(self._until) < MOST_CONNECTIONS and held < self._most_of_one
            if has_room:
                self._addresses[client_address[0]] = held + 1
                self._until[request] = time.monotonic() + HEAD_SECONDS
        if not has_room:
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._let_go(request, client_address)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answers, and makes room."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._let_go(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing: whoever hangs up would fill a disk."""

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def _let_go(self, request: Any, client_address: Any) -> None:
        with self._lock:
            del self._until[request]
            self._addresses -= Counter([client_address[0]])


class QuietHandler(BaseHTTPRequestHandler):
    """Keeps connections, and leaves whoever is silent."""

    protocol_version = "HTTP/1.1"
    timeout = REQUEST_SECONDS
    server: BoundedServer

    def log_message(self, form: str, *values: object) -> None:
        """Says nothing: who polls would fill a disk."""

    def handle_one_request(self) -> None:
        """Answers a request, and begins the time of the next one."""
        super().handle_one_request()
        self.server.give(self.connection, REQUEST_SECONDS)

    def parse_request(self) -> bool:
        """Reads a head; one whose body could be taken for the next request is refused, or is the last."""
        if not super().parse_request():
            return False
        lengths = self.headers.get_all("Content-Length", [])
        has_body = bool(lengths) or "Transfer-Encoding" in self.headers
        is_unclear = len(lengths) > 1 or "Transfer-Encoding" in self.headers
        if self.headers.defects or (self.command == "POST" and is_unclear):
            self.send_error(HTTPStatus.BAD_REQUEST, "where this request ends is not clear")
            return False
        if has_body and self.command != "POST":
            self.close_connection = True  # what was sent is not read
        self.server.give(self.connection, self.seconds())
        return True

    def seconds(self) -> float:
        """Gives how long the request whose head was read may take, its answer taken."""
        return REQUEST_SECONDS

    def content_length(self, most: int) -> int | None:
        """Gives how long the body is; None where it does not say, or is longer than `most` bytes."""
        size = self.headers.get("Content-Length", "")
        is_number = size.isascii() and size.isdigit() and len(size) < 20
        return int(size) if is_number and int(size) <= most else None
