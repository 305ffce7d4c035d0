"""Receipts (C2SP tlog-proof): one fact, proven to be in a log that the given key signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ringfence_verifier.errors import VerificationError
from ringfence_verifier.key_succession import KeySuccession, verify_signed
from ringfence_verifier.note import MAX_NOTE_BYTES, Checkpoint, decode_base64, parse_size
from ringfence_verifier.policy import Policy
from ringfence_verifier.proofs import leaf_hash, verify_inclusion

HEADER = "c2sp.org/tlog-proof@v1"
MAX_PROOF_HASHES = 63


@dataclass(frozen=True)
class VerifiedLeaf:
    """A leaf that is in the log: its bytes, its index, and the checkpoint that commits to it.

    `witnesses` are who has cosigned that, and when (POSIX seconds), where a policy was asked for.
    """

    leaf: bytes
    index: int
    checkpoint: Checkpoint
    witnesses: Mapping[bytes, int] = field(default_factory=dict)


def verify_receipt(
    receipt: str,
    key: str | KeySuccession,
    *,
    leaf: bytes | None = None,
    origin: str | None = None,
    policy: Policy | None = None,
) -> VerifiedLeaf:
    """Checks a receipt offline with the log's public key, a vkey, or with all keys that the log was followed to.

    The leaf is the one given or, where none is, the one the receipt carries in its `extra` line. Raises
    VerificationError where the receipt is malformed, is of another leaf or another log, does not prove inclusion, or
    its checkpoint lacks the quorum of a policy.
    """
    carried, lines, note = _parts(receipt)
    if not lines or not lines[0].startswith("index "):
        raise VerificationError("the receipt has no index")
    index = parse_size(lines.pop(0)[6:])
    if len(lines) > MAX_PROOF_HASHES:
        raise VerificationError("the inclusion proof is too long")
    if leaf is not None and carried not in (None, leaf):
        raise VerificationError("the receipt is for another leaf")
    subject = carried if leaf is None else leaf
    if subject is None:
        raise VerificationError("the receipt carries no leaf and none was given")
    checkpoint = verify_signed(note, key, origin=origin)
    witnesses = policy.verify(note, None if isinstance(key, str) else key)[1] if policy else {}
    proof = [decode_base64(line, "a proof hash") for line in lines]
    verify_inclusion(leaf_hash(subject), index, checkpoint.size, proof, checkpoint.root)
    return VerifiedLeaf(subject, index, checkpoint, witnesses)


def carried_leaf(receipt: str) -> bytes:
    """Gives the leaf that a receipt carries, not proven; raises VerificationError where it carries none."""
    carried, _, _ = _parts(receipt)
    if carried is None:
        raise VerificationError("the receipt carries no leaf")
    return carried


def path_of(receipt: str) -> list[bytes]:
    """Gives the audit path that a receipt carries, not proven; raises VerificationError where it is malformed."""
    return [decode_base64(line, "a proof hash") for line in _parts(receipt)[1][1:]]


def _parts(receipt: str) -> tuple[bytes | None, list[str], str]:
    """Returns the leaf that is carried, the lines of the proof, and the note."""
    if len(receipt) > MAX_NOTE_BYTES:
        raise VerificationError("the receipt is too long")
    proof_text, _, note = receipt.partition("\n\n")
    lines = proof_text.split("\n")
    if lines.pop(0) != HEADER:
        raise VerificationError(f"the receipt does not begin with {HEADER}")
    carried = decode_base64(lines.pop(0)[6:], "the leaf") if lines and lines[0].startswith("extra ") else None
    return carried, lines, note
