"""Dossiers of a log that has changed its key, and of one whose checkpoints are witnessed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from ringfence_verifier import verify_key_succession
from ringfence_verifier.dossier import DossierRefused, Gathered, Question, answer_name, compose, verify_dossier

from .answers import IndexedLog
from .dossiers import ALICE, BOB, READER, binding_leaf, dossier, early, words
from .notes import Signer, base64, consistency, leaf, path, tree_hash
from .refused import SIGNER
from .test_verifier_keys import announced, ended
from .test_verifier_policy import policy

SECOND = Signer(SIGNER.name, b"\x09" * 32)
OLD, BOTH = 41, 43


def log() -> IndexedLog:
    """The first log with another key: announced at 41, and the first one ended at 43."""
    fact = leaf("x.y.v1", a_id=BOB)
    facts = (*early().leaves, announced(OLD, SECOND, SIGNER), fact, ended(BOTH, SIGNER), fact)
    return IndexedLog(facts, len(facts), SECOND)


def receipt(index: int, leaves: Sequence[bytes], by: Sequence[Signer]) -> str:
    """A receipt under a checkpoint that some have signed."""
    text = f"{SIGNER.name}\n{len(leaves)}\n{base64(tree_hash(leaves))}\n"
    proof = "".join(f"{base64(each)}\n" for each in path(index, leaves))
    head = f"c2sp.org/tlog-proof@v1\nextra {base64(leaves[index])}\nindex {index}\n{proof}\n"
    return f"{head}{text}\n{''.join(each.line(text) for each in by)}"


def made(key_receipts: Sequence[str]) -> bytes:
    """A dossier with an answer from before the change, and one from after it."""
    leaves = log().leaves
    keys, _ = verify_key_succession(rotation(), SIGNER.vkey)
    answers = {
        answer_name(1, 1): early().parts(ALICE).encoded(),
        answer_name(2, 1): log().parts(BOB).encoded(),
    }
    questions = Question((answer_name(1, 1),), about=ALICE), Question((answer_name(2, 1),), about=BOB)
    steps = {(size, len(leaves)): consistency(size, leaves) for size in (OLD, BOTH)}
    gathered = Gathered(questions, answers, log().note.decode(), steps, tuple(key_receipts))
    composed = compose(gathered, keys, words)
    later = (*leaves, binding_leaf(composed.manifest_sha256), leaf("z"))
    return composed.bound(
        receipt(len(leaves), later, [SECOND]), {(len(leaves), len(later)): consistency(len(leaves), later)}
    )


def rotation() -> list[str]:
    """How the second key followed the first."""
    leaves = log().leaves
    return [receipt(OLD, leaves[:BOTH], [SIGNER, SECOND]), receipt(BOTH, leaves, [SECOND])]


def forked() -> list[str]:
    """The same, but that the first is of another history."""
    other = (leaf("other"), *log().leaves[1:])
    return [receipt(OLD, other[:BOTH], [SIGNER, SECOND]), rotation()[1]]


def test_keys_are_followed_by_the_receipts_in_it() -> None:
    """With the first key alone both answers are proven, each by the key of its time; without receipts none is."""
    found = verify_dossier(made(rotation()), SIGNER.vkey)
    assert (found.binding.reader_id, found.keys.newest) == (READER, SECOND.vkey)
    with pytest.raises(DossierRefused) as refused:
        verify_dossier(made([]), SIGNER.vkey)
    assert refused.value.reason == "BINDING_REFUSED"


def test_checkpoints_that_announced_keys_are_of_the_same_history() -> None:
    """What was relied on for the next key has to be extended by the newest checkpoint as well."""
    assert verify_dossier(made(rotation()), SIGNER.vkey)
    with pytest.raises(DossierRefused) as refused:
        verify_dossier(made(forked()), SIGNER.vkey)
    assert (refused.value.reason, refused.value.entry) == ("HISTORY_DIFFERS", "log/consistency.json")


def test_witnesses_are_the_callers_to_name() -> None:
    """A policy that the checkpoint does not meet refuses it, and one that it does is met by nobody else's word."""
    assert verify_dossier(dossier(), SIGNER.vkey, policy=policy("quorum none\n")).witnesses == {}
    with pytest.raises(DossierRefused) as refused:
        verify_dossier(dossier(), SIGNER.vkey, policy=policy("quorum w0\n"))
    assert (refused.value.reason, refused.value.entry) == ("QUORUM_MISSING", "log/checkpoint")
