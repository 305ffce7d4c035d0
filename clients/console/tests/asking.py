"""Asks an application as a browser does: with cookies, by ASGI and not over a socket."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookies import SimpleCookie
from typing import Any

from starlette.types import ASGIApp

HOST = "127.0.0.1:8080"


@dataclass(frozen=True)
class Answered:
    """An answer, unpacked; `sent_bytes` as it went over the wire."""

    status: int
    headers: Mapping[str, str]
    text: str
    sent_bytes: int


@dataclass
class Asking:
    """One browser's questions, with the cookies that it was given."""

    app: ASGIApp
    cookies: dict[str, str] = field(default_factory=dict)

    def __call__(self, path: str, method: str = "GET", **headers: str) -> Answered:
        """Asks; a header `sec_fetch_site` is written with hyphens."""
        return asyncio.run(self._ask(path, method, {name.replace("_", "-"): each for name, each in headers.items()}))

    def followed(self, path: str) -> Answered:
        """Gives the page that an address leads to in the end."""
        answer = self(path)
        while answer.status == HTTPStatus.SEE_OTHER:
            answer = self(answer.headers["location"])
        return answer

    async def _ask(self, path: str, method: str, headers: Mapping[str, str]) -> Answered:
        place, _, query = path.partition("?")
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {"host": HOST, "accept-encoding": "gzip", "cookie": cookie} | dict(headers)
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": place, "raw_path": place.encode(), "query_string": query.encode(), "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in sent.items() if value],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8080), "state": {},
        }  # fmt: skip
        messages: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            messages.append(message)

        await self.app(scope, receive, send)
        return self._answered(messages)

    def _answered(self, messages: list[dict[str, Any]]) -> Answered:
        pairs = [(name.decode(), value.decode()) for name, value in messages[0]["headers"]]
        for name, value in pairs:
            if name == "set-cookie":
                self.cookies |= {key: each.value for key, each in SimpleCookie(value).items()}
        headers, content = dict(pairs), b"".join(each.get("body", b"") for each in messages[1:])
        plain = gzip.decompress(content) if headers.get("content-encoding") == "gzip" else content
        return Answered(messages[0]["status"], headers, plain.decode(), len(content))
