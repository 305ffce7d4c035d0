"""A console is opened in a browser without its link being seen by others."""

from __future__ import annotations

import stat
import webbrowser
from pathlib import Path
from urllib.request import url2pathname

import pytest
from ringfence.commands.console import opening

LINK = "http://127.0.0.1:4242/enter?key=secret"


def test_the_link_is_in_a_file_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the browser is started with does not have it; each new link replaces the last, and nothing is left."""
    started = list[str]()
    monkeypatch.setattr(webbrowser, "open", started.append)
    with opening() as opened:
        for link in (LINK, f"{LINK}2"):
            opened(link)
            page = Path(url2pathname(started[-1].removeprefix("file://")))
            assert f'url={link}">' in page.read_text(encoding="utf-8")
            assert stat.S_IMODE(page.stat().st_mode) == 0o600
            assert stat.S_IMODE(page.parent.stat().st_mode) == 0o700
    assert not page.parent.exists()
    assert [each for each in started if "secret" in each or not each.startswith("file:///")] == []
