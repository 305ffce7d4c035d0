"""Follows a log's keys by the receipts that it gives of its key leaves (docs/formats.md, Keys)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ringfence_verifier.errors import VerificationError
from ringfence_verifier.key_succession import KEY_ENDED_KIND, KEY_KIND, KeySuccession, LogKey
from ringfence_verifier.leaf import Fact, read_leaf
from ringfence_verifier.receipt import carried_leaf, verify_receipt


def verify_key_succession(receipts: Iterable[str], known: str | KeySuccession) -> tuple[KeySuccession, tuple[str, ...]]:
    """Follows the receipts that a log gives of its key leaves, from a vkey or from what was followed to before.

    Each announcement has to be under a checkpoint signed by the key before, each end under one signed by the newest.
    What is before the keys that are known is passed over. Gives the keys, and the notes of the checkpoints that were
    relied on: that all of them are of one log is for the caller to prove. Raises VerificationError.
    """
    found = KeySuccession.of(known) if isinstance(known, str) else known
    relied = list[str]()
    for receipt in receipts:
        fact = read_leaf(carried_leaf(receipt))
        if not _is_news(fact, found.keys):
            continue
        proven = verify_receipt(receipt, found.newest)
        take = found.announced if fact.kind == KEY_KIND else found.ended
        found = take(fact, proven.index)
        note = receipt.partition("\n\n")[2]
        found.verify_checkpoint(note)
        relied.append(note)
    return found, tuple(relied)


def _is_news(fact: Fact, keys: Sequence[LogKey]) -> bool:
    """Tells whether a leaf, not proven yet, would say something of the newest key, or the one before."""
    if fact.kind == KEY_KIND:
        return fact.text("previous") == keys[-1].vkey
    if fact.kind != KEY_ENDED_KIND:
        raise VerificationError(f"a {fact.kind} leaf says nothing of the log's keys")
    return any(key.vkey == fact.text("vkey") and key.last is None for key in keys)
