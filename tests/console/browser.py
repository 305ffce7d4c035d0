"""Debian's Chromium by Playwright: contexts for looks, and what a page did while it was looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict, cast
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    StorageState,
    sync_playwright,
)

from tests.console.looks import Look

CHROMIUM = Path("/usr/bin/chromium")
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--force-color-profile=srgb"]
PATIENCE_MS = 20_000
WITHOUT_ED25519 = """for (const name of ["importKey", "verify"]) {
  const known = crypto.subtle[name];
  crypto.subtle[name] = function (...given) {
    if (JSON.stringify(given).includes("Ed25519")) return Promise.reject(new DOMException("no", "NotSupportedError"));
    return known.apply(this, given);
  };
}"""
"""Makes a browser one of before WebCrypto had Ed25519 (Chromium 137)."""


class Certificate(TypedDict):
    """What is shown to a host that asks for one; files in PEM."""

    origin: str
    certPath: Path
    keyPath: Path


@contextmanager
def chromium() -> Iterator[Browser]:
    """Runs a browser without windows."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Seen:
    """What a page has said and asked for since it was opened."""

    origin: str
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    weight: int = 0
    """Bytes of all answers as they were sent, heads apart."""

    def listen(self, page: Page) -> None:
        """Takes note of all that happens on a page."""
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("request", self._request)
        page.on("requestfailed", lambda request: self.failed.append(f"{request.url}: {request.failure}"))
        page.on("requestfinished", self._finished)

    def _note(self, message: ConsoleMessage) -> None:
        self.said.append(f"{message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        self.asked.append(request.url)
        split = urlsplit(request.url)
        if f"{split.scheme}://{split.netloc}" != self.origin and split.scheme not in ("data", "blob"):
            self.foreign.append(request.url)

    def _finished(self, request: Request) -> None:
        # Other requests finish while this one is asked about: what was added then must not be lost.
        sent = request.sizes()["responseBodySize"]
        self.weight += sent


def origin_of(address: str) -> str:
    """Gives scheme, host and port."""
    split = urlsplit(address)
    return f"{split.scheme}://{split.netloc}"


@dataclass(frozen=True)
class Visitor:
    """Somebody who opens the console: what a host gave for cookies, or the certificate that is shown to it."""

    browser: Browser
    state: StorageState | None = None
    certificates: tuple[Certificate, ...] = ()

    @contextmanager
    def looking(
        self, look: Look, *, scripts: bool = True, moves: bool = False, forced: bool = False
    ) -> Iterator[BrowserContext]:
        """Opens a context of its own that looks so.

        `scripts` off is a browser without JavaScript; who lets it `moves` has not asked for less motion; `forced` are
        colours that the reader's system has chosen.
        """
        context = self.browser.new_context(
            locale=look.locale,
            color_scheme=look.theme,
            viewport={"width": look.width, "height": look.height},
            java_script_enabled=scripts,
            storage_state=self.state,
            client_certificates=cast(Any, list(self.certificates)) or None,
            ignore_https_errors=bool(self.certificates),
            reduced_motion="no-preference" if moves else "reduce",
            forced_colors="active" if forced else "none",
        )
        context.set_default_timeout(PATIENCE_MS)
        try:
            yield context
        finally:
            context.close()
