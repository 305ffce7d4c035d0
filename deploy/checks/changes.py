"""Faults that are put into a copy of the files, so that a check can be seen to find them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Change = Callable[[Path], None]
"""Changes files below a folder."""


def replaced(name: str, old: str, new: str) -> Change:
    """Returns what puts a text in the place of another one in a file; raises AssertionError where that is not there."""

    def change(root: Path) -> None:
        text = (root / name).read_text(encoding="utf-8")
        assert old in text
        (root / name).write_text(text.replace(old, new), encoding="utf-8")

    return change
