"""How somebody looks at the console: language, theme and width, all by what the browser tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Literal

Theme = Literal["light", "dark"]
LANGUAGES = {"en-GB": "en", "zh-CN": "zh-Hans"}
"""What a browser asks for, and what a page then says of itself."""
WIDTHS = {1440: 900, 390: 844}
"""Width and height in CSS pixels: a desk, a telephone."""
THEMES: tuple[Theme, ...] = ("light", "dark")


@dataclass(frozen=True)
class Look:
    """One way to look at a page."""

    locale: str
    theme: Theme
    width: int

    @property
    def language(self) -> str:
        """The language that a page is in then, BCP 47."""
        return LANGUAGES[self.locale]

    @property
    def height(self) -> int:
        """Of the window."""
        return WIDTHS[self.width]

    def __str__(self) -> str:
        return f"{self.language} {self.theme} {self.width}"


LOOKS = [Look(*each) for each in product(LANGUAGES, THEMES, WIDTHS)]


def every(addresses: Iterable[str]) -> Iterator[tuple[str, Look]]:
    """Yields each page in each look."""
    yield from product(list(addresses), LOOKS)


def rotated(addresses: Iterable[str]) -> Iterator[tuple[str, Look]]:
    """Yields each page once; looks take turns, every second one the opposite of the one before."""
    for number, address in enumerate(addresses):
        turn = number % len(LOOKS)
        yield address, LOOKS[turn // 2 if turn % 2 == 0 else len(LOOKS) - 1 - turn // 2]
