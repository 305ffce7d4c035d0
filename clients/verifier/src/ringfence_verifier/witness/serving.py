"""HTTP for a witness."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from ringfence_verifier.serving import BoundedServer, QuietHandler
from ringfence_verifier.witness.answering import MAX_REQUEST_BYTES, Answer, Answering

ADD_CHECKPOINT = "/add-checkpoint"


class WitnessServer(BoundedServer):
    """Answers at an address until it is shut down."""

    def __init__(self, address: tuple[str, int], answering: Answering, tls: tuple[Path, Path] | None = None) -> None:
        """Listens at once; `tls` are the files of a certificate chain and its key, PEM."""
        self.answering = answering
        super().__init__(address, _Handler, tls)


class _Handler(QuietHandler):
    server: WitnessServer

    def do_POST(self) -> None:
        """Answers `add-checkpoint`."""
        size = self.content_length(MAX_REQUEST_BYTES)
        if size is None:
            self.close_connection = True  # what was sent is not read
            is_long = self.headers.get("Content-Length", "").isdigit()
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE if is_long else HTTPStatus.LENGTH_REQUIRED
            self._say(Answer(status, f"{status.phrase}\n"))
            return
        body = self.rfile.read(size)
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
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)
