"""HTTP for a mirror: `add-checkpoint` and `add-entries`, and what it holds as C2SP tlog-tiles.

Checkpoints and tiles of hashes are for anybody. Entries are for who shows a certificate of the issuers that the mirror
was given, and is on its list where it has one: with no issuers it gives nobody any. That they are given is recorded
before they are.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any

from ringfence_verifier.mirror.copy import Copy
from ringfence_verifier.mirror.store import MirrorDamaged
from ringfence_verifier.mirror.uploading import Body, add_entries
from ringfence_verifier.note import VerifierKey
from ringfence_verifier.serving import BoundedServer, QuietHandler
from ringfence_verifier.tiles import TILE_WIDTH, read_tile_path
from ringfence_verifier.witness.answering import MAX_REQUEST_BYTES, TEXT, Answer, Answering

BYTES = "application/octet-stream"
MOST_UPLOAD_BYTES = 1 << 30
UPLOAD_SECONDS = 600.0
"""What was proven until then is kept, and the next upload goes on from there."""
NEVER, A_SECOND = "no-store", "public, max-age=1"
FULL, PARTIAL = "public, max-age=31536000, immutable", "public, max-age=3600"


class MirrorServer(BoundedServer):
    """Answers at an address until it is shut down."""

    def __init__(
        self,
        address: tuple[str, int],
        copies: Sequence[Copy],
        logs: Mapping[str, Sequence[VerifierKey]],
        tls: tuple[Path, Path] | None = None,
        readers: Path | None = None,
        listed: Collection[str] = (),
    ) -> None:
        """Listens at once; `readers` are the issuers of certificates that entries are given for, PEM.

        Where any are listed, by SHA-256 (hexadecimal), only for those.
        """
        self.listed = frozenset(listed)
        self.copies = {copy.origin: copy for copy in copies}
        # Without keys: what is pending is not cosigned.
        self.answering = Answering(copies[0].seen, (), logs)
        super().__init__(address, _Handler, tls, readers)


class _Handler(QuietHandler):
    server: MirrorServer

    def seconds(self) -> float:
        """Gives an upload longer than anything else."""
        return UPLOAD_SECONDS if (self.command, self.path) == ("POST", "/add-entries") else super().seconds()

    def do_POST(self) -> None:
        """Answers `add-checkpoint` and `add-entries`."""
        # What is not read to its end would be taken for the next request.
        self.close_connection = True
        most = MOST_UPLOAD_BYTES if self.path == "/add-entries" else MAX_REQUEST_BYTES
        size = self.content_length(most)
        if size is None:
            is_long = self.headers.get("Content-Length", "").isdigit()
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE if is_long else HTTPStatus.LENGTH_REQUIRED
            self._answer(Answer(status, f"{status.phrase}\n"))
        elif self.path == "/add-checkpoint":
            self._answer(self._add_checkpoint(self.rfile.read(size)))
        elif self.path == "/add-entries":
            body = Body(self.rfile.read1, size, is_gzip=self.headers.get("Content-Encoding") == "gzip")
            try:
                self._answer(add_entries(self.server.copies, body))
            except MirrorDamaged as damage:
                self._damaged(damage)
            body.drain()
        else:
            self._answer(Answer(HTTPStatus.NOT_FOUND, "POST /add-checkpoint and /add-entries are all there is\n"))

    def do_GET(self) -> None:
        """Answers `/<SHA-256 of an origin>/checkpoint`, and tiles beside it."""
        digest, _, path = self.path.removeprefix("/").partition("/")
        copy = next((each for each in self.server.copies.values() if each.sha256 == digest), None)
        held = copy.store.cosigned(copy.origin) if copy else None
        if copy is None or held is None:
            self._answer(Answer(HTTPStatus.NOT_FOUND, "nothing is held of such a log\n"))
        elif path == "checkpoint":
            self._say(HTTPStatus.OK, held.note.encode(), TEXT, A_SECOND)
        else:
            try:
                self._tile(copy, held.size, path)
            except (MirrorDamaged, sqlite3.Error) as damage:
                self._damaged(damage)

    def _add_checkpoint(self, body: bytes) -> Answer:
        answer = self.server.answering.add_checkpoint(body)
        if answer.status is HTTPStatus.OK:
            origin = body.partition(b"\n\n")[2].partition(b"\n")[0].decode()
            self.server.copies[origin].remember_pending()
        return answer

    def _tile(self, copy: Copy, size: int, path: str) -> None:
        tile = read_tile_path(path)
        if tile is None or tile[1] * TILE_WIDTH + tile[2] > size >> 8 * tile[0]:
            self._answer(Answer(HTTPStatus.NOT_FOUND, "there is no such thing here, or not yet\n"))
            return
        level, index, width, of_entries = tile
        if not of_entries:
            hashes = copy.store.tile(copy.origin, level, index, width)
            self._say(HTTPStatus.OK, hashes, BYTES, FULL if width == TILE_WIDTH else PARTIAL)
        elif reader := self._reader():
            content = copy.store.bundle(copy.origin, index, width)
            copy.store.record_read(copy.origin, reader, path, int(time.time()))
            self._say(HTTPStatus.OK, content, BYTES, NEVER)
        else:
            self._answer(Answer(HTTPStatus.FORBIDDEN, "entries are for who shows a certificate that is known here\n"))

    def _reader(self) -> str:
        """Gives the SHA-256 of the certificate of somebody who may read entries, else nothing."""
        connection: Any = self.connection
        shown = connection.getpeercert(True) if hasattr(connection, "getpeercert") else None
        digest = sha256(shown).hexdigest() if shown else ""
        return digest if not self.server.listed or digest in self.server.listed else ""

    def _damaged(self, damage: Exception) -> None:
        print(f"ringfence-mirror: {damage}", file=sys.stderr, flush=True)
        self._answer(Answer(HTTPStatus.INTERNAL_SERVER_ERROR, f"{damage}\n"))

    def _answer(self, answer: Answer) -> None:
        self._say(answer.status, answer.body.encode(), answer.content_type, NEVER)

    def _say(self, status: HTTPStatus, content: bytes, content_type: str, cache: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", cache)
        self.send_header("Accept-Encoding", "gzip")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)
