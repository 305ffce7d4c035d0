"""Receipts as C2SP tlog-proof writes them, and changes to each part."""

from __future__ import annotations

from hashlib import sha256
from random import Random

from ..notes import base64
from . import pieces
from .cases import Made
from .leaves import some_leaf
from .proofs import included, some_size
from .signed import PLACES, changed_note, checkpoint_lines, own

HEADER = b"c2sp.org/tlog-proof@v1"
HEADERS = (
    b"",
    HEADER + b" ",
    HEADER.upper(),
    HEADER[:-1] + b"2",
    HEADER[:-3],
    b"\xef\xbb\xbf" + HEADER,
    HEADER + b"\r",
)

CHANGES = ("none", *("lines", "hashes", "index", "extra") * 3, *("note",) * 6, "leaf", "raw", "frame")


def receipt(chance: Random) -> Made:
    """A receipt with a change to its lines, its note or the leaf that the caller holds, or none.

    What it was made for is `shown_`: the fact that a page shows beside it, and the size that it knows to be signed.
    """
    signer, leaf, size = own(chance), some_leaf(chance), some_size(chance)
    index = chance.choice((0, size - 1, chance.randrange(size)))
    root, proof = included(chance, index, size, sha256(b"\0" + leaf).digest())
    carried = chance.random() < 0.8
    held = leaf if not carried or chance.random() < 0.1 else None
    lines = [HEADER, *([b"extra " + base64(leaf).encode()] if carried else []), b"index %d" % index]
    hashes = [base64(each).encode() for each in proof]
    done = chance.choice(CHANGES)
    if done == "lines":
        lines = _changed_lines(chance, lines)
    elif done == "hashes":
        strange = (b"", b" ", base64(root).encode(), base64(chance.randbytes(32)).encode(), lines[-1])
        hashes = pieces.listed(chance, hashes, strange, lambda text: pieces.base64_text(chance, text))
    elif done == "index":
        others = (size - 1, index ^ 1, index + 1, size)
        text = chance.choice((pieces.number_text(chance, b"%d" % index), b"%d" % chance.choice(others)))
        lines[-1] = chance.choice((b"index ", b"index ", b"index  ", b"index", b"Index ", b"")) + text
    elif done == "extra" and carried:
        lines[1] = b"extra " + pieces.base64_text(chance, base64(leaf).encode())
    elif done == "leaf":
        held = chance.choice((None, pieces.flipped(chance, leaf), leaf + b"\0", b"", some_leaf(chance)))
    where = chance.choice(PLACES) if done == "note" else "none"
    note, vkey = changed_note(chance, checkpoint_lines(chance, signer.name, size, root), signer, where)
    content = b"\n".join([*lines, *hashes, b"", note])
    if done == "frame":
        content = chance.choice(
            (content.replace(b"\n\n", b"\n", 1), content.replace(b"\n\n", b"\n\n\n", 1), content + note)
        )
    elif done == "raw":
        content = pieces.raw(chance, content)
    name = f"note: {where}" if done == "note" else done
    shown = {"shown_leaf": leaf if held is None else held, "shown_index": index, "shown_size": size}
    return "receipt", name, {"note": content, "key": vkey, "leaf": held, **shown}


def _changed_lines(chance: Random, lines: list[bytes]) -> list[bytes]:
    if chance.random() < 0.3:
        return [chance.choice(HEADERS), *lines[1:]]
    strange = (b"", b"extra ", b"extra AA==", b"extra", b"index 0", b"more AA==", *lines)
    return pieces.listed(chance, lines, strange, lambda line: pieces.raw(chance, line))
