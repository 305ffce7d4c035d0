"""Markdown as the makers of the reference write it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_CODE = re.compile(r"(`[^`]+`)")
_MARKUP = re.compile(r"([*<>|\[\]{}\\_])")


def text(prose: str) -> str:
    """Returns prose of the code as Markdown in one line, in which only what stands in backticks is markup."""
    parts = _CODE.split(" ".join(prose.split()))
    return "".join(part.replace("|", "\\|") if part.startswith("`") else _MARKUP.sub(r"\\\1", part) for part in parts)


def code(value: str) -> str:
    """Returns a value as code, that may stand in a table."""
    return f"`{value}`".replace("|", "\\|") if value else ""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a table of cells that are Markdown, without columns that no row has anything in; empty without rows."""
    kept = [list(row) for row in rows]
    shown = [index for index in range(len(heads)) if any(row[index] for row in kept)]
    if not shown:
        return ""
    lines = [
        [heads[index] for index in shown],
        ["---"] * len(shown),
        *([row[index] for index in shown] for row in kept),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def anchor(name: str) -> str:
    """Returns a target that links by this name lead to, before a heading."""
    return f"({name.lower()})=\n"
