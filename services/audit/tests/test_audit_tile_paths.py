"""Paths of C2SP tlog-tiles: each tile has one."""

from __future__ import annotations

import pytest
from ringfence_audit.tiles.domain.paths import TilePath, read_path


@pytest.mark.parametrize(
    ("path", "tile"),
    [
        ("/tile/0/000", TilePath(0, 0)),
        ("/tile/0/x001/x234/067", TilePath(0, 1_234_067)),
        ("/tile/63/999.p/255", TilePath(63, 999, 255)),
        ("/tile/2/x001/000.p/1", TilePath(2, 1_000, 1)),
        ("/tile/entries/x001/x234/067.p/16", TilePath(0, 1_234_067, 16, of_entries=True)),
        ("/tile/entries/273", TilePath(0, 273, of_entries=True)),
    ],
)
def test_a_path_names_a_tile(path: str, tile: TilePath) -> None:
    """As the specification has it."""
    assert read_path(path) == tile


@pytest.mark.parametrize(
    "path",
    """/ /tile /tile/ /tile/0 /tile/0/0 /tile/0/00 /tile/0/0000 /tile/00/000 /tile/01/000 /tile/64/000 /tile/-1/000
    /tile/0/x000/001 /tile/0/x000/x000/001 /tile/0/001/001 /tile/0/x001 /tile/0/x001/ /tile/0/X001/001 /tile/0/000.p/0
    /tile/0/000.p/01 /tile/0/000.p/256 /tile/0/000.p/ /tile/0/000.p /tile/0/000/p/1 /tile/0/000?x /tile/0/%30%30%30
    /tile/0/٠٠٠ /tile/entries/ /tile/entries/0 /tile/entries/000.p/256 /tile/Entries/000 //tile/0/000 /tile//000
    /tile/0/000/ /tile/0/../0/000 /tile/0/x999/x999/x999/x999/x999/999 /tile/0/x036/x028/x797/x018/x963/968
    /checkpoint/ /x/checkpoint tile/0/000""".split(),
)
def test_another_spelling_names_none(path: str) -> None:
    """Nor an index that no log reaches."""
    assert read_path(path) is None
