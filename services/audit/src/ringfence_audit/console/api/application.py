"""The console for whoever shows a reader's certificate: pages alone, for nothing here acts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from uuid import UUID

from ringfence_console import Host, console
from ringfence_console.ports import Reader
from ringfence_desk.names import short
from ringfence_kernel.access.caller import Caller, calling
from ringfence_kernel.access.peer_certificates import PeerCertificates
from ringfence_kernel.access.refusals import PrincipalSuspended
from ringfence_kernel.rpc.admission import Admission
from ringfence_kernel.sealing.bounded_cache import BoundedCache
from ringfence_kernel.values.errors import DomainError
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ringfence_audit.console.application.viewing import LOOKING, Looking
from ringfence_audit.console.domain.errors import AskedByAnotherSite, ConsoleNotOpen
from ringfence_audit.https.api.peers import principal_of
from ringfence_audit.log.domain.sight import Sight

READER = "READER"
"""Whoever is granted to read: the log's leaves, not the session, say what else it is."""
PAGES_AT_ONCE, READERS_KEPT = 8, 64
_STATUS = {
    "UNAUTHENTICATED": HTTPStatus.UNAUTHORIZED,
    "PERMISSION_DENIED": HTTPStatus.FORBIDDEN,
    "RESOURCE_EXHAUSTED": HTTPStatus.TOO_MANY_REQUESTS,
    "UNAVAILABLE": HTTPStatus.SERVICE_UNAVAILABLE,
}
_OF_READERS = frozenset({"none", "same-origin"})
"""What a browser says of where it was led from, when its reader has typed an address or follows a link of ours."""


class Everybody:
    """Whom the pages let in: it was decided before they are asked."""

    def admit(self, request: Request) -> Response | None:
        """Lets the request go on."""
        return None


@dataclass(frozen=True, slots=True)
class Readers:
    """Who may look, by what the log has heard of identity.

    `may_read` tells whether a principal's role and certificate stand, `sight_of` what it is shown; it raises
    GrantNotInForce.
    """

    may_read: Callable[[bytes, bytes], bool]
    is_suspended: Callable[[bytes], bool]
    sight_of: Callable[[bytes], Sight]


@dataclass(frozen=True, slots=True)
class ConsoleApplication:
    """Answers browsers; `host_of` brings what a reader's pages ask, `seconds` bounds the time of each."""

    host_of: Callable[[Reader], Host]
    hosts: frozenset[str]
    readers: Readers
    certificates: PeerCertificates
    seconds: float
    room: Admission = field(default_factory=lambda: Admission(PAGES_AT_ONCE))
    made: BoundedCache[tuple[str, Sight], ASGIApp] = field(default_factory=lambda: BoundedCache(READERS_KEPT))
    """The pages of each reader, with names that they have shown, by the reader's certificate and what it may see."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; its body, if any, is never read."""
        if scope["type"] != "http":
            return
        try:
            async with asyncio.timeout(self.seconds):
                await self._answer(scope, send)
        except DomainError as refusal:
            status = _STATUS.get(refusal.code, HTTPStatus.INTERNAL_SERVER_ERROR)
            await PlainTextResponse(f"{refusal.reason}\n", status)(scope, receive, send)
        except TimeoutError:
            answer = PlainTextResponse("DEADLINE_EXCEEDED\n", HTTPStatus.SERVICE_UNAVAILABLE)
            await answer(scope, receive, send)

    async def _answer(self, scope: Scope, send: Send) -> None:
        caller = principal_of(scope, self.certificates)
        if not self.readers.may_read(caller.subject, caller.certificate_sha256):
            raise ConsoleNotOpen
        if self.readers.is_suspended(caller.subject):
            raise PrincipalSuspended
        sight = self.readers.sight_of(caller.subject)
        if Headers(scope=scope).get("sec-fetch-site", "none") not in _OF_READERS:
            raise AskedByAnotherSite
        with self.room.slot(), self.room.share(caller.spiffe_id), _looking(Looking(caller, sight)):
            await self._application(caller, sight)(scope, _nothing, send)

    def _application(self, caller: Caller, sight: Sight) -> ASGIApp:
        # What was shown under one grant is not told under another.
        key = caller.certificate_thumbprint, sight
        found = self.made.get(key)
        if found is None:
            principal = UUID(bytes=caller.subject)
            reader = Reader(principal, READER, short(principal))
            found = console(self.host_of(reader), Everybody(), self.hosts, scheme="https")
            self.made.put(key, found)
        return found


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


@contextmanager
def _looking(who: Looking) -> Iterator[None]:
    token = LOOKING.set(who)
    try:
        with calling(who.caller):
            yield
    finally:
        LOOKING.reset(token)
