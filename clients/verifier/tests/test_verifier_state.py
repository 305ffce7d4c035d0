"""What a log says that it knew: the last leaf under a checkpoint, and every one before."""

from __future__ import annotations

from hashlib import sha256

import pytest
from ringfence_verifier import Checkpoint, SourceHead, VerificationError, read_leaf, read_state, verify_log

from .notes import leaf, tree_hash
from .test_verifier_log import Log

ROOT = bytes(range(32))


def record(name: str, epoch: int = 1, position: int = 4, digest: bytes = ROOT) -> bytes:
    """Writes what a state says of one source, by docs/formats.md."""
    numbers = epoch.to_bytes(8, "big") + position.to_bytes(8, "big")
    return bytes([len(name)]) + name.encode() + numbers + digest


def state(**changes: object) -> bytes:
    """Writes a state leaf with some fields changed; None leaves one out."""
    fields: dict[str, object] = {
        "size": 7,
        "sources": record("custody") + record("identity", 2, 9),
        "index_size": 0,
        "index_root": ROOT,
        "books_size": 7,
        "books_root": ROOT,
        "time_ns": 1,
    }
    kept = {name: value for name, value in (fields | changes).items() if value is not None}
    return leaf("audit.state.v1", **kept)  # type: ignore[arg-type]


def test_a_state_is_read_as_it_was_written() -> None:
    """Heads in order, sizes and roots; a policy only where there is one."""
    read = read_state(read_leaf(state()))
    assert read.source_heads == (SourceHead("custody", 1, 4, ROOT), SourceHead("identity", 2, 9, ROOT))
    assert (read.size, read.index_size, read.books_size, read.policy_sha256, read.time_ns) == (7, 0, 7, b"", 1)
    assert read_state(read_leaf(state(policy_sha256=ROOT))).policy_sha256 == ROOT


@pytest.mark.parametrize(
    "changes",
    [
        {"sources": record("custody")[:-1]},
        {"sources": record("custody") + b"\x07cust"},
        {"sources": b"\x00" + record("custody")[8:]},
        {"sources": record("identity") + record("custody")},
        {"sources": record("custody") * 2},
        {"sources": record("custody").replace(b"custody", b"cust\xc3\xb6")},
        {"sources": None},
        {"index_size": 8},
        {"books_size": -1},
        {"index_root": ROOT[1:]},
        {"books_root": b""},
        {"policy_sha256": ROOT + b"\x00"},
        {"size": None},
        {"time_ns": b"now"},
    ],
)
def test_a_malformed_state_is_refused(changes: dict[str, object]) -> None:
    """Cut short, out of order, twice the same source, of more leaves than there are: none is a state."""
    with pytest.raises(VerificationError):
        read_state(read_leaf(state(**changes)))


def test_another_kind_is_no_state() -> None:
    """A leaf of another kind says nothing of the log, whatever its fields."""
    with pytest.raises(VerificationError, match="does not state"):
        read_state(read_leaf(leaf("audit.read.v1", size=7)))


def test_every_state_of_a_log_is_checked_and_the_last_leaf_is_one() -> None:
    """What the log says in between is compared too; a checkpoint without lines is over a state."""
    log = Log()

    def stated(position: int | None = None) -> bytes:
        head = record("custody", log.epoch, log.position if position is None else position, log.hash)
        nothing = {"books_size": 0, "books_root": bytes(32), "index_root": sha256(b"").digest()}
        return state(size=len(log.leaves), sources=head, **nothing)

    def checkpoint(leaves: list[bytes]) -> Checkpoint:
        return Checkpoint("log.example", len(leaves), tree_hash(leaves), ())

    log.page(1, 3)
    log.leaves.append(stated())
    log.page(2)
    log.leaves.append(stated())
    assert verify_log(log.leaves, checkpoint(log.leaves)).source_heads == (SourceHead("custody", 1, 3, log.hash),)
    with pytest.raises(VerificationError, match="not over a leaf that states"):
        verify_log(log.leaves[:-1], checkpoint(log.leaves[:-1]))
    lied = log.leaves.copy()
    lied[5] = state(size=5, sources=record("custody", 1, 1, ROOT), books_size=0)
    with pytest.raises(VerificationError, match="leaf 5: the source heads that it states"):
        verify_log(lied, checkpoint(lied))
