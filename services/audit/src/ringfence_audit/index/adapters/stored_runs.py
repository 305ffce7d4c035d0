"""Runs as rows: written chunk by chunk, and read back with every page held to the run's root."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from typing import Any

from ringfence_audit.index.domain.errors import IndexDamaged, IndexMoved
from ringfence_audit.index.domain.merging import merged, rebased
from ringfence_audit.index.domain.ranges import BUNDLE_LEAVES, LEVELS, Range, level_of, parts, span
from ringfence_audit.index.domain.runs import (
    CHUNK_POSTINGS,
    POSTING_BYTES,
    Chunk,
    Postings,
    Run,
    chunk_of,
    chunks_of,
    postings_in,
)
from ringfence_audit.log.domain.merkle import EMPTY_ROOT, head_in, tree_head, tree_rows

WRITTEN_TOGETHER = 16
"""Chunks in one statement: half a megabyte."""
MERGED_TOGETHER = 4
"""Chunks of each of the sixteen runs that are merged: two megabytes."""
SAVE_RUN = "INSERT INTO index_runs VALUES (%b, %b, %b, %b)"
SAVE_TAIL = "INSERT INTO index_tail SELECT * FROM unnest(%b::bigint[], %b::integer[], %b::bytea[], %b::bytea[])"
SAVE_CHUNKS = (
    "INSERT INTO index_chunks SELECT %b, %b, number, first_posting, head, postings"
    " FROM unnest(%b::integer[], %b::bytea[], %b::bytea[], %b::bytea[])"
    " AS chunk (number, first_posting, head, postings)"
)
SIZE = (
    "SELECT greatest((SELECT coalesce(max(first_leaf + leaves), 0) FROM index_tail),"
    " (SELECT coalesce(max(newest.end_leaf), 0) FROM unnest(%b::smallint[], %b::bigint[]) AS wanted (level, span)"
    " CROSS JOIN LATERAL (SELECT first_leaf + span AS end_leaf FROM index_runs r WHERE r.level = wanted.level"
    " ORDER BY first_leaf DESC LIMIT 1) newest)) AS size"
)
RUNS = (
    "SELECT r.first_leaf, r.postings, r.root FROM unnest(%b::smallint[], %b::bigint[]) AS wanted (level, first_leaf)"
    " JOIN index_runs r USING (level, first_leaf)"
)
DIRECTORIES = (
    "SELECT c.level, c.first_leaf, c.first_posting, c.head"
    " FROM unnest(%b::smallint[], %b::bigint[]) AS wanted (level, first_leaf)"
    " JOIN index_chunks c USING (level, first_leaf) ORDER BY c.level, c.first_leaf, c.chunk"
)
TAIL = "SELECT first_leaf, leaves, sha256, postings FROM index_tail ORDER BY first_leaf"
CHUNKS = (
    "SELECT c.level, c.first_leaf, c.chunk, c.postings"
    " FROM unnest(%b::smallint[], %b::bigint[], %b::integer[]) AS wanted (level, first_leaf, chunk)"
    " JOIN index_chunks c USING (level, first_leaf, chunk)"
)


def write_run(connection: Any, of: Range, blocks: Iterable[Postings]) -> Run:
    """Writes the run of a complete range from its postings, sorted, in blocks."""
    level, count, heads = level_of(of.leaves), 0, list[bytes]()
    chunks = chunks_of(blocks)
    while some := list(islice(chunks, WRITTEN_TOGETHER)):
        numbers = list(range(len(heads), len(heads) + len(some)))
        columns = zip(*((each.first_posting, each.head, each.postings) for each in some), strict=True)
        connection.execute(SAVE_CHUNKS, (level, of.first, numbers, *map(list, columns)))
        count += sum(len(each.postings) for each in some) // POSTING_BYTES
        heads += [each.head for each in some]
    run = Run(of.first, of.leaves, count, tree_head(b"".join(heads)))
    connection.execute(SAVE_RUN, (level, run.first, run.postings, run.root))
    return run


def merge_parts(connection: Any, level: int, first: int) -> Run:
    """Writes the run of a complete range from those of its parts, a few chunks of each in memory.

    Raises IndexDamaged.
    """
    ranges = parts(level, first)
    try:
        runs = read_runs(connection, ranges)
    except IndexMoved as missing:
        raise IndexDamaged(**missing.metadata) from None
    blocks = merged([_blocks(connection, run, run.first - first) for run in runs])
    return write_run(connection, Range(first, sum(each.leaves for each in ranges)), blocks)


def read_size(connection: Any) -> int:
    """Reads how many of the log's first leaves are in the index."""
    levels = list(range(LEVELS))
    row = connection.execute(SIZE, (levels, [span(level) for level in levels])).fetchone()
    return int(row["size"])


def read_runs(connection: Any, ranges: Sequence[Range]) -> list[Run]:
    """Reads the runs of complete ranges, in their order; raises IndexMoved where one is not there."""
    wanted = [level_of(each.leaves) for each in ranges], [each.first for each in ranges]
    # The ranges of one cover, or of one merge, begin at different leaves.
    rows = {row["first_leaf"]: row for row in connection.execute(RUNS, wanted, binary=True)}
    missing = next((each for each in ranges if each.first not in rows), None)
    if missing is not None:
        raise IndexMoved(first_leaf=str(missing.first), leaves=str(missing.leaves))
    found = ((each, rows[each.first]) for each in ranges)
    return [Run(each.first, each.leaves, row["postings"], bytes(row["root"])) for each, row in found]


@dataclass(frozen=True, slots=True)
class Directory:
    """The chunks of a run: the first posting of each, and all rows of the tree over their heads."""

    firsts: list[bytes]
    tree: list[bytes]

    def head(self, number: int) -> bytes:
        """Gives the head of a chunk."""
        return head_in(self.tree, number, number + 1)


def read_directories(connection: Any, runs: Sequence[Run]) -> list[Directory]:
    """Reads which chunks runs have, whose heads lead to each run's root; raises IndexMoved and IndexDamaged."""
    rows = defaultdict[tuple[int, int], list[Any]](list)
    names = [(level_of(run.leaves), run.first) for run in runs]
    wanted = tuple(map(list, zip(*names, strict=True)))
    for row in connection.execute(DIRECTORIES, wanted, binary=True) if runs else ():
        rows[row["level"], row["first_leaf"]].append(row)
    return [_directory(connection, run, rows[name]) for run, name in zip(runs, names, strict=True)]


def _directory(connection: Any, run: Run, rows: Sequence[Any]) -> Directory:
    tree = tree_rows(b"".join(each["head"] for each in rows))
    directory = Directory([bytes(each["first_posting"]) for each in rows], tree)
    if (tree[-1] or EMPTY_ROOT) != run.root or len(rows) != -(-run.postings // CHUNK_POSTINGS):
        raise _unfit(connection, run)
    return directory


def read_chunks(connection: Any, wanted: Sequence[tuple[Run, Directory, int]]) -> Iterator[Chunk]:
    """Yields chunks by run and number, in this order, all read at once, whose pages lead to their heads.

    Raises IndexMoved and IndexDamaged.
    """
    names = [(level_of(run.leaves), run.first, number) for run, _, number in wanted]
    columns = tuple(map(list, zip(*names, strict=True)))
    rows = connection.execute(CHUNKS, columns, binary=True) if wanted else ()
    found = {(row["level"], row["first_leaf"], row["chunk"]): row["postings"] for row in rows}
    for (run, directory, number), name in zip(wanted, names, strict=True):
        chunk = chunk_of(bytes(found.get(name, b"")))
        if chunk.head != directory.head(number) or chunk.first_posting != directory.firsts[number]:
            raise _unfit(connection, run, number)
        yield chunk


def write_tail(connection: Any, pieces: Sequence[tuple[Range, Postings]]) -> None:
    """Writes what events bring, each by itself, to a bundle that is not complete; offsets are in the bundle."""
    rows = [(of, postings.tobytes()) for of, postings in pieces]
    if rows:
        columns = zip(*((of.first, of.leaves, _tail_hash(of, packed), packed) for of, packed in rows), strict=True)
        connection.execute(SAVE_TAIL, tuple(map(list, columns)))


def read_tail(connection: Any) -> Iterator[tuple[Range, Postings]]:
    """Yields what each event has brought to the bundle that is not complete, in order; raises IndexDamaged."""
    end = None
    for row in connection.execute(TAIL):
        of, packed = Range(row["first_leaf"], row["leaves"]), bytes(row["postings"])
        follows = of.first % BUNDLE_LEAVES == 0 if end is None else of.first == end
        if not follows or _tail_hash(of, packed) != row["sha256"]:
            raise IndexDamaged(first_leaf=str(of.first), leaves=str(of.leaves))
        end = of.end
        yield of, postings_in(packed)


def _tail_hash(of: Range, packed: bytes) -> bytes:
    return sha256(of.first.to_bytes(8, "big") + of.leaves.to_bytes(8, "big", signed=True) + packed).digest()


def damaged(run: Run, chunk: int | None = None) -> IndexDamaged:
    """Names a run whose rows are not what was written, or a chunk of it."""
    where = {"first_leaf": str(run.first), "leaves": str(run.leaves)}
    return IndexDamaged(**where, **({} if chunk is None else {"chunk": str(chunk)}))


def _unfit(connection: Any, run: Run, chunk: int | None = None) -> IndexDamaged:
    """Names a run, or a chunk of it, that is not as it was written; raises IndexMoved where it is there no more."""
    read_runs(connection, [run.range])
    return damaged(run, chunk)


def _blocks(connection: Any, run: Run, by: int) -> Iterator[Postings]:
    [directory] = read_directories(connection, [run])
    numbers = range(len(directory.firsts))
    for at in numbers[::MERGED_TOGETHER]:
        wanted = [(run, directory, number) for number in numbers[at : at + MERGED_TOGETHER]]
        postings = b"".join(chunk.postings for chunk in read_chunks(connection, wanted))
        yield rebased(postings_in(postings), by)
