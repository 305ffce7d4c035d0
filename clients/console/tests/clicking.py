"""One browser at an application, over ASGI: it keeps cookies, and sends forms as pages of ours do."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from html import unescape
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

from starlette.types import ASGIApp

ADDRESS = "127.0.0.1:4242"


@dataclass(frozen=True)
class Answer:
    """What came back; `location` is where it leads."""

    status: int
    text: str
    location: str

    def form(self) -> dict[str, str]:
        """Gives the hidden fields of the page's form."""
        pairs = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', self.text)
        return {name: unescape(value) for name, value in pairs}


@dataclass
class Clicking:
    """A browser in front of an application."""

    app: ASGIApp
    cookies: dict[str, str] = field(default_factory=dict)
    language: str = "en"

    def get(self, address: str, **headers: str) -> Answer:
        """Opens a page."""
        return asyncio.run(self._ask("GET", address, b"", headers))

    def post(self, address: str, form: dict[str, str], **headers: str) -> Answer:
        """Sends a form, from a page of ours if no other origin is given."""
        sent = {"origin": f"http://{ADDRESS}", "content-type": "application/x-www-form-urlencoded"} | headers
        return asyncio.run(self._ask("POST", address, urlencode(form).encode(), sent))

    async def _ask(self, method: str, address: str, body: bytes, headers: dict[str, str]) -> Answer:
        path, _, query = address.partition("?")
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {"host": ADDRESS, "cookie": cookie, "accept-language": self.language} | headers
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in sent.items() if value],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 4242),
            "state": {},
        }
        messages: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            messages.append(message)

        await self.app(scope, receive, send)
        pairs = [(name.decode(), value.decode()) for name, value in messages[0]["headers"]]
        for name, value in pairs:
            if name == "set-cookie":
                self.cookies |= {key: each.value for key, each in SimpleCookie(value).items()}
        text = b"".join(each.get("body", b"") for each in messages[1:]).decode()
        return Answer(messages[0]["status"], text, dict(pairs).get("location", ""))
