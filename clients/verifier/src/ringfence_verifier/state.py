"""The state leaf (`audit.state.v1`, docs/formats.md): what a log says that it knew, under every checkpoint it signs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ringfence_verifier.errors import VerificationError
from ringfence_verifier.leaf import Fact, read_leaf
from ringfence_verifier.note import Checkpoint, SourceHead
from ringfence_verifier.receipt import verify_receipt

STATE_KIND = "audit.state.v1"
_HASH_BYTES = 32
_AFTER_NAME = 8 + 8 + _HASH_BYTES


@dataclass(frozen=True)
class LogState:
    """What the log knew when it had `size` leaves, without the one that says so; `time_ns` in UTC.

    `index_root` and `books_root` are over the first `index_size` and `books_size` leaves. `policy_sha256` is of the
    witness policy by which checkpoints are published, empty where there is none.
    """

    size: int
    source_heads: tuple[SourceHead, ...]
    index_size: int
    index_root: bytes
    books_size: int
    books_root: bytes
    policy_sha256: bytes
    time_ns: int


@dataclass(frozen=True)
class StatedPolicy:
    """By which witness policy a log publishes, from the leaf `first` that says so on; no `sha256` is by none."""

    first: int
    sha256: bytes

    def __str__(self) -> str:
        return f"policy {self.sha256.hex()}" if self.sha256 else "no policy of witnesses"


def verify_state(receipt: str, vkey: str, *, origin: str | None = None) -> tuple[Checkpoint, LogState]:
    """Checks the receipt of a state leaf offline: it is the last leaf under its checkpoint, and says so.

    Raises VerificationError.
    """
    proven = verify_receipt(receipt, vkey, origin=origin)
    state = read_state(read_leaf(proven.leaf))
    if not proven.index == state.size == proven.checkpoint.size - 1:
        raise VerificationError("the log's state is not of the checkpoint")
    return proven.checkpoint, state


def read_state(fact: Fact) -> LogState:
    """Reads what a state leaf says; raises VerificationError where it is none, or malformed."""
    if fact.kind != STATE_KIND:
        raise VerificationError(f"a {fact.kind} leaf does not state what the log knows")
    state = LogState(
        size=fact.integer("size"),
        source_heads=tuple(_heads(fact.content("sources"))),
        index_size=fact.integer("index_size"),
        index_root=fact.content("index_root"),
        books_size=fact.integer("books_size"),
        books_root=fact.content("books_root"),
        policy_sha256=fact.content("policy_sha256") if "policy_sha256" in fact.fields else b"",
        time_ns=fact.integer("time_ns"),
    )
    if not 0 <= state.index_size <= state.size or not 0 <= state.books_size <= state.size:
        raise VerificationError("the log's state is of more leaves than there are")
    # What is empty is left out: a state has one encoding.
    policy = (state.policy_sha256,) if "policy_sha256" in fact.fields else ()
    if any(len(each) != _HASH_BYTES for each in (state.index_root, state.books_root, *policy)):
        raise VerificationError("a hash in the log's state does not have 32 bytes")
    names = [head.source for head in state.source_heads]
    if names != sorted(set(names)):
        raise VerificationError("the source heads in the log's state are not in order, each once")
    return state


def _heads(records: bytes) -> Iterator[SourceHead]:
    at = 0
    while at < len(records):
        start, end = at + 1, at + 1 + records[at]
        at = end + _AFTER_NAME
        name = records[start:end]
        if at > len(records) or not name or not name.isascii():
            raise VerificationError("the source heads in the log's state are malformed")
        epoch, position = (int.from_bytes(records[each : each + 8], "big") for each in (end, end + 8))
        yield SourceHead(name.decode("ascii"), epoch, position, records[end + 16 : at])
