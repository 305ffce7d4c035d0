"""A receipt taken apart to be drawn: nothing is checked here, the browser and who brought it do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rung:
    """A step from the fact to the root: the hash that is joined, and on which side it stands."""

    beside: str
    is_left: bool


@dataclass(frozen=True)
class Ladder:
    """The way from a leaf to a root, the leaf's end first; hashes in base64."""

    rungs: tuple[Rung, ...]
    size: int
    root: str


def ladder(receipt: str, index: int) -> Ladder:
    """Reads a receipt (C2SP tlog-proof) that was verified; on which side a hash stands is RFC 9162 section 2.1.3.2."""
    proof, _, note = receipt.partition("\n\n")
    hashes = [line for line in proof.split("\n") if " " not in line and line != "c2sp.org/tlog-proof@v1"]
    _, size, root = note.split("\n")[:3]
    rungs, leaf, last = list[Rung](), index, int(size) - 1
    for each in hashes:
        is_left = leaf % 2 == 1 or leaf == last
        while is_left and leaf % 2 == 0 and leaf:
            leaf, last = leaf // 2, last // 2
        rungs.append(Rung(each, is_left))
        leaf, last = leaf // 2, last // 2
    return Ladder(tuple(rungs), int(size), root)
