"""The published vectors of leaves, checkpoints and receipts, against the service and the verifier."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from ringfence_audit.books.domain.figures import balances_root
from ringfence_audit.index.domain.answer import Answer, Asked
from ringfence_audit.index.domain.extracting import extract
from ringfence_audit.index.domain.keys import keys_of
from ringfence_audit.index.domain.merging import merged, rebased
from ringfence_audit.index.domain.ranges import Range, cover
from ringfence_audit.index.domain.runs import chunks_of, index_root, pages_between, run_of
from ringfence_audit.log.domain.books import Books, books_leaf
from ringfence_audit.log.domain.checkpoint import NoteKey
from ringfence_audit.log.domain.combined import CombinedProofs, combined_root
from ringfence_audit.log.domain.keys import key_ended_leaf, key_leaf
from ringfence_audit.log.domain.leaf import Value, commitment, encode, text_commitment
from ringfence_audit.log.domain.merkle import TileTree, leaf_hash, leaf_hashes
from ringfence_verifier import (
    Fact,
    Opening,
    VerifierKey,
    open_fact,
    read_leaf,
    verify_answer,
    verify_checkpoint,
    verify_combined,
    verify_key_succession,
    verify_log,
    verify_receipt,
    verify_state,
)

from .books.ledgers import folded, read_by_verifier

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
    [said] = vectors("text_commitment")
    assert text_commitment(bytes.fromhex(said["salt"]), said["text"].encode()).hex() == said["commitment"]
    opening = Opening("size", bytes.fromhex(said["salt"]), said["text"])
    fact = Fact("test", {"size_commitment": bytes.fromhex(said["commitment"])})
    assert open_fact(fact, [opening]).fields == {"size": said["text"]}
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


def example(number: int) -> bytes:
    """Gives the leaf that the vectors of the index are made of."""
    ids = {"account_id": bytes([number % 7]), "fact_id": number.to_bytes(8, "big")}
    return encode("example.fact.v1", {name: sha256(seed).digest()[:16] for name, seed in ids.items()})


def test_keys_and_runs_agree_with_the_vectors() -> None:
    """A leaf's keys, a run's postings and its record are computed as published."""
    [keyed], [run] = vectors("index_keys"), vectors("index_run")
    leaf, of = bytes.fromhex(keyed["leaf"]), Range(run["first"], run["leaves"])
    assert [key.hex() for key in keys_of(leaf)] == keyed["keys"]
    [postings] = extract(of.first, [example(number) for number in range(of.first, of.end)]).cut([of.end])
    assert postings.tobytes().hex() == run["postings"]
    assert run_of(of, postings.tobytes()).record().hex() == run["record"]


def test_roots_of_the_index_agree_with_the_vectors() -> None:
    """The index over so many leaves has the published root."""
    for vector in vectors("index_root"):
        leaves = [example(number) for number in range(vector["size"])]
        runs = []
        for of in cover(vector["size"]):
            together = extract(of.first, leaves[of.first : of.end])
            bundles = together.cut([*range(of.first + 256, of.end, 256), of.end])
            moved = [[rebased(each, 256 * number)] for number, each in enumerate(bundles)]
            runs.append(run_of(of, b"".join(block.tobytes() for block in merged(moved))))
        assert index_root(runs).hex() == vector["root"]


def tree_over(leaves: list[bytes]) -> TileTree:
    """Gives the tree over a few leaves, which fit into one tile."""
    return TileTree(lambda names: {name: leaf_hashes(leaves) for name in names if not name[0]})


def test_combined_proofs_agree_with_the_vectors() -> None:
    """The service makes, and the verifier accepts, the published hashes."""
    for vector in vectors("combined_proof"):
        size, indexes = vector["size"], vector["indexes"]
        leaves = [example(number) for number in range(size)]
        hashes = CombinedProofs(tree_over(leaves)).proof(indexes, size)
        proven = [(index, leaf_hash(leaves[index])) for index in indexes]
        assert [each.hex() for each in hashes] == vector["hashes"]
        assert combined_root(proven, size, hashes).hex() == vector["root"]
        verify_combined(proven, size, hashes, bytes.fromhex(vector["root"]))


def test_complete_answers_agree_with_the_vectors() -> None:
    """The verifier finds the published facts, and the service writes the published bytes from them."""
    for vector in vectors("answer"):
        content = b64decode(vector["answer"])
        found = verify_answer(content, vector["vkey"])
        assert ([index for index, _ in found.facts], found.key.hex()) == (vector["indexes"], vector["key"])
        size = found.state.size
        leaves = [example(number) for number in range(size)]
        state_at = content.index(b"audit.state.v1") - 2
        state = content[state_at : state_at + int.from_bytes(content[state_at - 2 : state_at], "big")]
        [postings] = extract(0, leaves[: found.state.index_size]).cut([found.state.index_size])
        run = run_of(Range(0, found.state.index_size), postings.tobytes())
        asked = Asked(found.key, found.from_leaf, found.until_leaf)
        [chunk] = chunks_of([postings])
        pages = pages_between(run, [chunk.head], {0: chunk}, *asked.bounds(run))
        indexes = [*asked.indexes(run, pages), size]
        hashes = CombinedProofs(tree_over([*leaves, state])).proof(indexes, size + 1)
        facts = [leaves[index] for index in indexes[:-1]]
        assert Answer(asked, found.note, state, [(run, pages)], facts, hashes).encoded() == content


def test_books_agree_with_the_vectors() -> None:
    """Service and verifier come to the published totals and roots."""
    for vector in vectors("balances_root"):
        ids = sorted((sha256(each.to_bytes(4, "big")).digest()[:16], each) for each in range(vector["accounts"]))
        sums = (b"".join((times * each).to_bytes(8, "big") for times in (1, 2, 3, 4)) for _, each in ids)
        records = b"".join(key + each for (key, _), each in zip(ids, sums, strict=True))
        assert balances_root(records).hex() == vector["root"]
    for vector in vectors("books"):
        leaves, tenant = [bytes.fromhex(each) for each in vector["leaves"]], bytes.fromhex(vector["tenant_id"])
        stated = {name: each if name == "accounts" else bytes.fromhex(each) for name, each in vector["stated"].items()}
        assert folded(leaves).read(tenant, vector["ledger"]).stated() == stated
        assert read_by_verifier(leaves).stated(tenant, vector["ledger"]) == stated
    for vector in vectors("books_root"):
        books = Books()
        for tenant, ledger, closing, root in vector["closings"]:
            fields = {"tenant_id": bytes.fromhex(tenant), "ledger": ledger, "closing": closing}
            books = books.after(books_leaf({**fields, "balances_root": bytes.fromhex(root)}, 1))
        assert (books.head.size, books.head.root.hex()) == (vector["size"], vector["root"])


KINDS = (
    "balances_root",
    "books",
    "books_root",
    "leaf",
    "commitment",
    "text_commitment",
    "log_key",
    "checkpoint",
    "receipt",
    "checkpoint_over_state",
    "state_receipt",
    "index_keys",
    "index_run",
    "index_root",
    "combined_proof",
    "answer",
    "key_leaf",
    "key_succession",
)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_vector_is_published(kind: str) -> None:
    """None of the tests above runs over an empty list."""
    assert vectors(kind)
