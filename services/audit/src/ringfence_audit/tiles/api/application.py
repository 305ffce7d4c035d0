"""HTTP for tiles: an ASGI application that answers GET and HEAD, and knows nobody but by a client certificate."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil
from typing import Any

from ringfence_kernel.access.peer_certificates import PeerCertificates
from ringfence_kernel.telemetry import logs
from ringfence_kernel.values.errors import DomainError, Overloaded

from ringfence_audit.https.api.peers import principal_of
from ringfence_audit.log.domain.errors import LogDamaged
from ringfence_audit.tiles.application.published import PublishedEntries, PublishedTiles
from ringfence_audit.tiles.domain.paths import CHECKPOINT, WIDTH, read_path

Send = Callable[[Any], Awaitable[None]]
Receive = Callable[[], Awaitable[Any]]
TEXT, BYTES = "text/plain; charset=utf-8", "application/octet-stream"
NEVER, A_SECOND = "no-store", "public, max-age=1"
FULL, PARTIAL = "public, max-age=31536000, immutable", "public, max-age=3600"
"""A partial tile never changes either, but goes away when it is full."""
RETRY_SECONDS = 1
LONGEST_ACCEPTED = 256
_STATUS = {
    "UNAUTHENTICATED": HTTPStatus.UNAUTHORIZED,
    "PERMISSION_DENIED": HTTPStatus.FORBIDDEN,
    "RESOURCE_EXHAUSTED": HTTPStatus.TOO_MANY_REQUESTS,
    "UNAVAILABLE": HTTPStatus.SERVICE_UNAVAILABLE,
}
_LOG = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: HTTPStatus
    body: bytes
    content_type: str = TEXT
    cache: str = NEVER
    headers: Mapping[str, str] | None = None


NOT_FOUND = Answer(HTTPStatus.NOT_FOUND, b"there is no such thing here, or not yet\n")


@dataclass(frozen=True, slots=True)
class TilesApplication:
    """Answers requests; `seconds` bounds the time of each."""

    tiles: PublishedTiles
    entries: PublishedEntries
    certificates: PeerCertificates
    seconds: float

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answers one request; its body, if any, is never read."""
        if scope["type"] != "http":
            return
        try:
            async with asyncio.timeout(self.seconds):
                answer = await self._answer(scope)
        except DomainError as refusal:
            answer = refused(refusal)
        except TimeoutError:
            answer = Answer(HTTPStatus.SERVICE_UNAVAILABLE, b"DEADLINE_EXCEEDED\n", headers=_retry(RETRY_SECONDS))
        except Exception:
            _LOG.exception("unexpected_error")
            answer = Answer(HTTPStatus.INTERNAL_SERVER_ERROR, b"INTERNAL\n")
        await _send(answer, send)

    async def _answer(self, scope: Any) -> Answer:
        if scope["method"] not in ("GET", "HEAD"):
            return Answer(
                HTTPStatus.METHOD_NOT_ALLOWED, b"GET and HEAD are all there is\n", headers={"allow": "GET, HEAD"}
            )
        target = bytes(scope["raw_path"]).decode("ascii", "replace")
        if target == CHECKPOINT:
            note = await self.tiles.checkpoint()
            return NOT_FOUND if note is None else Answer(HTTPStatus.OK, note.encode(), TEXT, A_SECOND)
        path = read_path(target)
        if path is None:
            return NOT_FOUND
        if path.of_entries:
            # Who may not copy is not told how far the log goes.
            found = await self.entries.bundle(principal_of(scope, self.certificates), path)
            return NOT_FOUND if found is None else await _bundle(found, scope)
        try:
            found = await self.tiles.hashes(path)
        except (Overloaded, LogDamaged) as refusal:
            # Nobody in particular asks too much, and there may be another process whose tile is whole.
            return refused(refusal, HTTPStatus.SERVICE_UNAVAILABLE)
        cache = FULL if path.width == WIDTH else PARTIAL
        return NOT_FOUND if not found else Answer(HTTPStatus.OK, found, BYTES, cache)


def refused(refusal: DomainError, status: HTTPStatus | None = None) -> Answer:
    """Gives the answer of a refusal: its reason, a line; with the status that its code has where none is given."""
    status = status or _STATUS.get(refusal.code, HTTPStatus.INTERNAL_SERVER_ERROR)
    if refusal.code not in _STATUS:
        _LOG.error("tiles_refused", reason=refusal.reason, **refusal.metadata)
    comes_again = status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
    headers = _retry(refusal.retry_after_seconds or RETRY_SECONDS) if comes_again else None
    return Answer(status, f"{refusal.reason}\n".encode(), headers=headers)


def _retry(seconds: float) -> dict[str, str]:
    return {"retry-after": str(ceil(seconds))}


async def _bundle(content: bytes, scope: Any) -> Answer:
    accepted = b",".join(value for name, value in scope["headers"] if name == b"accept-encoding")[:LONGEST_ACCEPTED]
    if not any(each.strip() == b"gzip" for each in accepted.split(b",")):
        return Answer(HTTPStatus.OK, content, BYTES)
    packed = await asyncio.to_thread(zlib.compress, content, 1, 31)
    return Answer(HTTPStatus.OK, packed, BYTES, headers={"content-encoding": "gzip"})


async def _send(answer: Answer, send: Send) -> None:
    headers = {
        "content-type": answer.content_type,
        "content-length": str(len(answer.body)),
        "cache-control": answer.cache,
        "x-content-type-options": "nosniff",
        **(answer.headers or {}),
    }
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": int(answer.status), "headers": encoded})
    await send({"type": "http.response.body", "body": answer.body})
