"""Reads the search index; every call blocks, and reads one state of it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from ringfence_kernel.sealing.bounded_cache import BoundedCache
from ringfence_kernel.store import EventStore

from ringfence_audit.index.adapters.stored_runs import (
    Directory,
    damaged,
    read_chunk,
    read_directory,
    read_runs,
    read_size,
    read_tail,
)
from ringfence_audit.index.domain.errors import IndexMoved
from ringfence_audit.index.domain.ranges import BUNDLE_LEAVES, Range, cover
from ringfence_audit.index.domain.runs import (
    Chunk,
    Postings,
    Run,
    RunPages,
    below,
    between,
    chunks_of,
    pages_between,
    postings_in,
    run_of,
)
from ringfence_audit.index.domain.trees import tree_head

CACHED_DIRECTORIES = 1_024
CACHED_CHUNKS = 256
"""At 136 KiB each: 34 MiB."""
SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
ACCOUNTS = "SELECT account_id FROM index_accounts WHERE owner_id = %b ORDER BY account_id"
BUNDLES = (
    "SELECT bundle FROM index_tenants WHERE tenant_id = %b AND bundle >= %b AND bundle < %b ORDER BY bundle LIMIT %b"
)


_Numbered: TypeAlias = tuple[int, Chunk]


class RunReader:
    """The runs in PostgreSQL; what has led to a hash is cached under that hash."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._directories: BoundedCache[bytes, Directory] = BoundedCache(CACHED_DIRECTORIES)
        self._chunks: BoundedCache[bytes, Chunk] = BoundedCache(CACHED_CHUNKS)

    def size(self) -> int:
        """Gives how many of the log's first leaves are in the index."""
        with self._snapshot() as connection:
            return read_size(connection)

    def cover(self, size: int) -> list[Run]:
        """Gives the runs that cover the log's first leaves, in order, each read so far that it leads to its root.

        Raises IndexMoved where the index has none of these ranges, or no more, and IndexDamaged.
        """
        with self._snapshot() as connection:
            return self._cover(connection, cover(size))

    def pages(self, run: Run, low: bytes, high: bytes) -> RunPages:
        """Gives the pages of a run, one posting at least, that show all of its postings from `low` and below `high`.

        They begin with the last page whose first posting is below `low`, or the first of all, and end with the first
        one from there on whose last posting is not below `high`, or the last of all. Raises IndexMoved, IndexDamaged.
        """
        # Rows of a complete run go together or stay as they are, and whatever is read is held to its root.
        complete = run.leaves >= BUNDLE_LEAVES
        with self._store.connection() if complete else self._snapshot() as connection:
            heads, chunks = self._chunks_between(connection, run, low, high)
            return pages_between(run, heads, dict(chunks), low, high)

    def find(self, keys: Sequence[bytes], from_leaf: int, until_leaf: int, limit: int) -> list[int]:
        """Gives the first indexes of leaves in a range that any of the keys finds, in order; raises IndexDamaged."""
        found, keys = list[int](), sorted(keys)
        with self._snapshot() as connection:
            ranges = cover(min(read_size(connection), until_leaf))
            for run in self._cover(connection, [each for each in ranges if each.end > from_leaf]):
                if len(found) >= limit:
                    break
                start, end = max(from_leaf, run.first), min(until_leaf, run.first + run.leaves)
                within = {
                    run.first + offset
                    for key in keys
                    for offset in self._offsets(connection, run, key, range(start - run.first, end - run.first), limit)
                }
                found.extend(sorted(within))
        return found[:limit]

    def bundles_of(self, tenant: bytes, from_leaf: int, until_leaf: int, limit: int) -> list[int]:
        """Gives the first leaves of the first bundles in a range that name a platform, in order."""
        bounds = from_leaf // BUNDLE_LEAVES, -(-until_leaf // BUNDLE_LEAVES)
        with self._snapshot() as connection:
            rows = connection.execute(BUNDLES, (tenant, *bounds, limit))
            return [row["bundle"] * BUNDLE_LEAVES for row in rows]

    def accounts_of(self, owner: bytes) -> list[bytes]:
        """Gives the accounts that leaves say are an owner's."""
        with self._snapshot() as connection:
            return [bytes(row["account_id"]) for row in connection.execute(ACCOUNTS, (owner,))]

    @contextmanager
    def _snapshot(self) -> Iterator[Any]:
        with self._store.connection() as connection, connection.transaction():
            connection.execute(SNAPSHOT)
            yield connection

    def _cover(self, connection: Any, ranges: Sequence[Range]) -> list[Run]:
        rest = [each for each in ranges if each.leaves < BUNDLE_LEAVES]
        runs = read_runs(connection, [each for each in ranges if each.leaves >= BUNDLE_LEAVES])
        for run in runs:
            self._directory(connection, run)
        return [*runs, *(run_of(each, self._partial(connection, each).tobytes()) for each in rest)]

    def _partial(self, connection: Any, of: Range) -> Postings:
        """Gives the sorted postings of the first leaves of a bundle: those of its run, or else of the tail."""
        bundle = Range(of.first, BUNDLE_LEAVES)
        try:
            [run] = read_runs(connection, [bundle])
        except IndexMoved:
            tail = list(read_tail(connection))
            if not tail or tail[0][0].first != of.first or tail[-1][0].end < of.end:
                raise IndexMoved(first_leaf=str(of.first), leaves=str(of.leaves)) from None
            postings = np.sort(np.concatenate([postings for _, postings in tail]), kind="stable")
        else:
            directory = self._directory(connection, run)
            chunks = [self._chunk(connection, run, directory, number) for number in range(len(directory.firsts))]
            postings = postings_in(b"".join(chunk.postings for chunk in chunks))
        return below(postings, of.leaves)

    def _chunks_between(self, connection: Any, run: Run, low: bytes, high: bytes) -> tuple[bytes, Iterator[_Numbered]]:
        """Gives the heads of a run's chunks, and those that hold its postings from `low` and below `high`."""
        if run.leaves >= BUNDLE_LEAVES:
            directory = self._directory(connection, run)
            fetch: Callable[[int], Chunk] = partial(self._chunk, connection, run, directory)
        else:
            chunks = list(chunks_of([self._partial(connection, run.range)]))
            directory = Directory([chunk.first_posting for chunk in chunks], b"".join(chunk.head for chunk in chunks))
            if tree_head(directory.heads) != run.root:
                raise damaged(run)
            fetch = chunks.__getitem__
        return directory.heads, _between(run, directory.firsts, fetch, low, high)

    def _offsets(self, connection: Any, run: Run, key: bytes, offsets: range, limit: int) -> list[int]:
        """Gives the first offsets in a range of the postings of a key."""
        low, high = (key + offset.to_bytes(4, "big") for offset in (offsets.start, offsets.stop))
        found: list[int] = []
        _, chunks = self._chunks_between(connection, run, low, high)
        for _, chunk in chunks:
            found.extend(between(postings_in(chunk.postings), low, high))
            if len(found) >= limit:
                break
        return found

    def _directory(self, connection: Any, run: Run) -> Directory:
        directory = self._directories.get(run.record())
        if directory is None:
            directory = read_directory(connection, run)
            self._directories.put(run.record(), directory)
        return directory

    def _chunk(self, connection: Any, run: Run, directory: Directory, number: int) -> Chunk:
        chunk = self._chunks.get(directory.head(number))
        if chunk is None:
            chunk = read_chunk(connection, run, directory, number)
            self._chunks.put(chunk.head, chunk)
        return chunk


def _between(
    run: Run, firsts: Sequence[bytes], fetch: Callable[[int], Chunk], low: bytes, high: bytes
) -> Iterator[_Numbered]:
    """Yields chunks in order: the last one that begins below `low`, or the first, to the one that reaches `high`."""
    first = max(bisect_left(firsts, low) - 1, 0)
    for number in range(first, len(firsts)):
        chunk = fetch(number)
        if number == first > 0 and chunk.first_posting >= low:
            # Rows that are out of order lead astray.
            raise damaged(run, number)
        yield number, chunk
        if chunk.last_posting >= high:
            return
