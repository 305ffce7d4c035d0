"""Receipts (C2SP tlog-proof) of facts that a combined proof has proven: nobody has to be asked for them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

from ringfence_verifier.combined import Nodes, path_in
from ringfence_verifier.receipt import HEADER


def receipt_of(leaf: bytes, index: int, size: int, nodes: Nodes, note: str) -> str:
    """Gives the receipt of a leaf under a checkpoint of `size`, from the hashes of the subtrees that prove it."""
    return write_receipt(leaf, index, path_in(nodes, index, size), note)


def write_receipt(leaf: bytes, index: int, path: Sequence[bytes], note: str) -> str:
    """Gives a receipt that carries its leaf."""
    lines = [HEADER, f"extra {b64encode(leaf).decode()}", f"index {index}"]
    return "\n".join((*lines, *(b64encode(each).decode() for each in path), "", note))
