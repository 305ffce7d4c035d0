"""Leaves: one encoding for each fact, and values of the type that is asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence_verifier import VerificationError, read_leaf

from .notes import leaf


@given(st.binary(max_size=80))
def test_hostile_leaves_are_refused_with_the_verifiers_own_error(content: bytes) -> None:
    """Whatever the bytes, reading a leaf gives a fact or a VerificationError."""
    for hostile in (content, b"\x01" + content, b"\x01\x01k" + content):
        try:
            read_leaf(hostile)
        except VerificationError:
            continue


def test_a_leaf_that_no_log_can_hold_is_refused() -> None:
    """A leaf is under 64 KiB, so that its bytes fit an entry bundle; a longer one is no leaf of any log."""
    longest = leaf("k", a=bytes(65_535 - len(leaf("k", a=b""))))
    assert read_leaf(longest).kind == "k"
    with pytest.raises(VerificationError, match="longer"):
        read_leaf(leaf("k", a=bytes(40_000), b=bytes(40_000)))


def test_every_beginning_of_a_leaf_is_refused_but_at_the_end_of_a_field() -> None:
    """A leaf cut off anywhere within its kind or a field is refused."""
    whole = leaf("kind", amount=1, content=b"bytes", text="für")
    ends = {len(leaf("kind")), len(leaf("kind", amount=1)), len(leaf("kind", amount=1, content=b"bytes"))}
    for at in range(len(whole)):
        if at in ends:
            assert read_leaf(whole[:at]).kind == "kind"
        else:
            with pytest.raises(VerificationError):
                read_leaf(whole[:at])


@pytest.mark.parametrize(
    "start", [b"\x01\x00", b"\x01\x01\xff", b"\x01\x01k\x00\x02\x00\x00", b"\x01\x01k\x01\xe9\x02\x00\x00"]
)
def test_kinds_and_names_are_ascii_and_not_empty(start: bytes) -> None:
    """A leaf without a kind, with a field without a name, or with either beyond ASCII is refused."""
    with pytest.raises(VerificationError, match="name"):
        read_leaf(start)


@pytest.mark.parametrize("kind", [0, 4, 255])
def test_values_of_unknown_types_are_refused(kind: int) -> None:
    """There are three types of values, and an integer has eight bytes."""
    with pytest.raises(VerificationError, match="type"):
        read_leaf(b"\x01\x01k\x01a" + bytes([kind]) + b"\x00\x08" + bytes(8))
    with pytest.raises(VerificationError, match="type"):
        read_leaf(b"\x01\x01k\x01a\x01\x00\x07" + bytes(7))


def test_a_field_is_of_the_type_asked_for() -> None:
    """An integer is no text, bytes are no integer, and what is absent is neither."""
    fact = read_leaf(leaf("kind", amount=-1, content=b"bytes", text="für"))
    assert (fact.integer("amount"), fact.content("content"), fact.text("text")) == (-1, b"bytes", "für")
    for ask in (fact.integer, fact.content, fact.text):
        wrong = {"amount", "content", "text", "absent"} - {{"integer": "amount"}.get(ask.__name__, ask.__name__)}
        for name in wrong:
            with pytest.raises(VerificationError, match=name):
                ask(name)
