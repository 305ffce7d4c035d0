"""The state leaf (`audit.state.v1`): the last leaf under every checkpoint says what the log knew when it had that size.

A record of a source in `sources` is length of name (1) ‖ name ‖ epoch (8) ‖ position (8) ‖ chain hash (32), integers
big-endian, records in order of their names. Whoever cosigns a checkpoint so vouches for the heads as well, and whoever
monitors the log reads them as leaves like all others (C2SP tlog-checkpoint advises against lines of a log's own).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ringfence_audit.log.domain.books import NO_HEAD, BooksHead
from ringfence_audit.log.domain.checkpoint import SourceHead
from ringfence_audit.log.domain.leaf import STATE_KIND, decode, encode
from ringfence_audit.log.domain.merkle import EMPTY_ROOT


@dataclass(frozen=True, slots=True)
class IndexHead:
    """How many of the log's first leaves its index is over, and its root; nothing unless said otherwise."""

    size: int = 0
    root: bytes = EMPTY_ROOT


NO_INDEX = IndexHead()
BUNDLE_LEAVES = 256
LARGEST_LAG = 65_536
"""By how many leaves an index may be late that ends within a bundle: whoever reads the log holds no more of them."""


def statable(index: IndexHead, size: int) -> IndexHead:
    """Gives an index as the state of a log of a size may state it; nothing of one that nobody could compute again."""
    is_late = size - index.size > LARGEST_LAG and index.size % BUNDLE_LEAVES
    return NO_INDEX if is_late or index.size > size else index


def state_leaf(
    size: int,
    heads: Mapping[str, SourceHead],
    time_ns: int,
    policy_sha256: bytes = b"",
    index: IndexHead = NO_INDEX,
    books: BooksHead = NO_HEAD,
) -> bytes:
    """Encodes what the log knows at a size, which is the leaf's own index; the policy is empty where there is none.

    Raises ValueError where the index is ahead of the log.
    """
    if index.size > size:
        raise ValueError(f"an index of {index.size} leaves in a log of {size}")
    return encode(
        STATE_KIND,
        {
            "size": size,
            "sources": b"".join(_record(heads[name]) for name in sorted(heads)),
            "index_size": index.size,
            "index_root": index.root,
            "books_size": books.size,
            "books_root": books.root,
            "policy_sha256": policy_sha256 or None,
            "time_ns": time_ns,
        },
    )


def stated_heads(leaf: bytes) -> tuple[SourceHead, ...]:
    """Reads the source heads back from a state leaf of this log; raises ValueError where it is none."""
    kind, fields = decode(leaf)
    records = fields.get("sources")
    if kind != STATE_KIND or not isinstance(records, bytes):
        raise ValueError(f"{kind} is no state of the log")
    return tuple(_heads(records))


def stated_index(leaf: bytes) -> IndexHead:
    """Reads what is said of the index back from a state leaf of this log; raises ValueError where it is none.

    Of an empty leaf, as under a checkpoint without one, that is nothing.
    """
    if not leaf:
        return NO_INDEX
    kind, fields = decode(leaf)
    size, root = fields.get("index_size"), fields.get("index_root")
    if kind != STATE_KIND or not isinstance(size, int) or not isinstance(root, bytes):
        raise ValueError(f"{kind} is no state of the log")
    return IndexHead(size, root)


def stated_books(leaf: bytes) -> int:
    """Reads up to which leaf closings of books are answered, by a state leaf; 0 of an empty leaf, and without books."""
    size = decode(leaf)[1].get("books_size") if leaf else None
    return size if isinstance(size, int) else 0


def stated_policy(leaf: bytes) -> bytes:
    """Reads the hash of the policy back from a state leaf of this log; empty where there was none."""
    policy = decode(leaf)[1].get("policy_sha256", b"")
    return policy if isinstance(policy, bytes) else b""


def _record(head: SourceHead) -> bytes:
    name = head.source.encode()
    return bytes([len(name)]) + name + head.epoch.to_bytes(8, "big") + head.position.to_bytes(8, "big") + head.hash


def _heads(records: bytes) -> Iterable[SourceHead]:
    at = 0
    while at < len(records):
        end = at + 1 + records[at]
        epoch, position = (int.from_bytes(records[each : each + 8], "big") for each in (end, end + 8))
        yield SourceHead(records[at + 1 : end].decode(), epoch, position, records[end + 16 : end + 48])
        at = end + 48
