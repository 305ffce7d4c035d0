"""Tiles of a log (C2SP tlog-tiles) and subtrees (draft merkle-tree-certs §4.4), and changes to them."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from random import Random
from typing import Any

from . import pieces
from .cases import Case, Made, Verdict
from .proofs import EMPTY, node, some_size, split

WIDTH = 256
SIZES = (1, 2, 3, 100, 255, 256, 257, 511, 512, 513, 700, 1_025, 66_000)
CHANGES = ("none", *("flipped", "swapped", "length", "another") * 2, "size", "root")


def tile(chance: Random) -> Made:
    """A tile with all that leads from it to the root, one of them changed, or none."""
    size = chance.choice((*SIZES[:-1] * 4, SIZES[-1]))
    level = chance.choice([each for each in range(3) if size >> 8 * each])
    hashes = size >> 8 * level
    index = chance.randrange(-(-hashes // WIDTH))
    width = min(WIDTH, hashes - index * WIDTH)
    tiles = {place: _tile(size, *place) for place in _needed(size, level, index)}
    shown_size, root = size, _rows(size)[-1]
    done = chance.choice(CHANGES)
    if done == "size":
        shown_size = max(1, pieces.number(chance, size, [size + WIDTH, size * WIDTH])) % 2**62
    elif done == "root":
        root = chance.choice((pieces.hash_value(chance, root), EMPTY, tiles[min(tiles)][:32]))
        root = root if len(root) == 32 else bytes(32)
    elif done != "none":
        place = chance.choice(sorted(tiles))
        tiles[place] = _changed(chance, tiles, place, done)
    listed = [[*place, content] for place, content in sorted(tiles.items())]
    wanted = {"level": level, "index": index, "width": width}
    return "tile", done, {"size": shown_size, "root": root, "tiles": listed, **wanted}


def subtree(chance: Random) -> Made:
    """The proof that a subtree stands in a tree, with one or two changes, or none."""
    size = some_size(chance)
    start, end = _some_subtree(chance, size)
    part, root, proof = _stands(chance, start, end, size, is_given=True)
    given: dict[str, Any] = {"start": start, "end": end, "size": size, "leaf_hash": part, "root": root, "proof": proof}
    done = [_change(chance, given) for _ in range(chance.choices((0, 1, 2), (1, 8, 2))[0])]
    return "subtree", " + ".join(done) or "none", given


def one_subtree(case: Case) -> Verdict:
    """Judges a subtree's proof by the algorithm of the draft (§4.4.3), which goes from the leaves up."""
    given = case.given
    start, end, size, part = (given[name] for name in ("start", "end", "size", "leaf_hash"))
    span = 1 << max(end - start - 1, 0).bit_length()
    hashes = [part, given["root"], *given["proof"]]
    if not 0 <= start < end <= size < 2**63 or start % span or any(len(each) != 32 for each in hashes):
        return Verdict(False)
    first, last, top = start, end - 1, size - 1
    while first != last and (last == top or last & 1):
        first, last, top = first >> 1, last >> 1, top >> 1
    rest = list(given["proof"])
    if first == last:
        below = whole = part
    elif not rest:
        return Verdict(False)
    else:
        below = whole = rest.pop(0)
    for each in rest:
        if top == 0:
            return Verdict(False)
        if last & 1 or last == top:
            below = node(each, below) if first < last else below
            whole = node(each, whole)
            while not last & 1 and last:
                first, last, top = first >> 1, last >> 1, top >> 1
        else:
            whole = node(whole, each)
        first, last, top = first >> 1, last >> 1, top >> 1
    return Verdict(top == 0 and (below, whole) == (part, given["root"]), "holds")


@cache
def _rows(size: int) -> list[bytes]:
    """The hashes of complete subtrees of a log by level of tiles, and at the end its root."""
    row = b"".join(sha256(b"\0%d" % number).digest() for number in range(size))
    rows, level = [row], row
    while len(rows[-1]) // 32 >= WIDTH:
        level = rows[-1][: len(rows[-1]) // 32 // WIDTH * WIDTH * 32]
        for _ in range(8):
            level = b"".join(node(level[at : at + 32], level[at + 32 : at + 64]) for at in range(0, len(level), 64))
        rows.append(level)
    return [*rows, _root(row)]


def _root(row: bytes) -> bytes:
    if len(row) == 32:
        return row
    left = split(len(row) // 32) * 32
    return node(_root(row[:left]), _root(row[left:]))


def _tile(size: int, level: int, index: int, width: int) -> bytes:
    at = index * WIDTH * 32
    return _rows(size)[level][at : at + width * 32]


def _needed(size: int, level: int, index: int) -> set[tuple[int, int, int]]:
    """The tile, those above it, and the right edge."""
    found = set()
    for above in range(3):
        hashes = size >> 8 * above
        at = index >> 8 * (above - level) if above >= level else -1
        for each in {at, (hashes - 1) // WIDTH}:
            if each >= 0 and each * WIDTH < hashes:
                found.add((above, each, min(WIDTH, hashes - each * WIDTH)))
    return found


def _changed(chance: Random, tiles: dict[tuple[int, int, int], bytes], place: tuple[int, int, int], what: str) -> bytes:
    content = tiles[place]
    if what == "flipped":
        return pieces.flipped(chance, content)
    if what == "length":
        return chance.choice((content[:-1], content + b"\0", content[:-32], content + content[-32:], b"", content * 2))
    if what == "another":
        return chance.choice((tiles[chance.choice(sorted(tiles))][: len(content)], bytes(len(content))))
    one, other = (chance.randrange(place[2]) * 32 for _ in range(2))
    made = bytearray(content)
    made[one : one + 32], made[other : other + 32] = content[other : other + 32], content[one : one + 32]
    return bytes(made)


def _some_subtree(chance: Random, size: int) -> tuple[int, int]:
    """A subtree's place: from the beginning, of one leaf, or anywhere, complete or ragged."""
    kind = chance.randrange(4)
    if kind == 0:
        return 0, chance.randint(1, size)
    if kind == 1:
        start = chance.randrange(size)
        return start, start + 1
    span = 1 << chance.randrange(size.bit_length())
    start = chance.randrange(size) // span * span
    return start, min(start + chance.choice((span, chance.randint(span // 2 + 1, span))), size)


def _stands(chance: Random, start: int, end: int, size: int, *, is_given: bool) -> tuple[bytes, bytes, list[bytes]]:
    """SUBTREE_PROOF over a tree of which nothing else is known: the subtree's hash here, the root, and the proof."""
    if (start, end) == (0, size):
        here = chance.randbytes(32)
        return here, here, [] if is_given else [here]
    left, other = split(size), chance.randbytes(32)
    if end <= left:
        part, root, proof = _stands(chance, start, end, left, is_given=is_given)
        return part, node(root, other), [*proof, other]
    if left <= start:
        part, root, proof = _stands(chance, start - left, end - left, size - left, is_given=is_given)
        return part, node(other, root), [*proof, other]
    part, root, proof = _stands(chance, 0, end - left, size - left, is_given=False)
    return node(other, part), node(other, root), [*proof, other]


def _change(chance: Random, given: dict[str, Any]) -> str:
    what = chance.choice(("start", "end", "size", "leaf_hash", "root", "proof", "proof", "proof", "swap"))
    known = [*given["proof"], given["leaf_hash"], given["root"], EMPTY, chance.randbytes(32)]
    if what in ("start", "end", "size"):
        given[what] = pieces.number(chance, given[what], [given["start"], given["end"], given["size"]])
    elif what == "proof":
        given[what] = pieces.listed(chance, given[what], known, lambda value: pieces.hash_value(chance, value))
    elif what == "swap":
        given["leaf_hash"], given["root"] = given["root"], given["leaf_hash"]
    else:
        given[what] = chance.choice((pieces.hash_value(chance, given[what]), chance.choice(known)))
    return what
