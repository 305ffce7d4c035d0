"""The published vectors of leaves, checkpoints and receipts, against the service and the verifier."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ringfence_audit.log.domain.checkpoint import NoteKey
from ringfence_audit.log.domain.keys import key_ended_leaf, key_leaf
from ringfence_audit.log.domain.leaf import Value, commitment, encode
from ringfence_audit.log.domain.merkle import leaf_hash
from ringfence_verifier import (
    VerifierKey,
    read_leaf,
    verify_checkpoint,
    verify_key_succession,
    verify_log,
    verify_receipt,
    verify_state,
)

DOCS = Path(__file__).resolve().parents[3] / "docs"


def vectors(kind: str) -> list[dict[str, Any]]:
    """Gives the published vectors of a kind."""
    text = "".join(file.read_text(encoding="utf-8") for file in sorted(DOCS.glob("formats*.md")))
    blocks = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    return [vector for block in blocks for vector in json.loads(block) if vector["kind"] == kind]


def fields_of(vector: dict[str, Any]) -> dict[str, Value]:
    """Gives the fields of a leaf vector; bytes stand as {"hex": …}."""
    return {
        name: bytes.fromhex(value["hex"]) if isinstance(value, dict) else value
        for name, value in vector["fields"].items()
    }


def test_leaves_agree_with_the_vectors() -> None:
    """The service encodes, and the verifier reads, exactly the published bytes."""
    assert len(vectors("leaf")) == 3
    for vector in vectors("leaf"):
        leaf = bytes.fromhex(vector["leaf"])
        assert encode(vector["leaf_kind"], fields_of(vector)) == leaf
        assert leaf_hash(leaf).hex() == vector["hash"]
        fact = read_leaf(leaf)
        assert (fact.kind, fact.fields) == (vector["leaf_kind"], fields_of(vector))


def test_commitments_and_keys_agree_with_the_vectors() -> None:
    """Commitment and vkey are computed as published."""
    [committed], [key] = vectors("commitment"), vectors("log_key")
    assert commitment(bytes.fromhex(committed["ciphertext"])).hex() == committed["commitment"]
    for made in (NoteKey(key["origin"], bytes.fromhex(key["public_key"])),
                 VerifierKey.of(key["origin"], bytes.fromhex(key["public_key"]))):  # fmt: skip
        assert made.text() == key["vkey"]


def test_the_published_log_verifies_whole() -> None:
    """The published leaves are the log that the published checkpoints and receipts speak of, in both formats."""
    [noted], [received] = vectors("checkpoint"), vectors("receipt")
    checkpoint = verify_checkpoint(noted["note"], noted["vkey"])
    assert (checkpoint.size, checkpoint.root.hex()) == (noted["size"], noted["root"])
    leaves = [bytes.fromhex(vector["leaf"]) for vector in vectors("leaf")]
    assert verify_log(leaves[:2], checkpoint).source_heads == checkpoint.source_heads
    [over_state], [of_state] = vectors("checkpoint_over_state"), vectors("state_receipt")
    newer, state = verify_state(of_state["receipt"], of_state["vkey"])
    assert newer == verify_checkpoint(over_state["note"], over_state["vkey"])
    assert (newer.size, newer.root.hex()) == (over_state["size"], over_state["root"])
    assert verify_log(leaves, newer).source_heads == state.source_heads == checkpoint.source_heads
    verified = verify_receipt(received["receipt"], received["vkey"])
    assert (verified.index, verified.leaf.hex()) == (received["index"], received["leaf"])


def test_the_published_keys_follow_one_another() -> None:
    """The service writes both leaves as published, and whoever knows the first key is led to the second."""
    for vector in vectors("key_leaf"):
        assert encode(vector["leaf_kind"], fields_of(vector)).hex() == vector["leaf"]
        assert leaf_hash(bytes.fromhex(vector["leaf"])).hex() == vector["hash"]
    fields = [fields_of(vector) for vector in vectors("key_leaf")]
    announced = {name: fields[0][name] for name in ("size", "vkey", "previous", "until_ns", "time_ns")}
    assert key_leaf(**announced).hex() == vectors("key_leaf")[0]["leaf"]  # type: ignore[arg-type]
    assert key_ended_leaf(**fields[1]).hex() == vectors("key_leaf")[1]["leaf"]  # type: ignore[arg-type]
    [succession] = vectors("key_succession")
    keys, relied = verify_key_succession(succession["receipts"], succession["vkey"])
    assert [[key.vkey, key.first, key.last] for key in keys.keys] == succession["keys"]
    assert [keys.verify_checkpoint(note).size for note in relied] == [5, 7]


KINDS = ("leaf", "commitment", "log_key", "checkpoint", "receipt", "checkpoint_over_state", "state_receipt")
KINDS += ("key_leaf", "key_succession")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_vector_is_published(kind: str) -> None:
    """None of the tests above runs over an empty list."""
    assert vectors(kind)
