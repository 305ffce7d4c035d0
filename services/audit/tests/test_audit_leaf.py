"""Leaves: one canonical encoding for each fact."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence_audit.log.domain.leaf import (
    MAX_LEAF_BYTES,
    LeafTemplate,
    Value,
    commitment,
    decode,
    encode,
    pack,
    unpack,
)

names = st.text("abcdefghijklmnopqrstuvwxyz_0123456789", min_size=1, max_size=20)
values = st.one_of(st.integers(-(2**63), 2**63 - 1), st.binary(max_size=40), st.text(max_size=20))

VECTOR_FIELDS: dict[str, Value | None] = {
    "source": "custody",
    "position": 7,
    "transfer_id": bytes(range(16)),
    "pending_id": None,
}
VECTOR_HEX = (
    "01" + "13" + b"custody.transfer.v1".hex()
    + "08" + b"position".hex() + "01" + "0008" + "0000000000000007"
    + "06" + b"source".hex() + "03" + "0007" + b"custody".hex()
    + "0b" + b"transfer_id".hex() + "02" + "0010" + bytes(range(16)).hex()
)  # fmt: skip


def test_the_published_vector_is_reproduced() -> None:
    """The vector of docs/formats.md is what the encoder writes, absent fields left out."""
    assert encode("custody.transfer.v1", VECTOR_FIELDS).hex() == VECTOR_HEX


@given(names, st.dictionaries(names, values, max_size=8))
def test_every_fact_reads_back(kind: str, fields: dict[str, Value]) -> None:
    """Decoding gives the kind and fields that were encoded."""
    assert decode(encode(kind, fields)) == (kind, fields)


@given(names, st.dictionaries(names, values, min_size=2, max_size=8))
def test_the_order_of_fields_does_not_matter(kind: str, fields: dict[str, Value]) -> None:
    """The same fields in another order are the same bytes."""
    assert encode(kind, dict(reversed(fields.items()))) == encode(kind, fields)


@pytest.mark.parametrize(
    "change",
    [
        lambda leaf: leaf[:-1],
        lambda leaf: b"\x02" + leaf[1:],
        lambda leaf: leaf[:21] + leaf[-36:] + leaf[21:-36],
        lambda leaf: leaf.replace(b"\x01\x00\x08", b"\x09\x00\x08"),
        lambda leaf: b"",
    ],
)
def test_other_bytes_than_the_canonical_ones_are_refused(change) -> None:  # type: ignore[no-untyped-def]
    """A leaf cut short, of another version, out of order or with an unknown type is not read."""
    with pytest.raises(ValueError, match="leaf"):
        decode(change(bytes.fromhex(VECTOR_HEX)))


def test_a_leaf_that_is_too_long_is_refused() -> None:
    """A leaf has to fit an entry bundle: 65,535 bytes at most."""
    longest = MAX_LEAF_BYTES - len(encode("k", {"value": b""}))
    assert len(encode("k", {"value": bytes(longest)})) == MAX_LEAF_BYTES
    with pytest.raises(ValueError, match="exceeds"):
        encode("k", {"value": bytes(longest + 1)})


@given(st.integers(-(2**63), 2**63 - 1), st.binary(min_size=16, max_size=16), st.text(max_size=3))
def test_a_template_writes_the_same_bytes(amount: int, transfer_id: bytes, note: str) -> None:
    """The fast path for many facts of one kind and the general encoder agree, wherever the shared fields sort."""
    shared: dict[str, Value] = {"source": "custody", "a": 1, "z": b"end"}
    template = LeafTemplate("custody.transfer.v1", shared, {"transfer_id": bytes(16), "note": note, "amount": 0})
    fields: dict[str, Value] = {"transfer_id": transfer_id, "note": note, "amount": amount}
    values = {"transfer_id": transfer_id, "note": note.encode(), "amount": amount}
    assert template.encode(values[name] for name in template.names) == encode("custody.transfer.v1", shared | fields)


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_entry_bundles_read_back(leaves: list[bytes]) -> None:
    """Leaves packed as a C2SP entry bundle come out as they went in."""
    assert list(unpack(pack(leaves))) == leaves


def test_a_commitment_depends_on_every_byte_of_the_ciphertext() -> None:
    """The same plaintext under another nonce is another commitment, because the ciphertext differs."""
    assert commitment(b"nonce-1 ciphertext") != commitment(b"nonce-2 ciphertext")
