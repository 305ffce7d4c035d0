"""Twelve pages as they were when somebody looked at them last: a picture, and what a screen reader is told."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page

from clients.console.tests.test_console_pages import ACCOUNT, TRANSFER
from tests.console.looks import LOOKS, Look

FOLDER = Path(__file__).parent / "references"
SEEN = 48
"""By so much a colour has to differ, of 255, to be seen as another: pictures are kept in few colours."""
MOST_OTHER = 0.02
"""So much of a picture may be other than it was: letters stand a little otherwise with another version of a font."""
COLOURS = 48
PATHS = {
    "overview": "/",
    "log": "/log",
    "found": "/find?q=12.34+EUR",
    "fact": "/fact/2",
    "trace": f"/trace/{TRANSFER}",
    "about": f"/about/{ACCOUNT}",
    "account": f"/account/{ACCOUNT}",
    "books": "/books?than=2025-12-31",
    "access": "/access",
    "reports": "/reports",
    "work": "/matters",
    "hit": "/matters/hit/1",
}


@dataclass(frozen=True)
class Reference:
    """A page in one look; twelve have each look at least once."""

    name: str
    path: str
    look: Look

    @property
    def picture(self) -> Path:
        """PNG of the window."""
        return FOLDER / f"{self.name}.png"

    @property
    def told(self) -> Path:
        """The tree of roles and names, as Playwright writes it."""
        return FOLDER / f"{self.name}.txt"


REFERENCES = [
    Reference(name, path, LOOKS[number * 3 % len(LOOKS)]) for number, (name, path) in enumerate(PATHS.items())
]


def settled(page: Page) -> None:
    """Takes from a page what is another at each visit: how long a proof took."""
    if page.locator(".proof").count():
        page.wait_for_selector(".proof[data-state]")
        page.evaluate("for (const each of document.querySelectorAll('.ms')) each.textContent = '0 ms'")


def kept(shot: bytes) -> bytes:
    """Gives a picture in few colours, PNG."""
    made = BytesIO()
    Image.open(BytesIO(shot)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(
        made, "PNG", optimize=True
    )
    return made.getvalue()


def other(shot: bytes, reference: bytes) -> float:
    """Gives the part of a picture that is other than the reference; all of it where the sizes differ."""
    one, two = (np.asarray(Image.open(BytesIO(each)).convert("RGB"), dtype=np.int16) for each in (shot, reference))
    if one.shape != two.shape:
        return 1.0
    return float((np.abs(one - two).max(axis=2) > SEEN).mean())
