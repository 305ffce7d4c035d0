"""What the small servers of this distribution have in common: the standard library's HTTP, and a bound on all of it."""

from __future__ import annotations

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

SILENCE_SECONDS = 30.0
MOST_CONNECTIONS = 64


class BoundedServer(ThreadingHTTPServer):
    """Answers at an address until it is shut down: one process, kept connections, one thread each."""

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
        self._room = threading.BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__(address, handler)
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            context.load_cert_chain(*tls)
            if clients is not None:
                context.verify_mode = ssl.CERT_OPTIONAL
                context.load_verify_locations(clients)
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answers in a thread; one connection too many is closed."""
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answers, and makes room."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing: whoever hangs up would fill a disk."""

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])


class QuietHandler(BaseHTTPRequestHandler):
    """Keeps connections, and leaves whoever is silent."""

    protocol_version = "HTTP/1.1"
    timeout = SILENCE_SECONDS

    def log_message(self, form: str, *values: object) -> None:
        """Says nothing: who polls would fill a disk."""

    def content_length(self, most: int) -> int | None:
        """Gives how long the body is; None where it does not say, or is longer than `most` bytes."""
        size = self.headers.get("Content-Length", "")
        is_number = size.isascii() and size.isdigit() and len(size) < 20
        return int(size) if is_number and int(size) <= most else None
