"""Runs: the sorted postings of a range of leaves in pages, under a tree over those pages.

A posting is key (16) ‖ offset (4, big-endian): the leaf at `first` + offset is found by the key. A page has 25
postings, the last one of a run fewer; its hash is SHA-256(0x00 ‖ page). Pages are kept 64 together, as chunks, each
with the head of the subtree over them: the tree of a run is the tree over its chunks' heads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ringfence_audit.index.domain.ranges import BUNDLE_LEAVES, Range
from ringfence_audit.log.domain.combined import apart
from ringfence_audit.log.domain.merkle import HASH_BYTES, head_in, tree_head

KEY_BYTES, OFFSET_BYTES, POSTING_BYTES = 16, 4, 20
PAGE_POSTINGS = 25
PAGE_BYTES = PAGE_POSTINGS * POSTING_BYTES
CHUNK_PAGES = 64
CHUNK_POSTINGS = CHUNK_PAGES * PAGE_POSTINGS
CHUNK_BYTES = CHUNK_PAGES * PAGE_BYTES

Postings: TypeAlias = npt.NDArray[np.bytes_]
"""Postings as strings of 20 bytes, which numpy orders like bytes; the last ones may be zeroes."""
POSTING = np.dtype(f"S{POSTING_BYTES}")
FIELDS = np.dtype([("key", f"S{KEY_BYTES}"), ("offset", f">u{OFFSET_BYTES}")])


@dataclass(frozen=True, slots=True)
class Run:
    """What the index says of a range: how many postings there are, and the head of the tree over their pages."""

    first: int
    leaves: int
    postings: int
    root: bytes

    @property
    def range(self) -> Range:
        """The leaves that it is about."""
        return Range(self.first, self.leaves)

    @property
    def pages(self) -> int:
        """How many pages it has."""
        return -(-self.postings // PAGE_POSTINGS)

    def record(self) -> bytes:
        """Gives what the root of the index is made from: first ‖ leaves ‖ postings (8 each, big-endian) ‖ root."""
        return b"".join(number.to_bytes(8, "big") for number in (self.first, self.leaves, self.postings)) + self.root


@dataclass(frozen=True, slots=True)
class Chunk:
    """Up to 64 pages of a run, one after the other, their hashes and the head of the subtree over them."""

    postings: bytes
    hashes: bytes
    head: bytes

    @property
    def first_posting(self) -> bytes:
        """What chunks are found by."""
        return self.postings[:POSTING_BYTES]

    @property
    def last_posting(self) -> bytes:
        """Where the next chunk begins at the earliest."""
        return self.postings[-POSTING_BYTES:]

    def page(self, number: int) -> bytes:
        """Gives a page by its number in the chunk."""
        return self.postings[number * PAGE_BYTES : (number + 1) * PAGE_BYTES]


@dataclass(frozen=True, slots=True)
class Covered:
    """The runs that cover the log's first leaves, in order; where the last one is partial, `partial` has its chunks."""

    runs: Sequence[Run]
    partial: Sequence[Chunk] = ()

    def chunks(self, run: Run) -> Sequence[Chunk]:
        """Gives the chunks of a run that is kept nowhere else; none of one that has rows."""
        return self.partial if run.leaves < BUNDLE_LEAVES else ()


@dataclass(frozen=True, slots=True)
class RunPages:
    """Consecutive pages of a run, and their combined proof in its tree."""

    first_page: int
    pages: list[bytes]
    proof: list[bytes]


def index_root(runs: Iterable[Run]) -> bytes:
    """Gives the root of the index over the runs of a cover, in order."""
    return sha256(b"".join(run.record() for run in runs)).digest()


def sorted_postings(postings: Postings) -> Postings:
    """Sorts postings, and leaves each in once."""
    postings = np.sort(postings, kind="stable")
    if len(postings) < 2:
        return postings
    found: Postings = postings[np.append(True, postings[1:] != postings[:-1])]
    return found


def postings_in(packed: bytes) -> Postings:
    """Reads postings, one after the other."""
    return np.frombuffer(packed, POSTING)


def page_hashes(packed: bytes) -> bytes:
    """Hashes the pages of postings, one after the other."""
    pages = range(0, len(packed), PAGE_BYTES)
    return b"".join([sha256(b"\x00" + packed[at : at + PAGE_BYTES]).digest() for at in pages])


def chunk_of(packed: bytes) -> Chunk:
    """Makes a chunk from postings, at most 1,600."""
    hashes = page_hashes(packed)
    return Chunk(packed, hashes, tree_head(hashes))


def below(postings: Postings, offset: int) -> Postings:
    """Gives the postings of a bundle's first leaves, up to an offset; their order stays."""
    return postings[postings.view(FIELDS)["offset"] < offset]


def between(postings: Postings, low: bytes, high: bytes) -> list[int]:
    """Gives the offsets of sorted postings from `low` and below `high`."""
    start, end = np.searchsorted(postings, np.array([low, high], POSTING))
    offsets: list[int] = postings[start:end].view(FIELDS)["offset"].tolist()
    return offsets


def pages_between(run: Run, tree: Sequence[bytes], chunks: Mapping[int, Chunk], low: bytes, high: bytes) -> RunPages:
    """Gives the pages of a run that show its postings from `low` and below `high`, and their combined proof.

    `tree` has all rows of the tree over the heads of its chunks; `chunks` has consecutive ones by their numbers: from
    the last one whose first posting is below `low`, or the first of all, to the first one from there on whose last
    posting is not below `high`, or the last of all.
    """
    start, end = min(chunks) * CHUNK_PAGES, max(chunks) * CHUNK_PAGES
    firsts = postings_in(chunks[min(chunks)].postings)[::PAGE_POSTINGS]
    first = start + max(int(np.searchsorted(firsts, np.array(low, POSTING))) - 1, 0)
    packed = chunks[max(chunks)].postings
    lasts = postings_in(packed)[PAGE_POSTINGS - 1 :: PAGE_POSTINGS]
    last = end + int(np.searchsorted(lasts, np.array(high, POSTING)))
    last = min(last, run.pages - 1)

    def head(start: int, end: int) -> bytes:
        number, page = divmod(start, CHUNK_PAGES)
        if page == 0 and (end % CHUNK_PAGES == 0 or end == run.pages):
            return head_in(tree, number, -(-end // CHUNK_PAGES))
        return tree_head(chunks[number].hashes[page * HASH_BYTES : (page + end - start) * HASH_BYTES])

    shown = range(first, last + 1)
    return RunPages(
        first,
        [chunks[page // CHUNK_PAGES].page(page % CHUNK_PAGES) for page in shown],
        [head(start, end) for start, end in apart(0, run.pages, shown)],
    )


def chunks_of(blocks: Iterable[Postings]) -> Iterator[Chunk]:
    """Yields the chunks of a run whose postings come in blocks, in order; holds a chunk and a block at a time."""
    waiting = b""
    for block in blocks:
        waiting += block.tobytes()
        whole = len(waiting) - len(waiting) % CHUNK_BYTES
        yield from (chunk_of(waiting[at : at + CHUNK_BYTES]) for at in range(0, whole, CHUNK_BYTES))
        waiting = waiting[whole:]
    if waiting:
        yield chunk_of(waiting)


def run_of(of: Range, packed: bytes) -> Run:
    """Gives the run of a range from all of its postings, sorted."""
    return Run(of.first, of.leaves, len(packed) // POSTING_BYTES, tree_head(page_hashes(packed)))
