"""The row of the search index: keys of prepared leaves, their runs, and what merges them, in a process of its own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from itertools import islice

from ringfence_audit.index.domain.extracting import extract
from ringfence_audit.index.domain.merging import merged, rebased
from ringfence_audit.index.domain.ranges import BUNDLE_LEAVES, FAN, span
from ringfence_audit.index.domain.runs import Chunk, chunk_of, chunks_of, postings_in

from bench.load import Seen
from bench.rows import Results, row
from bench.verifying import CONTROL, hash_each, log_of, seconds_of

NAME = "audit_index"
BLOCK_LEAVES = 8_192
TURNS = 3

Chunks = Sequence[Chunk]
"""Of a run, in order."""


def indexing(results: Results, leaves: int) -> None:
    """Indexes a log of transfers from its leaves to runs of 2^16 leaves, as often merged as a log that grows merges."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.apply(measured, (leaves,))
    seconds = found["runs"] + found["merges"]
    per_leaf = {f"{name}_us": found[name] / leaves * 1e6 for name in ("runs", "merges")}
    figures = {"leaf_us": seconds / leaves * 1e6, **per_leaf, "leaf_bytes": found["bytes"] / leaves}
    seen = Seen(leaves, seconds, [seconds * 1000])
    results.add(row(NAME, leaves, 1, seen, (CONTROL, leaves / found[CONTROL]), **figures))


def measured(leaves: int) -> dict[str, float]:
    """Returns the least seconds of processor time of a few turns, and the bytes of the widest runs."""
    log = list(islice(log_of(leaves + BLOCK_LEAVES), leaves))
    bundles = runs_of(log)
    widest = merges_of(bundles)
    return {
        CONTROL: min(seconds_of(lambda: hash_each(log)) for _ in range(TURNS)),
        "runs": min(seconds_of(lambda: runs_of(log)) for _ in range(TURNS)),
        "merges": min(seconds_of(lambda: merges_of(bundles)) for _ in range(TURNS)),
        "bytes": sum(len(each.postings) + len(each.head) for run in widest for each in run),
    }


def runs_of(log: Sequence[bytes]) -> list[Chunks]:
    """Takes the keys of all leaves, and makes the run of each bundle."""
    found: list[Chunks] = []
    for first in range(0, len(log), BLOCK_LEAVES):
        block = log[first : first + BLOCK_LEAVES]
        ends = range(first + BUNDLE_LEAVES, first + len(block) + 1, BUNDLE_LEAVES)
        found.extend(list(chunks_of([postings])) for postings in extract(first, block).cut(ends))
    return found


def merges_of(runs: Sequence[Chunks]) -> Sequence[Chunks]:
    """Merges sixteen runs into one, level by level, as far as they go; every page is hashed again before it is used."""
    level = 0
    while len(runs) >= FAN:
        runs = [_merged(runs[at : at + FAN], span(level)) for at in range(0, len(runs), FAN)]
        level += 1
    return runs


def _merged(runs: Sequence[Chunks], leaves: int) -> Chunks:
    blocks = (
        (rebased(postings_in(chunk_of(each.postings).postings), number * leaves) for each in run)
        for number, run in enumerate(runs)
    )
    return list(chunks_of(merged(list(blocks))))
