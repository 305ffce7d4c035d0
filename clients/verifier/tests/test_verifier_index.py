"""The index computed again: what leaves are found by, runs of all levels, and a log that states another index."""

from __future__ import annotations

import json
from hashlib import sha256
from random import Random
from typing import Any

import pytest
from ringfence_verifier import Checkpoint, Fact, IndexHash, LogAudit, VerificationError, leaf_keys, read_leaf
from ringfence_verifier import index as module
from ringfence_verifier.index import FILES, amount_key, file_key, kind_key

from .answers import cover, keys_of, record
from .notes import leaf, tree_hash
from .test_verifier_log import Log
from .test_verifier_state import record as source_record
from .test_verifier_state import state

SMALL = (4, 16, 64, 256)
ONE, OTHER = b"\x01" * 16, b"\x02" * 16


def facts(count: int, seed: int = 1) -> list[Fact]:
    """Facts about a few, of whom some are in many."""
    chance = Random(seed)
    ids = [chance.randbytes(16) for _ in range(8)]
    return [
        Fact("x", {f"{number}_id": chance.choice(ids) for number in range(chance.randrange(4))}) for _ in range(count)
    ]


def root(read: list[Fact], size: int, spans: tuple[int, ...] = module.SPANS) -> bytes:
    """`index_root` by its definition."""
    records = []
    for first, leaves in cover(size, spans):
        keys = [sorted(keys_of(fact)) for fact in read[first : first + leaves]]
        postings = sorted(key + offset.to_bytes(4, "big") for offset, found in enumerate(keys) for key in found)
        records.append(record(first, leaves, postings))
    return sha256(b"".join(records)).digest()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ranges of 4 to 256 leaves, so that all levels are reached; they are merged a few postings at a time."""
    monkeypatch.setattr(module, "SPANS", SMALL)
    monkeypatch.setattr(module, "_WINDOW", 3)


def test_leaves_are_found_by_the_ids_that_they_name() -> None:
    """Not by their platform, nor by whose an account is, nor by what is no id."""
    named = {"a_id": ONE, "user_data_128": OTHER, "tenant_id": b"\x03" * 16, "book_id": b"\x04" * 16}
    others = {"debit_owner_id": b"\x05" * 16, "b_id": b"\x06" * 15, "c_id": "0123456789abcdef", "d": b"\x07" * 16}
    assert leaf_keys(Fact("x", {**named, **others, "z_id": bytes(16)})) == {ONE, OTHER}
    assert leaf_keys(Fact("x", {"owner_id": ONE, "e_id": 7})) == {ONE}


def test_amounts_and_files_are_found() -> None:
    """By currency and minor units, both above zero, and by the first half of a file's hash."""
    euro: dict[str, Any] = {"amount_minor": 5, "ledger": 978}
    assert leaf_keys(Fact("x", euro)) == {amount_key(978, 5)} == {b"amt1" + bytes([0, 0, 3, 210, *bytes(7), 5])}
    for other in ({"amount_minor": 0}, {"amount_minor": -5}, {"ledger": 2**32}, {"ledger": b"978"}):
        assert leaf_keys(Fact("x", {**euro, **other})) == set()
    for name in FILES:
        assert leaf_keys(Fact("x", {name: ONE + OTHER})) == {file_key(ONE + OTHER)} == {ONE}
    assert leaf_keys(Fact("x", {"digest": ONE + OTHER + ONE, "policy_sha256": ONE + OTHER})) == set()


def test_some_kinds_are_found_by_their_platform() -> None:
    """By the id of kind and platform, whichever field names it; by that of all platforms where none does."""
    kind = "custody.break_detected.v1"
    by_definition = sha256(
        (9).to_bytes(8, "big")
        + b"leaf-kind"
        + (16).to_bytes(8, "big")
        + ONE
        + len(kind).to_bytes(8, "big")
        + kind.encode()
    ).digest()[:16]
    assert leaf_keys(Fact(kind, {"tenant_id": ONE})) == leaf_keys(Fact(kind, {"book_id": ONE})) == {by_definition}
    assert leaf_keys(Fact(kind, {})) == {kind_key(kind, bytes(16))}
    assert leaf_keys(Fact("custody.transfer.v1", {"tenant_id": ONE})) == set()


@pytest.mark.usefixtures("small")
def test_every_size_has_the_root_of_its_definition() -> None:
    """For sizes that end within, at and after ranges of every level, and for those that lag behind."""
    read, index = facts(530), IndexHash()
    for size, fact in enumerate(read, 1):
        index.add(fact)
        for lag in (0, 1, 3, 9):
            assert index.root(max(size - lag, 0)) == root(read, max(size - lag, 0), SMALL)


def test_ranges_as_large_as_they_are() -> None:
    """The same for a few sizes around 4,096 and 65,536 leaves."""
    read, index = facts(65_800, seed=2), IndexHash()
    for fact in read[:4_200]:
        index.add(fact)
    for size in (0, 1, 255, 256, 4_095, 4_096, 4_200):
        assert index.root(size) == root(read, size)
    for fact in read[4_200:]:
        index.add(fact)
    assert index.root(65_800) == root(read, 65_800)


@pytest.mark.usefixtures("small")
def test_what_was_read_of_an_index_is_gone_on_from() -> None:
    """Saved at any size and restored, it comes to the same; what does not belong together is refused."""
    read = facts(300)
    for size in (0, 1, 17, 130, 256, 290):
        index = IndexHash()
        for fact in read[:size]:
            index.add(fact)
        again = IndexHash.restored(size, json.loads(json.dumps(index.saved())))
        for fact in read[size:]:
            again.add(fact)
        assert again.root(300) == root(read, 300, SMALL)
        for name, texts in index.saved().items():
            for wrong in ([*texts, "eJwDAAAAAAE="], texts[:-1], ["?"], 7, [b"x"]):
                if wrong != texts:
                    with pytest.raises(VerificationError, match="runs of the index"):
                        IndexHash.restored(size, index.saved() | {name: wrong})  # type: ignore[dict-item]


@pytest.mark.usefixtures("small")
def test_an_index_that_lags_too_far_behind_within_a_range_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end of a range it may lag however far; within one, as far as postings are held."""
    monkeypatch.setattr(module, "RECENT_RANGES", 2)
    read, index = facts(80), IndexHash()
    for fact in read:
        index.add(fact)
    assert index.root(48) == root(read, 48, SMALL)
    assert index.root(74) == root(read, 74, SMALL)
    with pytest.raises(VerificationError, match="lags too far behind"):
        index.root(70)
    with pytest.raises(VerificationError, match="no index over 81 of 80"):
        index.root(81)


def stating(change: str = "") -> list[bytes]:
    """A log that states its index now and then, and at last one that is another in one posting."""
    log, read = Log(), list[Fact]()
    for number in range(3):
        log.page(1, 3)
        log.leaves.append(leaf("audit.read.v1", reader_id=ONE, query_subject_id=OTHER))
        read = [read_leaf(each) for each in log.leaves]
        postings = sorted(key + at.to_bytes(4, "big") for at, fact in enumerate(read) for key in keys_of(fact))
        if number == 2 and change == "hidden":
            postings = postings[1:]
        if number == 2 and change == "added":
            postings.append(b"\xff" * 16 + bytes(4))
        if number == 2 and change == "reordered":
            postings[:2] = reversed(postings[:2])
        size = len(log.leaves)
        log.leaves.append(
            state(
                size=size, sources=source_record("custody", 1, log.position, log.hash), index_size=size, books_size=0,
                books_root=bytes(32),                 index_root=sha256(record(0, size, postings)).digest(),
            )
        )  # fmt: skip
    return log.leaves


@pytest.mark.parametrize("change", ["hidden", "added", "reordered"])
def test_a_log_whose_index_is_another_is_found_by_whoever_reads_it(change: str) -> None:
    """A posting that is hidden, added or in another place is named at the state that vouches for it."""
    honest, lying = stating(), stating(change)
    audit = LogAudit()
    for each in honest:
        audit.add(each)
    audit.finish(Checkpoint("log.example", len(honest), tree_hash(honest), ()))
    audit = LogAudit()
    for each in lying[:-1]:
        audit.add(each)
    saved = audit.saved()
    for reader in (audit, LogAudit.restored(saved)):
        with pytest.raises(VerificationError, match=f"leaf {len(lying) - 1}: the index over .* hidden, added or moved"):
            reader.add(lying[-1])
