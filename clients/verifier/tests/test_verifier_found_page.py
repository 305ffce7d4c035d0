"""A page of facts that were found: proven together, under a checkpoint that has its quorum."""

from __future__ import annotations

import pytest
from ringfence_verifier import Policy, VerificationError, verify_checkpoint
from ringfence_verifier.cosignature import ED25519
from ringfence_verifier.page import verify_page
from ringfence_verifier.witness.keys import CosigningKey

from .mirrors import Log
from .notes import Signer

WITNESS = CosigningKey.of("witness.example", ED25519, b"w" * 32)


def cosigned(note: str) -> str:
    """A checkpoint with the line of the witness."""
    text, checkpoint = note.partition("\n\n")[0] + "\n", verify_checkpoint(note, Signer().vkey)
    return note + WITNESS.line(text, checkpoint, 1_800_000_000)


def test_a_page_is_held_to_its_policy_and_its_proof() -> None:
    """Without the quorum nothing of it is believed, whether or not it shows a fact."""
    log = Log()
    log.grow(3)
    policy = Policy.parse(f"log {Signer().vkey}\nwitness w {WITNESS.public.text()}\nquorum w\n".encode())
    note, leaves = log.note(), list(enumerate(log.leaves))
    for shown in (leaves, []):
        assert verify_page(shown, cosigned(note), [], Signer().vkey, policy=policy).size == len(log.leaves)
        assert verify_page(shown, note, [], Signer().vkey).size == len(log.leaves)
        with pytest.raises(VerificationError, match="lacks its quorum"):
            verify_page(shown, note, [], Signer().vkey, policy=policy)
        with pytest.raises(VerificationError, match="too long"):
            verify_page(shown, note, [bytes(32)], Signer().vkey)
    with pytest.raises(VerificationError):
        verify_page([(0, leaves[1][1]), *leaves[1:]], note, [], Signer().vkey)
