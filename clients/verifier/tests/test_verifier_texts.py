"""Texts beside a leaf: believed where they hash to what it commits to, refused in every other case."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence_verifier import Fact, Opening, VerificationError, open_fact, read_openings, write_openings

SALT = bytes(range(16))


def committed(salt: bytes, content: bytes) -> bytes:
    """Commits as docs/formats.md says."""
    return sha256(b"ringfence/text/v1\x00" + salt + content).digest()


FACT = Fact(
    "k", {"amount": 1, "note_commitment": committed(SALT, b"well"), "digest_commitment": committed(SALT, b"\xff")}
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
)


def test_a_text_takes_the_place_of_its_commitment() -> None:
    """What is opened is shown, and what is not stays committed to."""
    fields = open_fact(FACT, [Opening("note", SALT, "well")]).fields
    assert fields == {"amount": 1, "note": "well", "digest_commitment": FACT.fields["digest_commitment"]}
    assert open_fact(FACT, [Opening("digest", SALT, b"\xff")]).fields["digest"] == b"\xff"
    assert open_fact(FACT, []) == FACT


@pytest.mark.parametrize(
    "lie",
    [
        [Opening("note", SALT, "ill")],
        [Opening("note", bytes(16), "well")],
        [Opening("note", SALT + b"w", "ell")],
        [Opening("note", SALT[:-1], "\x0fwell")],
        [Opening("digest", SALT, "well")],
        [Opening("amount", SALT, "well")],
        [Opening("remark", SALT, "well")],
        [Opening("note", SALT, "well"), Opening("note", SALT, "well")],
    ],
)
def test_a_text_that_the_leaf_does_not_commit_to_is_refused(lie: list[Opening]) -> None:
    """Another text, salt or field, a border between both that is moved, or the same text twice."""
    with pytest.raises(VerificationError):
        open_fact(FACT, lie)


def test_what_a_leaf_says_itself_is_replaced_by_no_text() -> None:
    """A field that stands in the leaf stays what the leaf says, even where it commits to another of that name."""
    fact = Fact("k", {**FACT.fields, "note": "ill"})
    with pytest.raises(VerificationError):
        open_fact(fact, [Opening("note", SALT, "well")])


def test_a_sealed_commitment_opens_by_no_text() -> None:
    """The ciphertext that another kind of commitment is of is no text under an empty salt."""
    sealed = sha256(b"ringfence/commitment/v1\x00" + b"ciphertext").digest()
    with pytest.raises(VerificationError):
        open_fact(Fact("k", {"name_commitment": sealed}), [Opening("name", b"", "ciphertext")])


@given(
    st.lists(
        st.builds(Opening, st.text(max_size=5), st.binary(max_size=20), st.text(max_size=9) | st.binary(max_size=9))
    )
)
def test_openings_are_read_as_they_were_written(openings: list[Opening]) -> None:
    """A file of texts gives back what was put into it."""
    try:
        content = write_openings(openings)
        content.encode()
    except UnicodeEncodeError:
        return
    assert read_openings(content) == openings


@given(JSON)
def test_hostile_texts_are_refused_with_the_verifiers_own_error(content: object) -> None:
    """Whatever the file holds, reading it gives openings or a VerificationError."""
    for text in (
        json.dumps(content),
        json.dumps([content]),
        json.dumps([{"field": "f", "salt": content, "text": "x"}]),
        "[",
    ):
        try:
            read_openings(text)
        except VerificationError:
            continue
    with pytest.raises(VerificationError):
        read_openings("[" * 100_000)
