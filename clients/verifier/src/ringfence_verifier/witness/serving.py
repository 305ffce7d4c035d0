"""HTTP for a witness, by the standard library: one process, kept connections, a bound on all that is read."""

from __future__ import annotations

import ssl
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ringfence_verifier.witness.answering import MAX_REQUEST_BYTES, Answer, Answering

SILENCE_SECONDS = 30.0
MOST_CONNECTIONS = 64
ADD_CHECKPOINT = "/add-checkpoint"


class WitnessServer(ThreadingHTTPServer):
    """Answers at an address until it is shut down."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], answering: Answering, tls: tuple[Path, Path] | None = None) -> None:
        """Listens at once; `tls` are the files of a certificate chain and its key, PEM."""
        self.answering = answering
        self._room = threading.BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__(address, _Handler)
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            context.load_cert_chain(*tls)
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


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = SILENCE_SECONDS
    server: WitnessServer

    def do_POST(self) -> None:
        """Answers `add-checkpoint`."""
        size = self.headers.get("Content-Length", "")
        if not size.isascii() or not size.isdigit() or int(size) > MAX_REQUEST_BYTES:
            self.close_connection = True  # what was sent is not read
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE if size.isdigit() else HTTPStatus.LENGTH_REQUIRED
            self._say(Answer(status, f"{status.phrase}\n"))
            return
        body = self.rfile.read(int(size))
        if self.path == ADD_CHECKPOINT:
            self._say(self.server.answering.add_checkpoint(body))
        else:
            self._say(Answer(HTTPStatus.NOT_FOUND, "POST /add-checkpoint is all there is\n"))

    def do_GET(self) -> None:
        """Answers `/<SHA-256 of an origin, hexadecimal>/checkpoint`."""
        digest, _, name = self.path.removeprefix("/").partition("/")
        if name == "checkpoint":
            self._say(self.server.answering.checkpoint(digest))
        else:
            self._say(Answer(HTTPStatus.NOT_FOUND, "GET /<SHA-256 of the origin>/checkpoint is all there is\n"))

    def _say(self, answer: Answer) -> None:
        content = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, form: str, *values: object) -> None:
        """Says nothing: who polls would fill a disk."""
