"""Makes the case of a number."""

from __future__ import annotations

from random import Random

from .answers import answer
from .cases import Case
from .leaves import leaf
from .policies import cosignature, policy
from .proofs import consistency, inclusion
from .receipts import receipt
from .signed import checkpoint, key, note
from .states import state, succession
from .trees import subtree, tile

MAKERS = (
    inclusion, inclusion, consistency, consistency, key, note, checkpoint, checkpoint, receipt, receipt, leaf, answer,
    policy, policy, cosignature, cosignature, state, succession, tile, subtree,
)  # fmt: skip


def case(number: int) -> Case:
    """Returns the case of a number, the same on every machine; kinds take turns."""
    kind, mutation, given = MAKERS[number % len(MAKERS)](Random(f"ringfence/{number}"))
    return Case(number, kind, mutation, given)
