"""Letters that differ are found whatever the order of the words, and however hostile the names."""

from __future__ import annotations

import time

import pytest
from ringfence_console.letters import differing


def marked(text: str, other: str) -> str:
    """Gives a text with what differs in brackets."""
    return "".join(f"[{part}]" if differs else part for part, differs in differing(text, other).compared)


@pytest.mark.parametrize(
    ("text", "other", "said"),
    [
        ("Zora Listed", "zora LISTED", "Zora Listed"),
        ("LISTED,  Zóra", "Zora Listed", "LISTED[,]  Z[ó]ra"),
        ("Zora Lysted", "Listed Zora", "Zora L[y]sted"),
        ("Anna Maria Example", "Anna Example", "Anna [Maria] Example"),
        ("张伟", "Anna", "[张伟]"),
        ("Straße", "Strasse", "Stra[ß]e"),
        ("İzmir", "izmir", "[İ]zmir"),
        ("Anna", "", "[Anna]"),
        ("", "Anna", ""),
    ],
)
def test_letters_that_differ(text: str, other: str, said: str) -> None:
    """Word by word; a word that the other lacks differs as a whole."""
    assert marked(text, other) == said


def test_long_names_cost_little() -> None:
    """Only the first letters are compared; the others are given too, as what was not."""
    text, started = "ab " * 5_000, time.monotonic()
    found = differing(text, "ba " * 5_000)
    compared = "".join(part for part, _ in found.compared)
    assert (len(compared), compared + found.rest) == (200, text)
    assert time.monotonic() - started < 1.0
