"""Words that have a place of their own on the site: documents by their path, rows of the reference by their name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

from docs.site.places import page, tracked

ROWS = ("errors", "telemetry", "reference/settings")
"""Pages whose rows are found by the code that is alone in their first cell."""
_ROW = re.compile(r"^\| `([A-Za-z0-9_.]+)` \|", re.MULTILINE)
_HEADING = re.compile(r"^\((command-[a-z-]+)\)=\n## (.+)$", re.MULTILINE)


def row_id(name: str) -> str:
    """Returns the id of the row that is called so."""
    return "row-" + re.sub(r"[^a-z0-9]+", "-", name.lower())


@cache
def terms(source: Path) -> dict[str, tuple[str, str]]:
    """Returns page and id by the words that lead there, of a site whose sources are in a folder."""
    return dict(_terms(source))


def _terms(source: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    for name in ROWS:
        for word in _ROW.findall((source / f"{name}.md").read_text(encoding="utf-8")):
            # Words that are common, such as names of columns, lead nowhere.
            if "_" in word or "." in word:
                yield word, (name, row_id(word))
    for anchor, command in _HEADING.findall((source / "reference" / "commands.md").read_text(encoding="utf-8")):
        yield command, ("reference/commands", anchor)
    for path in tracked():
        if path.suffix == ".md":
            yield str(path), (page(path), "")
            if path.parent != PurePosixPath() and path.name == "README.md":
                yield str(path.parent), (page(path), "")
