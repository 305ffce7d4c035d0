"""The code that checks a fact's proof on a page, alone in a browser."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from clients.console.tests.messages import PACKAGE
from clients.verifier.tests.browser import Browser, page

_FACT = (PACKAGE / "templates" / "fact.html").read_text(encoding="utf-8")
REASONS = frozenset(re.findall(r'data-reason="([A-Z_]+)"', _FACT))
"""Names of refusals that a page has words for."""


@contextmanager
def proving(folder: Path) -> Iterator[Browser]:
    """Opens a page with nothing but that code."""
    code = (PACKAGE / "static" / "proof.js").read_text(encoding="utf-8")
    file = folder / "proof.html"
    file.write_text(
        f"<!doctype html><meta charset=utf-8><script type=module>{code}\nglobalThis.check = verify</script>",
        encoding="utf-8",
    )
    with page(file, folder / "browser") as opened:
        opened.until("!!globalThis.check")
        yield opened


class Opened(Protocol):
    """A page with that code, in a browser that is driven this way or that."""

    def evaluate(self, expression: str) -> Any:
        """Gives the value of a JavaScript expression."""


def checked(browser: Opened, cases: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Checks (receipt, keys, leaf, index, least size) each."""
    rows = json.dumps([(text, keys, b64encode(leaf).decode(), *rest) for text, keys, leaf, *rest in cases])
    found = browser.evaluate(
        f"(async () => {{ const out = []; for (const [text, keys, leaf, index, least] of {rows}) {{"
        "const got = await check(text, keys, Uint8Array.from(atob(leaf), (c) => c.charCodeAt(0)), index, least);"
        "out.push({state: got.state, reason: got.reason, leaf: got.leaf, path: got.path, signature: got.signature,"
        "hashes: got.hashes.length}); } return out; })()"
    )
    assert isinstance(found, list)
    return found
