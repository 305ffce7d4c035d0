"""What others have chosen is text on every page: names of parties, platforms, principals, witnesses, sources."""

from __future__ import annotations

import re

import pytest

from clients.console.tests.conftest import Opened
from clients.console.tests.example import ExampleFacts, ExampleLog
from clients.console.tests.test_console_pages import PAGES
from clients.verifier.tests.notes import Signer

NAME = '<img/src=x/onerror="alert(1)">\u202e&amp;\u0007\N{PILE OF POO}\'"'
SHOWN = "&lt;img/src=x/onerror=&#34;alert(1)&#34;&gt;\u301aU+202E\u301b&amp;amp;\u301aU+0007\u301b"
NOBODY = {"/find", "/dossiers"}
"""Pages on which nobody is named."""
_RECEIPT = re.compile(r'<template id="receipt">.*?</template>', re.DOTALL)
"""What a page carries for its script and does not show: the receipt, whose signature is over these very bytes."""


@pytest.mark.parametrize("path", PAGES)
def test_a_name_is_text(path: str) -> None:
    """Its markup is shown as such, what turns text around is visible, and no part of it is left as it was."""
    opened = Opened(ExampleFacts(ExampleLog(Signer(name=NAME)), called=NAME))
    assert opened.enter() == 303
    page = opened.ask.followed(path)
    assert page.status == 200
    shown = _RECEIPT.sub("", page.text)
    assert not re.search(r"<img|\u202e|\u0007", shown)
    assert (SHOWN in shown) is (path not in NOBODY)
