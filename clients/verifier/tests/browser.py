"""A page in headless Chromium, spoken to over a pipe (Chrome DevTools Protocol)."""

from __future__ import annotations

import fcntl
import json
import os
import select
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from .notes import base64

PATIENCE_SECONDS = 60.0
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--remote-debugging-pipe", "--window-size=1100,1400", "--force-color-profile=srgb",
)  # fmt: skip


class Browser:
    """One page of one browser, which ends with the block that it is made for."""

    def __init__(self, folder: Path) -> None:
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        # A browser reads at 3 and writes at 4: what a shell calls so, whatever is open here.
        held = [fcntl.fcntl(each, fcntl.F_DUPFD, 20) for each in (theirs_in, theirs_out)]
        script = f'exec chromium "$@" 3<&{held[0]} 4>&{held[1]}'
        self._process = subprocess.Popen(
            ["bash", "-c", script, "browser", *OPTIONS, f"--user-data-dir={folder}", "about:blank"],
            pass_fds=held,
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        for each in (theirs_in, theirs_out, *held):
            os.close(each)
        self._read = b""
        self._number = 0
        self.requested: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "DOM", "Network", "Log"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE_SECONDS)
        os.close(self._in)
        os.close(self._out)

    def open(self, page: Path) -> None:
        """Loads a file."""
        self.call("Page.navigate", url=page.as_uri())
        self.until("document.readyState === 'complete'")

    def evaluate(self, expression: str) -> Any:
        """Gives the value of a JavaScript expression, of a promise what it comes to."""
        done = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise AssertionError(done["exceptionDetails"])
        return done["result"].get("value")

    def until(self, expression: str) -> None:
        """Waits until an expression is true."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not self.evaluate(expression):
            if time.monotonic() > end:
                raise AssertionError(f"never came true: {expression}")
            time.sleep(0.02)

    def choose(self, selector: str, file: Path) -> None:
        """Chooses a file as a person does."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(file)])

    def type(self, selector: str, text: str) -> None:
        """Types a text into an empty field."""
        self.evaluate(f"document.querySelector({json.dumps(selector)}).value = ''")
        self.evaluate(f"document.querySelector({json.dumps(selector)}).focus()")
        self.call("Input.insertText", text=text)

    def screenshot(self) -> str:
        """Gives a picture of the page, PNG in base64."""
        return str(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"])

    def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Calls the page by the protocol."""
        return self._call(method, self._session, **arguments)

    def _call(self, method: str, session: str = "", **arguments: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": arguments}
        if session:
            message["sessionId"] = session
        content = json.dumps(message).encode() + b"\0"
        while content:
            content = content[os.write(self._out, content) :]
        for said in self._messages():
            if said.get("method") == "Network.requestWillBeSent":
                self.requested.append(said["params"]["request"]["url"])
            if said.get("id") == self._number:
                if "error" in said:
                    raise AssertionError(f"{method}: {said['error']}")
                found: dict[str, Any] = said["result"]
                return found
        raise AssertionError(f"the browser ended at {method}")

    def _messages(self) -> Iterator[dict[str, Any]]:
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            message, ended, rest = self._read.partition(b"\0")
            if ended:
                self._read = rest
                yield json.loads(message)
                continue
            if not select.select([self._in], [], [], max(0.0, end - time.monotonic()))[0]:
                raise AssertionError("the browser does not answer")
            content = os.read(self._in, 1 << 20)
            if not content:
                return
            self._read += content


def judged(browser: Browser, script: str, given: Sequence[tuple[bytes, str]]) -> list[str]:
    """Gives what the page says of pieces of evidence, each beside a key; the script has a place for them."""
    found: list[str] = browser.evaluate(script % json.dumps([(base64(content), vkey) for content, vkey in given]))
    return found


@contextmanager
def page(file: Path, folder: Path) -> Iterator[Browser]:
    """Opens a file in a browser of its own."""
    with Browser(folder) as browser:
        browser.open(file)
        yield browser
