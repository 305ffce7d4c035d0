"""Evidence against a log: a complete answer, and a receipt of a fact that the answer should have and has not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ringfence_verifier.answer import Answer, verify_answer
from ringfence_verifier.errors import VerificationError
from ringfence_verifier.index import leaf_keys
from ringfence_verifier.key_succession import KeySuccession
from ringfence_verifier.leaf import Fact, read_leaf
from ringfence_verifier.note import Checkpoint
from ringfence_verifier.proofs import verify_consistency
from ringfence_verifier.receipt import verify_receipt


class NoContradiction(VerificationError):
    """Answer and receipt hold both, and say nothing against each other."""


@dataclass(frozen=True)
class Contradiction:
    """The log has signed both that a fact is in it and that there is none: it has lied, whatever it says to it.

    `forked` is True where the two checkpoints are of two histories, False where they are of one, that is where the
    fact was hidden from the index; None where the proof that decides it was not given. Either way the lie is shown by
    the answer and the receipt alone: anybody can check both with the log's public key.
    """

    index: int
    fact: Fact
    answered: Checkpoint
    received: Checkpoint
    forked: bool | None

    def __str__(self) -> str:
        how = {
            None: "it hides the fact from its index, or shows two histories",
            False: "it hides the fact from its index",
            True: "it shows two histories",
        }[self.forked]
        return (
            f"{self.answered.origin} has lied: it has signed that fact {self.index} is in it (at {self.received.size} "
            f"facts), and that there is none (at {self.answered.size}): {how}"
        )


def contradiction(
    answer: bytes,
    receipt: str,
    key: str | KeySuccession,
    *,
    consistency: Sequence[bytes] | None = None,
    origin: str | None = None,
) -> Contradiction:
    """Shows that a receipt contradicts a complete answer, both signed by the same log.

    `key` is a vkey that has signed both, or all keys that the log was followed to: then each by those of its size.

    `consistency` is the proof that the larger of their two sizes extends the smaller, if somebody has it. Raises
    VerificationError where one of the two does not hold, NoContradiction where they do not contradict each other.
    """
    answered = verify_answer(answer, key, origin=origin)
    proven = verify_receipt(receipt, key, origin=origin)
    fact = read_leaf(proven.leaf)
    if answered.key not in leaf_keys(fact):
        raise NoContradiction("the receipt is of a fact that is not about the key of the answer")
    if not answered.from_leaf <= proven.index < answered.until_leaf:
        raise NoContradiction(
            f"the receipt is of fact {proven.index}; the answer is for {answered.from_leaf} to {answered.until_leaf}"
        )
    shown = dict(answered.facts).get(proven.index)
    if shown == fact:
        raise NoContradiction(f"the answer has fact {proven.index}: nothing contradicts it")
    forked = True if shown else _forked(answered, proven.checkpoint, consistency)
    return Contradiction(proven.index, fact, answered.checkpoint, proven.checkpoint, forked)


def _forked(answered: Answer, received: Checkpoint, consistency: Sequence[bytes] | None) -> bool | None:
    """Tells whether two checkpoints are of two histories, as far as that can be told."""
    older, newer = sorted((answered.checkpoint, received), key=lambda each: each.size)
    if older.size == newer.size:
        return older.root != newer.root
    if consistency is None:
        return None
    try:
        verify_consistency(older.size, older.root, newer.size, newer.root, consistency)
    except VerificationError:
        return None
    return False
