"""The paths of C2SP tlog-tiles, in their one form: `checkpoint`, `tile/<L>/<N>[.p/<W>]`, `tile/entries/<N>[.p/<W>]`."""

from __future__ import annotations

import re
from dataclasses import dataclass

WIDTH = 256
HIGHEST_LEVEL = 63
HIGHEST_INDEX = 1 << 55
"""No log of less than 2^63 leaves has as many tiles."""
CHECKPOINT = "/checkpoint"
_PATH = re.compile(
    r"/tile/(?:(entries)|(0|[1-9][0-9]?))/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class TilePath:
    """A tile of hashes, or of the entries under a tile of level 0: how many of the 256 are asked for."""

    level: int
    index: int
    width: int = WIDTH
    of_entries: bool = False

    @property
    def end(self) -> int:
        """How many hashes the level has to have for it."""
        return self.index * WIDTH + self.width


def read_path(path: str) -> TilePath | None:
    """Reads the path of a tile; None for anything else, an index or width with another spelling included."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    entries, level, index, width = match.groups()
    found = TilePath(int(level or 0), _index(index), int(width or WIDTH), bool(entries))
    is_one = found.level <= HIGHEST_LEVEL and found.index < HIGHEST_INDEX and (not width or found.width < WIDTH)
    return found if is_one and _spelled(found.index) == index else None


def _index(text: str) -> int:
    return int(text.replace("x", "").replace("/", ""))


def _spelled(index: int) -> str:
    parts = [f"{index % 1000:03d}"]
    while index := index // 1000:
        parts.append(f"x{index % 1000:03d}")
    return "/".join(reversed(parts))
