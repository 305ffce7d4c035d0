"""Who gets in, and what a browser may do with what it gets: checked before any page, said with every answer.

A page on somebody's own machine is reachable by everything that runs there, and by any site that the browser has open.
So the address has to be the one that was given out (DNS rebinding), what changes something has to come from a page of
ours, and whoever looks has come by a link that works once.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hmac import compare_digest
from html import escape
from threading import Lock
from typing import Protocol

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
COOKIE = "ringfence-console"
IDLE_SECONDS = 15 * 60.0
RENEW_SECONDS = 60.0
ENTRANCE, HOME = "/enter", "/"
_CHANGES_NOTHING = frozenset({"GET", "HEAD"})
_OF_US = frozenset({"same-origin", "none"})


class Admission(Protocol):
    """Decides who is let in; a host has one."""

    def admit(self, request: Request) -> Response | None:
        """Gives what is answered instead of a page, or None where the request may go on."""


@dataclass
class OneTimeLink:
    """Lets in one browser: whoever comes first by a link that works once, until nobody has looked for 15 minutes.

    `link` is told each new key to be put behind `/enter?key=`: the first at once, another whenever it has locked, and
    when a browser comes with a session that is not known (any more), at most every minute and while no link is unused.
    `clock` gives seconds that never go back. Thread-safe.
    """

    link: Callable[[str], None]
    idle_seconds: float = IDLE_SECONDS
    clock: Callable[[], float] = time.monotonic
    _key: str = ""
    _session: str = ""
    _seen: float = 0.0
    _renewed: float = 0.0
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._renew()

    def admit(self, request: Request) -> Response | None:
        """Answers the link itself, and whoever has not come by it, or has been away for too long."""
        with self._lock:
            if request.url.path == ENTRANCE:
                asked = request.query_params
                return self._entered(request, asked.get("key", ""), asked.get("to", HOME))
            given = request.cookies.get(cookie_of(request), "")
            known = bool(self._session) and _same(given, self._session)
            if not known:
                if given and not self._key and self.clock() - self._renewed >= RENEW_SECONDS:
                    self._renew()
                    return _refusal(401, "Not known here. Open the new link that the command has printed.")
                return _refusal(401, "Open the link that `ringfence console` has printed; it works once.")
            if self.clock() - self._seen > self.idle_seconds:
                self._session = ""
                self._renew()
                return _refusal(401, "Locked after a time without use. Open the new link that the command has printed.")
            self._seen = self.clock()
        return None

    def renew(self) -> None:
        """Gives out another link; whoever came by the last one is let in no more once it is used."""
        with self._lock:
            self._renew()

    def _entered(self, request: Request, key: str, to: str) -> Response:
        if not self._key or not _same(key, self._key):
            return _refusal(403, "This link was used, or is none. Start `ringfence console` again.")
        self._key, self._session, self._seen = "", secrets.token_urlsafe(32), self.clock()
        answer = _leading(request, to if is_own(to) else HOME)
        answer.set_cookie(cookie_of(request), self._session, httponly=True, samesite="strict", path="/")
        return answer

    def _renew(self) -> None:
        self._key, self._renewed = secrets.token_urlsafe(32), self.clock()
        self.link(self._key)


@dataclass
class Guard:
    """Answers only at the addresses that were given out; puts what browsers have to obey on every answer.

    `hosts` are the values of `Host` that are ours, with their port. `is_public` names paths that anybody may have.
    """

    app: ASGIApp
    hosts: frozenset[str]
    scheme: str
    admission: Admission
    is_public: Callable[[str], bool]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request through, or answers it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = self._refused(scope)
        if answer is None and not self.is_public(scope["path"]):
            answer = self.admission.admit(Request(scope))
        app: ASGIApp = answer or self.app

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        await app(scope, receive, with_headers)

    def _refused(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if headers.get("host", "") not in self.hosts:
            return _refusal(421, "This address is not the one that was given out.")
        origin, changes = headers.get("origin"), scope["method"] not in _CHANGES_NOTHING
        site = headers.get("sec-fetch-site")
        is_asked_by_us = (site or "same-origin") in _OF_US
        ours = {f"{self.scheme}://{each}" for each in self.hosts}
        # As pages refer to nobody, browsers name no origin in their forms, and tell by the site whether it is ours.
        if site == "same-origin":
            ours.add("null")
        if (origin is not None and origin not in ours) or (changes and origin is None):
            return _refusal(403, "This request comes from another site.")
        # A view is a read in its reader's name: no other site, nor another port of this machine, brings one about.
        may_be_led_to = scope["path"] == ENTRANCE or self.is_public(scope["path"])
        if not is_asked_by_us and (changes or not may_be_led_to):
            return _refusal(403, "This request comes from another site.")
        return None


def cookie_of(request: Request) -> str:
    """Gives the name of the session's cookie: browsers send cookies to all ports, and each port has its own console."""
    return f"{COOKIE}-{request.url.port}" if request.url.port else COOKIE


def is_own(path: str) -> bool:
    """Tells whether an address leads to a page of ours and nowhere else."""
    return path.startswith("/") and not path.startswith("//") and path.isprintable() and "\\" not in path


def _leading(request: Request, to: str) -> Response:
    """Leads to a page of ours; who was led here by another site goes on from a page, whose next request is ours."""
    if request.headers.get("sec-fetch-site", "none") in _OF_US:
        return RedirectResponse(to, 303)
    link = escape(to)
    return HTMLResponse(
        f'<!doctype html><meta http-equiv="refresh" content="0; url={link}"><a href="{link}">Ringfence</a>'
    )


def _same(given: str, kept: str) -> bool:
    return compare_digest(given.encode(), kept.encode())


def _refusal(status: int, text: str) -> Response:
    return PlainTextResponse(f"{text}\n", status)
