"""Complete answers: what holds, and what is refused by which name; no answer is believed further than it reaches."""

from __future__ import annotations

import time
from dataclasses import replace
from hashlib import sha256

import pytest
from ringfence_verifier import (
    AnswerRefused,
    Contradiction,
    KeySuccession,
    LogKey,
    NoContradiction,
    Policy,
    VerificationError,
    contradiction,
    read_leaf,
    verify_answer,
    verify_combined,
    verify_receipt,
)
from ringfence_verifier.key_succession import KEY_ENDED_KIND, KEY_KIND

from .answers import IndexedLog, combined, keys_of
from .notes import Signer, base64, consistency, leaf, path, tree_hash
from .refused import ALICE, BOB, CAROL, FACTS, INDEXED, SIGNER, bad, good, log, lying

GOOD, BAD = good(), bad()


@pytest.mark.parametrize("name", GOOD)
def test_an_answer_has_all_facts_about_its_key(name: str) -> None:
    """What the log knows below `until` about a key is what a reader of every leaf finds, in order."""
    parts = GOOD[name]
    answer = verify_answer(parts.encoded(), SIGNER.vkey)
    facts = [(index, read_leaf(each)) for index, each in enumerate(log().facts)]
    within = [(index, fact) for index, fact in facts if parts.from_leaf <= index < parts.until_leaf]
    assert list(answer.facts) == [(index, fact) for index, fact in within if parts.key in keys_of(fact)]
    assert (answer.key, answer.from_leaf, answer.until_leaf) == (parts.key, parts.from_leaf, parts.until_leaf)
    assert answer.checkpoint.size - 1 == answer.state.size >= answer.state.index_size >= answer.until_leaf
    assert answer.note.encode() == parts.note
    assert answer.facts or answer.absence_bytes == answer.proof_bytes == len(parts.encoded())


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_hold_is_refused_by_name(name: str) -> None:
    """Every refusal says why, and the reasons are those that are documented; absurd counts cost nothing."""
    reason, content, vkey = BAD[name]
    began = time.process_time()
    with pytest.raises(AnswerRefused) as refused:
        verify_answer(content, vkey)
    assert refused.value.reason == reason, str(refused.value)
    assert time.process_time() - began < 1


def test_any_answer_cut_short_or_with_a_bit_flipped_is_refused() -> None:
    """No byte of an answer is left unread: whichever is missing or changed, it is refused."""
    content = GOOD["about one who is in a few"].encoded()
    for at in range(0, len(content), 7):
        with pytest.raises(AnswerRefused):
            verify_answer(content[:at], SIGNER.vkey)
        changed = content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :]
        # What is left of a signature line whose name or id is another is a signature by somebody unknown.
        with pytest.raises(AnswerRefused):
            verify_answer(changed, SIGNER.vkey)


def test_another_key_or_origin_is_refused() -> None:
    """An answer is of the log whose key and origin are asked for, and of no other."""
    content = GOOD["about nobody"].encoded()
    with pytest.raises(AnswerRefused, match="is not signed by") as refused:
        verify_answer(content, Signer(SIGNER.name, b"\x01" * 32).vkey)
    assert refused.value.reason == "CHECKPOINT_REFUSED"
    with pytest.raises(AnswerRefused, match="of another log"):
        verify_answer(content, SIGNER.vkey, origin="log.example/other")


def test_a_policy_asks_for_witnesses() -> None:
    """With a policy, a checkpoint that no quorum has seen is refused; one that the log alone has to sign is not."""
    content = GOOD["about nobody"].encoded()
    witness = Signer("witness.example/w", b"\x02" * 32)
    cosigner = witness.name + "+" + _cosigner_id(witness) + "+" + base64(b"\x04" + witness.public[1:])
    asked = f"log {SIGNER.vkey}\nwitness w {cosigner}\nquorum w\n"
    with pytest.raises(AnswerRefused) as refused:
        verify_answer(content, SIGNER.vkey, policy=Policy.parse(asked.encode()))
    assert refused.value.reason == "QUORUM_MISSING"
    alone = Policy.parse(f"log {SIGNER.vkey}\nquorum none\n".encode())
    assert verify_answer(content, SIGNER.vkey, policy=alone).facts == ()


def _cosigner_id(signer: Signer) -> str:
    return sha256(signer.name.encode() + b"\n\x04" + signer.public[1:]).hexdigest()[:8]


def test_combined_proofs_prove_any_leaves_and_have_one_form() -> None:
    """Every set of leaves of every small tree is proven; a hash more or less, and another order, are refused."""
    for size in range(1, 9):
        leaves = [bytes([number]) for number in range(size)]
        for chosen in range(1, 1 << size):
            indexes = [index for index in range(size) if chosen >> index & 1]
            proven = [(index, tree_hash([leaves[index]])) for index in indexes]
            proof = combined(leaves, set(indexes))
            verify_combined(proven, size, proof, tree_hash(leaves))
            for wrong in (proof[1:], [*proof, bytes(32)], [bytes(32), *proof[1:]]):
                if wrong != proof:
                    with pytest.raises(VerificationError):
                        verify_combined(proven, size, wrong, tree_hash(leaves))
            if len(proven) > 1:
                with pytest.raises(VerificationError, match="in order"):
                    verify_combined([proven[0], *proven], size, proof, tree_hash(leaves))
    assert combined([b"a", b"b", b"c"], {1}) == path(1, [b"a", b"b", b"c"])
    for outside in ([], [(1, bytes(32))], [(-1, bytes(32))]):
        with pytest.raises(VerificationError, match="outside"):
            verify_combined(outside, 1, [], bytes(32))
    with pytest.raises(VerificationError, match="32 bytes"):
        verify_combined([(0, bytes(32))], 2, [b"short"], bytes(32))


def receipt(of: IndexedLog, index: int, *, signer: Signer = SIGNER) -> str:
    """The receipt of a fact (C2SP tlog-proof) under the log's checkpoint."""
    proof = "".join(f"{base64(each)}\n" for each in path(index, of.leaves))
    note = signer.note(signer.name, str(len(of.leaves)), base64(tree_hash(of.leaves)))
    return f"c2sp.org/tlog-proof@v1\nextra {base64(of.leaves[index])}\nindex {index}\n{proof}\n{note}"


def test_a_fact_that_is_hidden_from_the_index_is_evidence_of_a_lie() -> None:
    """An answer without it, and its receipt under the same checkpoint: the log has signed both."""
    answer = lying("hidden")
    honest = verify_answer(GOOD["about one who is in a few"].encoded(), SIGNER.vkey)
    assert len(verify_answer(answer.encoded(), SIGNER.vkey).facts) == len(honest.facts) - 1
    liar = IndexedLog(log().facts, INDEXED, SIGNER, lambda first, leaves, true: _hidden(first, true))
    found = contradiction(answer.encoded(), receipt(liar, 260), SIGNER.vkey)
    assert isinstance(found, Contradiction)
    assert (found.index, found.fact, found.forked) == (260, read_leaf(log().facts[260]), False)
    assert "has lied" in str(found)
    assert "hides" in str(found)


def _hidden(first: int, true: object) -> list[bytes]:
    return [each for each in true if first != 256 or each != CAROL + (4).to_bytes(4, "big")]  # type: ignore[attr-defined]


def test_a_lie_is_shown_across_sizes() -> None:
    """A receipt of a later checkpoint is as good: with the proof between the two it is the index that lies."""
    answer, liar = (
        lying("hidden"),
        IndexedLog(log().facts, INDEXED, SIGNER, lambda first, _, true: _hidden(first, true)),
    )
    later = IndexedLog((*liar.leaves, leaf("custody.transfer.v1", transfer_id=BOB)), 10, SIGNER)
    proof = consistency(len(liar.leaves), later.leaves)
    for given, forked in ((proof, False), (None, None), (proof[1:], None)):
        assert contradiction(answer.encoded(), receipt(later, 260), SIGNER.vkey, consistency=given).forked is forked


def test_two_histories_are_evidence_too() -> None:
    """Another fact under the same index, or another root at the same size, shows a fork."""
    content = GOOD["about one who is in a few"].encoded()
    other = list(log().facts)
    other[260] = other[260][:-1] + b"\x01"
    forked = IndexedLog(tuple(other), INDEXED, SIGNER)
    assert contradiction(content, receipt(forked, 260), SIGNER.vkey).forked is True
    other = list(log().facts)
    other[261] = other[261].replace(ALICE, CAROL)
    forked = IndexedLog(tuple(other), INDEXED, SIGNER)
    found = contradiction(content, receipt(forked, 261), SIGNER.vkey)
    assert found.forked is True
    assert "two histories" in str(found)


@pytest.mark.parametrize(
    ("index", "says"),
    [(260, "nothing contradicts it"), (261, "not about the key"), (INDEXED + 10, "the answer is for")],
)
def test_what_contradicts_nothing_is_said(index: int, says: str) -> None:
    """A receipt of a fact that the answer has, that is about somebody else, or beyond it, is no evidence."""
    assert INDEXED + 10 == FACTS
    made = IndexedLog((*log().facts, log().facts[260]), INDEXED, SIGNER)
    content = made.parts(CAROL).encoded()
    with pytest.raises(NoContradiction, match=says):
        contradiction(content, receipt(made, index), SIGNER.vkey)
    with pytest.raises(VerificationError, match="not signed by"):
        contradiction(content, receipt(made, index, signer=Signer("other", b"\x01" * 32)), SIGNER.vkey)
    with pytest.raises(AnswerRefused):
        contradiction(replace(made.parts(CAROL), rest=b"x").encoded(), receipt(made, index), SIGNER.vkey)


NEW = Signer(seed=b"n" * 32)


def _noted(of: IndexedLog, *signers: Signer) -> str:
    """A log's checkpoint with a line of each."""
    text = of.note.decode().partition("\n\n")[0] + "\n"
    return f"{text}\n{''.join(signer.line(text) for signer in signers)}"


def _turned() -> tuple[IndexedLog, IndexedLog, KeySuccession]:
    """A log that hides a fact, before its key has changed and after, and its keys."""
    before = IndexedLog(log().facts, INDEXED, SIGNER, lambda first, leaves, true: _hidden(first, true))
    size = len(before.leaves)
    announced = leaf(KEY_KIND, size=size, vkey=NEW.vkey, previous=SIGNER.vkey, until_ns=1, time_ns=1)
    ended = leaf(KEY_ENDED_KIND, size=size + 1, vkey=SIGNER.vkey, time_ns=1)
    after = replace(before, facts=(*before.leaves, announced, ended))
    return before, after, KeySuccession((LogKey(SIGNER.vkey, 0, size + 1), LogKey(NEW.vkey, size + 1)))


def test_a_lie_is_shown_across_a_change_of_the_key() -> None:
    """The receipt by the old key, the answer by the new one: each is held to the key of its size."""
    before, after, keys = _turned()
    answer = replace(after.parts(CAROL), note=_noted(after, NEW).encode()).encoded()
    told = receipt(before, 260)
    found = contradiction(answer, told, keys, consistency=consistency(len(before.leaves), after.leaves))
    assert (found.index, found.forked) == (260, False)
    for alone in (SIGNER, NEW):
        with pytest.raises(VerificationError, match="not signed by"):
            contradiction(answer, told, alone.vkey)


def test_what_a_key_signs_beyond_its_end_is_refused_by_who_knows_the_end() -> None:
    """An answer, a receipt, a policy that names the key still: with the keys refused, with the vkey alone not."""
    _, after, keys = _turned()
    answer, told = after.parts(CAROL).encoded(), receipt(after, 260)
    policy = Policy.parse(f"log {SIGNER.vkey}\nquorum none\n".encode())
    verify_answer(answer, SIGNER.vkey, policy=policy)
    verify_receipt(told, SIGNER.vkey)
    policy.verify(after.note.decode())
    with pytest.raises(AnswerRefused, match=r"has ended at .*CHECKPOINT_REFUSED"):
        verify_answer(answer, keys, policy=policy)
    for check in (lambda: verify_receipt(told, keys), lambda: policy.verify(after.note.decode(), keys)):
        with pytest.raises(VerificationError, match="has ended at"):
            check()


def test_keys_are_kept_and_read_again() -> None:
    """As they are; what is something else is named."""
    _, _, keys = _turned()
    assert KeySuccession.restored(keys.saved()) == keys
    other = KeySuccession.of(Signer("log.example/b").vkey)
    for damaged in ("", "[]", "{}", "[[1]]", f'[["{NEW.vkey}", "x", null]]', '[["x", 0, null]]', "[" * 100_000):
        with pytest.raises(VerificationError):
            KeySuccession.restored(damaged)
    with pytest.raises(VerificationError, match="or of several"):
        KeySuccession.restored(f"{keys.saved()[:-2]},{other.saved()[1:]}")
