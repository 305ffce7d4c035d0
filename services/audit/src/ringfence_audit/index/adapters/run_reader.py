"""Reads the search index; every call blocks, and reads one state of it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from ringfence_kernel.sealing.bounded_cache import BoundedCache
from ringfence_kernel.store import EventStore

from ringfence_audit.index.adapters.stored_runs import (
    Directory,
    damaged,
    read_chunks,
    read_directories,
    read_runs,
    read_size,
    read_tail,
)
from ringfence_audit.index.application.ports import Located
from ringfence_audit.index.domain.answer import Asked
from ringfence_audit.index.domain.errors import IndexDamaged, IndexMoved
from ringfence_audit.index.domain.ranges import BUNDLE_LEAVES, Range, cover
from ringfence_audit.index.domain.runs import (
    OFFSET_BYTES,
    Chunk,
    Covered,
    Postings,
    Run,
    RunPages,
    below,
    between,
    chunks_of,
    index_root,
    pages_between,
    postings_in,
    run_of,
)
from ringfence_audit.log.domain.merkle import tree_rows
from ringfence_audit.log.domain.state_leaf import NO_INDEX, IndexHead

CACHED_DIRECTORIES = 1_024
CACHED_CHUNKS = 1_024
"""At 34 KB each: 35 MB."""
CACHED_COVERS = 4
LOADED_TOGETHER = 64
"""Chunks that are read by one query: 2 MB."""
MOST_LOOKED_UP = 4_096
"""Keys in runs that one call of `find` looks up, or all keys in one run: what holds its snapshot for a second or so."""
SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
ACCOUNTS = "SELECT account_id FROM index_accounts WHERE owner_id = %b ORDER BY account_id LIMIT %b"
BUNDLES = (
    "SELECT bundle FROM index_tenants WHERE tenant_id = %b AND bundle >= %b AND bundle < %b ORDER BY bundle LIMIT %b"
)

_Numbered: TypeAlias = tuple[int, Chunk]


class _Part(NamedTuple):
    """The leaves of a run, from `start` and before `end`, that are looked for; `chunks` where it has no rows."""

    run: Run
    start: int
    end: int
    chunks: Sequence[Chunk]

    def bounds(self, key: bytes) -> tuple[bytes, bytes]:
        """Gives the least posting of a key in it, and the least above them that is not."""
        low, high = (key + (leaf - self.run.first).to_bytes(OFFSET_BYTES, "big") for leaf in (self.start, self.end))
        return low, high


class _LookUp(NamedTuple):
    """The postings of a run from `low` and below `high` are wanted; `chunks` where it has no rows."""

    run: Run
    low: bytes
    high: bytes
    chunks: Sequence[Chunk]


class RunReader:
    """The runs in PostgreSQL; what has led to a hash is cached under that hash."""

    def __init__(self, store: EventStore, stated: Callable[[], IndexHead] = lambda: NO_INDEX) -> None:
        """Reads from a store; `stated` gives the index of the newest signed state, to whose root searches are held."""
        self._store = store
        self._stated = stated
        self._covers: BoundedCache[bytes, Covered] = BoundedCache(CACHED_COVERS)
        self._directories: BoundedCache[bytes, Directory] = BoundedCache(CACHED_DIRECTORIES)
        self._chunks: BoundedCache[bytes, Chunk] = BoundedCache(CACHED_CHUNKS)

    def size(self) -> int:
        """Gives how many of the log's first leaves are in the index."""
        with self._snapshot() as connection:
            return read_size(connection)

    def cover(self, size: int) -> Covered:
        """Gives the runs that cover the log's first leaves, in order, each read so far that it leads to its root.

        Raises IndexMoved where the index has none of these ranges, or no more, and IndexDamaged.
        """
        with self._snapshot() as connection:
            return self._covered(connection, cover(size))

    def proven(self, stated: IndexHead) -> Covered:
        """Gives the runs of a stated index, which lead to its root; raises IndexMoved and IndexDamaged."""
        if covered := self._covers.get(_named(stated)):
            return covered
        with self._snapshot() as connection:
            return self._proven(connection, stated)

    def pages(self, covered: Covered, asked: Asked) -> list[RunPages | None]:
        """Gives for each run the pages that show what is asked for, one posting at least; None where it has no part.

        They begin with the last page whose first posting is below what is asked for, or the first of all, and end with
        the first one from there on whose last posting is not below its end, or the last of all. Raises IndexMoved,
        IndexDamaged.
        """
        runs = [run for run in covered.runs if asked.concerns(run)]
        lookups = [_LookUp(run, *asked.bounds(run), covered.chunks(run)) for run in runs]
        shown: dict[Run, RunPages] = {}
        # Rows of a complete run go together or stay as they are, and whatever is read is held to its root.
        with self._store.connection() as connection:
            for at in range(0, len(lookups), LOADED_TOGETHER):
                some = lookups[at : at + LOADED_TOGETHER]
                for each, (tree, chunks) in zip(some, self._chunks_between(connection, some), strict=True):
                    shown[each.run] = pages_between(each.run, tree, dict(chunks), each.low, each.high)
        return [shown.get(run) for run in covered.runs]

    def find(
        self, keys: Sequence[bytes], from_leaf: int, until_leaf: int, limit: int, covered: Covered | None = None
    ) -> Located:
        """Finds the first leaves in a range by any of some keys, in the runs of the whole index where none are given.

        Of these, the runs over the leaves that the newest signed state vouches for are held to its root, what is newer
        to the roots of its own runs. Raises IndexDamaged, and IndexMoved where the index does not go as far as is
        stated or, no more, has the runs that are given.
        """
        with self._snapshot() as connection:
            if covered is None:
                parts = self._parts_of_index(connection, from_leaf, until_leaf)
            else:
                parts = _parts(covered, from_leaf, until_leaf)
            most = max(MOST_LOOKED_UP // len(keys), 1)
            located = self._located(connection, parts[:most], sorted(keys), limit)
        if len(located) == limit:
            return Located(located, located[-1] + 1)
        return Located(located, parts[most].start if most < len(parts) else until_leaf)

    def bundles_of(self, tenant: bytes, from_leaf: int, until_leaf: int, limit: int) -> list[int]:
        """Gives the first leaves of the first bundles in a range that name a platform, in order."""
        bounds = from_leaf // BUNDLE_LEAVES, -(-until_leaf // BUNDLE_LEAVES)
        with self._snapshot() as connection:
            rows = connection.execute(BUNDLES, (tenant, *bounds, limit))
            return [row["bundle"] * BUNDLE_LEAVES for row in rows]

    def accounts_of(self, owner: bytes, limit: int) -> list[bytes]:
        """Gives the first accounts, by their ids, that leaves say are an owner's."""
        with self._snapshot() as connection:
            return [bytes(row["account_id"]) for row in connection.execute(ACCOUNTS, (owner, limit))]

    @contextmanager
    def _snapshot(self) -> Iterator[Any]:
        with self._store.connection() as connection, connection.transaction():
            connection.execute(SNAPSHOT)
            yield connection

    def _covered(self, connection: Any, ranges: Sequence[Range]) -> Covered:
        runs = read_runs(connection, [each for each in ranges if each.leaves >= BUNDLE_LEAVES])
        self._directories_of(connection, runs)
        if not ranges or ranges[-1].leaves >= BUNDLE_LEAVES:
            return Covered(runs)
        postings = self._partial(connection, ranges[-1])
        return Covered([*runs, run_of(ranges[-1], postings.tobytes())], list(chunks_of([postings])))

    def _proven(self, connection: Any, stated: IndexHead) -> Covered:
        covered = self._covers.get(_named(stated))
        if covered is None:
            covered = self._covered(connection, cover(stated.size))
            if index_root(covered.runs) != stated.root:
                raise IndexDamaged(first_leaf="0", leaves=str(stated.size))
            self._covers.put(_named(stated), covered)
        return covered

    def _parts_of_index(self, connection: Any, from_leaf: int, until_leaf: int) -> list[_Part]:
        """Gives what of the index is over some leaves, in order: the runs that are stated, then those of the rest."""
        stated, parts = self._stated(), list[_Part]()
        if from_leaf < min(until_leaf, stated.size):
            parts = _parts(self._proven(connection, stated), from_leaf, min(until_leaf, stated.size))
        start = max(from_leaf, stated.size)
        # Of the whole index, since ranges that only a shorter one has are merged and gone.
        newer = [each for each in cover(read_size(connection)) if each.end > start and each.first < until_leaf]
        return parts + _parts(self._covered(connection, newer), start, until_leaf) if start < until_leaf else parts

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
            [directory] = self._directories_of(connection, [run])
            wanted = [(run, directory, number) for number in range(len(directory.firsts))]
            postings = postings_in(b"".join(chunk.postings for chunk in self._loaded(connection, wanted)))
        return below(postings, of.leaves)

    def _located(self, connection: Any, parts: Sequence[_Part], keys: Sequence[bytes], limit: int) -> list[int]:
        """Gives the first leaves in parts, which ascend, that any of the keys finds."""
        found: list[int] = []
        together = max(LOADED_TOGETHER // len(keys), 1)
        for at in range(0, len(parts), together):
            within: set[int] = set()
            for first in range(0, len(keys), LOADED_TOGETHER):
                some = keys[first : first + LOADED_TOGETHER]
                wanted = [
                    _LookUp(part.run, *part.bounds(key), part.chunks)
                    for part in parts[at : at + together]
                    for key in some
                ]
                for each, (_, chunks) in zip(wanted, self._chunks_between(connection, wanted), strict=True):
                    within.update(each.run.first + offset for offset in _offsets(chunks, each.low, each.high, limit))
            found.extend(sorted(within))
            if len(found) >= limit:
                break
        return found[:limit]

    def _chunks_between(
        self, connection: Any, lookups: Sequence[_LookUp]
    ) -> Iterator[tuple[Sequence[bytes], Iterator[_Numbered]]]:
        """Yields for each look-up the tree over its run's chunks, and those that hold the postings it wants.

        The first chunk of each is read together; most often there is no other.
        """
        stored = [each.run for each in lookups if not each.chunks]
        directories = dict(zip(stored, self._directories_of(connection, stored), strict=True))
        firsts = {
            (each.run, number): (each.run, directory, number)
            for each in lookups
            if (directory := directories.get(each.run))
            for number in [_first(directory.firsts, each.low)]
        }
        loaded = dict(zip(firsts, self._loaded(connection, list(firsts.values())), strict=True))

        def fetch(run: Run, number: int) -> Chunk:
            if (run, number) not in loaded:
                [loaded[run, number]] = self._loaded(connection, [(run, directories[run], number)])
            return loaded[run, number]

        for each in lookups:
            directory = directories.get(each.run) or _directory_of(each.chunks)
            yield directory.tree, _between(each, directory.firsts, fetch)

    def _directories_of(self, connection: Any, runs: Sequence[Run]) -> list[Directory]:
        known = {run: self._directories.get(run.record()) for run in runs}
        unknown = [run for run, each in known.items() if each is None]
        for run, directory in zip(unknown, read_directories(connection, unknown), strict=True):
            self._directories.put(run.record(), directory)
            known[run] = directory
        return [each for run in runs if (each := known[run]) is not None]

    def _loaded(self, connection: Any, wanted: Sequence[tuple[Run, Directory, int]]) -> list[Chunk]:
        """Gives chunks by run and number; those that are not cached are read together."""
        known = {each[1].head(each[2]): self._chunks.get(each[1].head(each[2])) for each in wanted}
        unknown = [each for each in wanted if known[each[1].head(each[2])] is None]
        for chunk in read_chunks(connection, unknown):
            self._chunks.put(chunk.head, chunk)
            known[chunk.head] = chunk
        return [each for _, directory, number in wanted if (each := known[directory.head(number)]) is not None]


def _named(stated: IndexHead) -> bytes:
    return stated.size.to_bytes(8, "big") + stated.root


def _parts(covered: Covered, from_leaf: int, until_leaf: int) -> list[_Part]:
    """Gives what of some runs is over leaves of a range."""
    spans = ((run, max(run.first, from_leaf), min(run.range.end, until_leaf)) for run in covered.runs if run.postings)
    return [_Part(run, start, end, covered.chunks(run)) for run, start, end in spans if start < end]


def _directory_of(chunks: Sequence[Chunk]) -> Directory:
    return Directory([chunk.first_posting for chunk in chunks], tree_rows(b"".join(chunk.head for chunk in chunks)))


def _first(firsts: Sequence[bytes], low: bytes) -> int:
    """Gives the number of the last chunk that begins below `low`, or of the first."""
    return max(bisect_left(firsts, low) - 1, 0)


def _between(each: _LookUp, firsts: Sequence[bytes], fetch: Callable[[Run, int], Chunk]) -> Iterator[_Numbered]:
    """Yields chunks in order: the last one that begins below `low`, or the first, to the one that reaches `high`."""
    first = _first(firsts, each.low)
    for number in range(first, len(firsts)):
        chunk = each.chunks[number] if each.chunks else fetch(each.run, number)
        if number == first > 0 and chunk.first_posting >= each.low:
            # Rows that are out of order lead astray.
            raise damaged(each.run, number)
        yield number, chunk
        if chunk.last_posting >= each.high:
            return


def _offsets(chunks: Iterator[_Numbered], low: bytes, high: bytes, limit: int) -> list[int]:
    """Gives the first offsets of postings from `low` and below `high`."""
    found: list[int] = []
    for _, chunk in chunks:
        found.extend(between(postings_in(chunk.postings), low, high))
        if len(found) >= limit:
            break
    return found
