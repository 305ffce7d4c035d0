"""Receipts: one leaf, its inclusion proof and a checkpoint as one text (C2SP tlog-proof)."""

from __future__ import annotations

from collections.abc import Sequence

from ringfence_audit.log.domain.checkpoint import base64_text

HEADER = "c2sp.org/tlog-proof@v1"


def receipt(leaf: bytes, index: int, proof: Sequence[bytes], checkpoint: str) -> str:
    """Writes a receipt that needs nothing but the log's public key to be verified.

    The leaf's bytes travel in the `extra` line: they are believed only because they hash to the proven leaf.
    """
    lines = [HEADER, f"extra {base64_text(leaf)}", f"index {index}", *(base64_text(node) for node in proof), ""]
    return "".join(f"{line}\n" for line in lines) + checkpoint
