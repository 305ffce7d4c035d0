"""Pages look as they did, and say the same to who does not see them; `make console-check RECORD=1` keeps them anew."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.console.browser import Visitor, chromium
from tests.console.example import Served, served
from tests.console.looks import LOOKS
from tests.console.references import MOST_OTHER, REFERENCES, Reference, kept, other, settled
from tests.console.test_pages import entered

RECORDS = bool(os.environ.get("RINGFENCE_CONSOLE_RECORD"))


@pytest.fixture(scope="module")
def console() -> Iterator[Served]:
    """A console with everything."""
    with served() as made:
        yield made


@pytest.fixture(scope="module")
def visitor(console: Served) -> Iterator[Visitor]:
    """Somebody with a browser, let in."""
    with chromium() as browser:
        yield Visitor(browser, entered(console, Visitor(browser)))


@pytest.mark.parametrize("reference", REFERENCES, ids=lambda each: each.name)
def test_a_page_looks_and_reads_as_it_did(console: Served, visitor: Visitor, reference: Reference) -> None:
    """But for a fiftieth of the picture; what is told is the same to the letter."""
    with visitor.looking(reference.look) as context:
        page = context.new_page()
        page.goto(console.address + reference.path)
        settled(page)
        shot = page.screenshot(animations="disabled")
        told = page.locator("body").aria_snapshot().replace(console.address, "") + "\n"
    if RECORDS:
        reference.picture.write_bytes(kept(shot))
        reference.told.write_text(told, encoding="utf-8")
    assert told == reference.told.read_text(encoding="utf-8")
    assert other(shot, reference.picture.read_bytes()) <= MOST_OTHER


def test_another_page_is_another_picture(console: Served, visitor: Visitor) -> None:
    """What is a fiftieth or less is no difference, one page for another is one, and so is another theme."""
    with (
        visitor.looking(LOOKS[0]) as light,
        visitor.looking(next(each for each in LOOKS if each.theme == "dark")) as dark,
    ):
        shots = []
        for context, path in ((light, "/log"), (light, "/access"), (dark, "/log")):
            page = context.new_page()
            page.goto(console.address + path)
            shots.append(page.screenshot())
    assert other(shots[0], kept(shots[0])) <= MOST_OTHER / 4
    assert other(shots[1], kept(shots[0])) > MOST_OTHER
    assert other(shots[2], kept(shots[0])) > MOST_OTHER
