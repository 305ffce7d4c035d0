"""How a log's keys follow one another: by receipts of its own leaves, each under what the key before has signed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ringfence_verifier import KeySuccession, LogKey, VerificationError, verify_key_succession
from ringfence_verifier.key_succession import KEY_ENDED_KIND, KEY_KIND

from .notes import ORIGIN, Signer, base64, leaf, path, tree_hash

FIRST, SECOND, THIRD = (Signer(seed=bytes([number]) * 32) for number in range(3))
NOW = 1_800_000_000_000_000_000


def announced(size: int, key: Signer, previous: Signer) -> bytes:
    """A leaf that announces a key."""
    return leaf(KEY_KIND, size=size, vkey=key.vkey, previous=previous.vkey, until_ns=NOW, time_ns=NOW)


def ended(size: int, key: Signer) -> bytes:
    """A leaf that ends one."""
    return leaf(KEY_ENDED_KIND, size=size, vkey=key.vkey, time_ns=NOW)


LEAVES = [
    *(leaf("x.y.v1", n=number) for number in range(4)),
    announced(4, SECOND, FIRST),
    leaf("x.y.v1", n=5),
    ended(6, FIRST),
    leaf("x.y.v1", n=7),
    announced(8, THIRD, SECOND),
    leaf("x.y.v1", n=9),
    ended(10, SECOND),
    leaf("x.y.v1", n=11),
]
BY = {4: (FIRST,), 6: (FIRST, SECOND), 8: (SECOND,), 10: (SECOND, THIRD), 12: (THIRD,)}
"""Who signs a checkpoint of a size."""


def note(size: int, by: Sequence[Signer], leaves: Sequence[bytes] = LEAVES) -> str:
    """A checkpoint with a line of each."""
    text = f"{ORIGIN}\n{size}\n{base64(tree_hash(leaves[:size]))}\n"
    return f"{text}\n{''.join(signer.line(text) for signer in by)}"


def receipt(index: int, size: int, by: Sequence[Signer] | None = None, leaves: Sequence[bytes] = LEAVES) -> str:
    """A receipt of a leaf under a checkpoint."""
    proof = "".join(f"{base64(each)}\n" for each in path(index, leaves[:size]))
    head = f"c2sp.org/tlog-proof@v1\nextra {base64(leaves[index])}\nindex {index}\n{proof}\n"
    return head + note(size, by or BY[size], leaves)


RECEIPTS = [receipt(4, 6), receipt(6, 10), receipt(8, 10), receipt(10, 12)]
ALL = (LogKey(FIRST.vkey, 0, 6), LogKey(SECOND.vkey, 5, 10), LogKey(THIRD.vkey, 9))


def test_from_any_key_on_the_others_are_found() -> None:
    """Whatever is before the one that is known is passed over; once more finds nothing new."""
    keys, relied = verify_key_succession(RECEIPTS, FIRST.vkey)
    assert (keys.keys, relied) == (ALL, (note(6, BY[6]), note(10, BY[10]), note(10, BY[10]), note(12, BY[12])))
    assert verify_key_succession(RECEIPTS, keys) == (keys, ())
    second, _ = verify_key_succession(RECEIPTS, SECOND.vkey)
    assert second.keys == (LogKey(SECOND.vkey, 0, 10), ALL[2])
    assert verify_key_succession(RECEIPTS, THIRD.vkey)[0].keys == (LogKey(THIRD.vkey),)
    some, _ = verify_key_succession(RECEIPTS[:1], FIRST.vkey)
    assert verify_key_succession(RECEIPTS, some)[0] == keys


@pytest.mark.parametrize("size", BY)
def test_every_checkpoint_needs_the_keys_of_its_size_and_no_other(size: int) -> None:
    """One of them missing, or one that is not of this size alone: refused; lines of others are passed over."""
    keys = KeySuccession(ALL)
    assert keys.verify_checkpoint(note(size, BY[size])).size == size
    for missing in BY[size]:
        with pytest.raises(VerificationError):
            keys.verify_checkpoint(note(size, [each for each in BY[size] if each is not missing] or [Signer("x")]))
    for alone in (FIRST, SECOND, THIRD):
        if (alone,) != BY[size]:
            with pytest.raises(VerificationError):
                keys.verify_checkpoint(note(size, [alone]))
    assert keys.verify_checkpoint(note(size, [Signer("somebody.else"), *BY[size]])).size == size


def test_what_is_wrong_is_named() -> None:
    """A key beyond its end, before its beginning, or without the one announced; a wrong line of one it needs."""
    keys = KeySuccession(ALL)
    for by, size, said in (
        ([FIRST], 8, r"which has ended at 6: somebody else may have that key"),
        ([SECOND], 12, r"which has ended at 10: somebody else"),
        ([FIRST], 6, r"is not signed by .*, which was announced before"),
        ([SECOND], 4, r"has signed 4 leaves before it was announced"),
        ([Signer(seed=b"x" * 32)], 12, r"the note is not signed by"),
    ):
        with pytest.raises(VerificationError, match=said):
            keys.verify_checkpoint(note(size, by))
    other = f"{ORIGIN}\n6\n{base64(bytes(32))}\n"
    with pytest.raises(VerificationError, match="signature by"):
        keys.verify_checkpoint(note(6, [SECOND]) + FIRST.line(other))


def changed(index: int, new: bytes) -> list[bytes]:
    """The log with another leaf."""
    return [*LEAVES[:index], new, *LEAVES[index + 1 :]]


@pytest.mark.parametrize(
    ("new", "said"),
    [
        pytest.param(announced(3, SECOND, FIRST), "of another place", id="another index"),
        pytest.param(announced(4, FIRST, FIRST), "one of this log before", id="the same key"),
        pytest.param(announced(4, Signer("log.example/b"), FIRST), "of another log", id="another log's"),
        pytest.param(leaf(KEY_KIND, size=4, vkey="nonsense", previous=FIRST.vkey), "key", id="no key"),
        pytest.param(leaf(KEY_KIND, size=4, previous=FIRST.vkey), "vkey", id="without a key"),
        pytest.param(leaf("audit.state.v1", size=4), "says nothing of the log's keys", id="another kind"),
    ],
)
def test_an_announcement_that_does_not_follow_is_refused(new: bytes, said: str) -> None:
    """However well it is signed."""
    with pytest.raises(VerificationError, match=said):
        verify_key_succession([receipt(4, 6, leaves=changed(4, new))], FIRST.vkey)


def test_who_has_to_sign_a_step_signs_it() -> None:
    """An announcement not by the key before, an end not by the next, a third while two sign: none."""
    for receipts, said in (
        ([receipt(4, 6, [SECOND])], "not signed by"),
        ([receipt(4, 6, [FIRST])], "announced before"),
        ([RECEIPTS[0], receipt(6, 8, [FIRST])], "not signed by"),
        ([RECEIPTS[0], RECEIPTS[2]], "while two sign"),
    ):
        with pytest.raises(VerificationError, match=said):
            verify_key_succession(receipts, FIRST.vkey)
    early = changed(6, ended(6, SECOND))
    with pytest.raises(VerificationError, match="not the one before the newest"):
        verify_key_succession([RECEIPTS[0], receipt(6, 8, leaves=early)], FIRST.vkey)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(RECEIPTS) - 1), st.data())
def test_a_changed_character_leads_to_no_other_key(which: int, data: st.DataObject) -> None:
    """It is refused, or says no more than what is so."""
    text = RECEIPTS[which]
    at = data.draw(st.integers(0, len(text) - 1))
    new = data.draw(st.sampled_from("AZaz09+/=-\n \u2014"))
    receipts = [*RECEIPTS[:which], text[:at] + new + text[at + 1 :], *RECEIPTS[which + 1 :]]
    try:
        keys, _ = verify_key_succession(receipts, FIRST.vkey)
    except VerificationError:
        return
    assert all(known in ALL or known.last is None for known in keys.keys)
    assert [each.vkey for each in keys.keys] == [each.vkey for each in ALL[: len(keys.keys)]]
