"""Merges the runs of neighbouring ranges into that of the range above, a block of each at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from ringfence_audit.index.domain.runs import FIELDS, POSTING, Postings


def rebased(postings: Postings, by: int) -> Postings:
    """Moves postings to a range that begins `by` leaves before theirs."""
    moved = postings.copy()
    moved.view(FIELDS)["offset"] += by
    return moved


def merged(runs: Sequence[Iterable[Postings]]) -> Iterator[Postings]:
    """Yields the postings of runs together, sorted, in blocks; each run comes as its own sorted blocks.

    No posting is in two of them. Holds one block of each run at a time: what is not above the least of their last
    postings can be put in order, since whatever follows in any run is above it.
    """
    sources = [iter(run) for run in runs]
    blocks = [_next_block(source) for source in sources]
    while any(len(block) for block in blocks):
        bound = min(block[-1] for block in blocks if len(block))
        ends = [int(np.searchsorted(block, bound, side="right")) for block in blocks]
        yield np.sort(np.concatenate([block[:end] for block, end in zip(blocks, ends, strict=True)]), kind="stable")
        rests = [block[end:] for block, end in zip(blocks, ends, strict=True)]
        blocks = [rest if len(rest) else _next_block(source) for rest, source in zip(rests, sources, strict=True)]


def _next_block(source: Iterator[Postings]) -> Postings:
    """Gives the next block that is not empty; an empty one at the end."""
    return next((block for block in source if len(block)), np.empty(0, POSTING))
