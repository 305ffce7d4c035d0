"""The search index, which follows the log on its own.

What rows there are after an event follows from the events alone, in whatever batches they come: a run from the moment
when its range is complete until as many checkpoints as KEPT_STATES, one after the other, were signed over states whose
index needs it no more, because it goes beyond the range above.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ringfence_kernel.values.recorded import Recorded

from ringfence_audit.index.adapters.stored_runs import merge_parts, read_tail, write_run, write_tail
from ringfence_audit.index.domain.errors import IndexDamaged
from ringfence_audit.index.domain.extracting import extract
from ringfence_audit.index.domain.ranges import BUNDLE_LEAVES, LEVELS, Range, span
from ringfence_audit.index.domain.runs import Postings, sorted_postings
from ringfence_audit.log.domain.events import CheckpointSigned, Growth, StateRecorded, leaves_of
from ringfence_audit.log.domain.state_leaf import stated_index

BLOCK_LEAVES = 8_192
"""Their keys are taken at once."""

KEPT_STATES = 31
"""Signed states, one after the other, whose runs stay: with one a second, an answer under it has half a minute."""

SAVE_TENANTS = "INSERT INTO index_tenants SELECT * FROM unnest(%b::bytea[], %b::bigint[]) ON CONFLICT DO NOTHING"
SAVE_ACCOUNTS = "INSERT INTO index_accounts SELECT * FROM unnest(%b::bytea[], %b::bytea[]) ON CONFLICT DO NOTHING"
SAVE_STATE = "INSERT INTO index_states VALUES (%b, %b, %b)"
STATED = "SELECT index_size FROM index_states WHERE size = %b"
FORGET_STATES = (
    "DELETE FROM index_states WHERE size <= %(size)b AND NOT signed OR size = %(size)b"
    " OR size <= (SELECT size FROM index_states WHERE signed AND size < %(size)b ORDER BY size DESC"
    " OFFSET %(others)b LIMIT 1)"
)
NEEDED = "SELECT count(*) AS states, min(index_size) AS index_size FROM index_states WHERE signed"


@dataclass(slots=True)
class _Block:
    """Consecutive leaves of some events; `ends` has the number of the leaf after each event."""

    first_leaf: int
    leaves: list[bytes] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def add(self, event: Growth) -> None:
        self.leaves.extend(leaves_of(event))
        self.ends.append(self.first_leaf + len(self.leaves))

    def pieces(self) -> list[Range]:
        """Gives what it brings to each bundle: all together where it completes one, else what each event brings."""
        end = self.first_leaf + len(self.leaves)
        opened = max(end - end % BUNDLE_LEAVES, self.first_leaf)
        bundles = range(self.first_leaf - self.first_leaf % BUNDLE_LEAVES + BUNDLE_LEAVES, opened + 1, BUNDLE_LEAVES)
        ends = [*bundles, *(each for each in self.ends if each > opened)]
        return [Range(first, end - first) for first, end in zip([self.first_leaf, *ends], ends, strict=False)]


class IndexModel:
    """Which leaves are found by which key: runs of sorted postings, and which bundles name which platform."""

    name = "index"
    tables: Sequence[str] = (
        "index_runs",
        "index_chunks",
        "index_tail",
        "index_states",
        "index_tenants",
        "index_accounts",
    )

    def project(self, connection: Any, recorded: Sequence[Recorded]) -> None:
        """Writes the rows of these events; raises IndexDamaged where rows that they build on were changed."""
        unneeded_below, block = 0, None
        for each in recorded:
            event = each.event
            if isinstance(event, Growth):
                block = block or _Block(event.first_leaf)
                block.add(event)
                if len(block.leaves) >= BLOCK_LEAVES:
                    _index(connection, block)
                    block = None
            if isinstance(event, StateRecorded):
                _note_state(connection, event)
            elif isinstance(event, CheckpointSigned):
                unneeded_below = max(unneeded_below, _note_signed(connection, event))
        if block:
            _index(connection, block)
        _delete_merged(connection, unneeded_below)


def _index(connection: Any, block: _Block) -> None:
    """Writes what a block of leaves brings; completes bundles, and the ranges above."""
    extracted = extract(block.first_leaf, block.leaves)
    tenants = sorted(extracted.tenants)
    if tenants:
        connection.execute(SAVE_TENANTS, ([tenant for _, tenant in tenants], [bundle for bundle, _ in tenants]))
    if extracted.accounts:
        connection.execute(SAVE_ACCOUNTS, tuple(map(list, zip(*sorted(extracted.accounts), strict=True))))
    pieces = block.pieces()
    tail = list[tuple[Range, Postings]]()
    for piece, postings in zip(pieces, extracted.cut([each.end for each in pieces]), strict=True):
        if piece.end % BUNDLE_LEAVES:
            tail.append((piece, postings))
        else:
            _complete(connection, piece, postings)
    # What is not complete comes after all that is.
    write_tail(connection, tail)


def _complete(connection: Any, piece: Range, postings: Postings) -> None:
    """Writes the run of the bundle that a piece completes, and of all ranges that end with it."""
    if piece.leaves < BUNDLE_LEAVES:
        earlier = list(read_tail(connection))
        if sum(each.leaves for each, _ in earlier) + piece.leaves != BUNDLE_LEAVES:
            raise IndexDamaged(first_leaf=str(piece.end - BUNDLE_LEAVES), leaves=str(BUNDLE_LEAVES - piece.leaves))
        postings = sorted_postings(np.concatenate([*(each for _, each in earlier), postings]))
        connection.execute("DELETE FROM index_tail")
    write_run(connection, Range(piece.end - BUNDLE_LEAVES, BUNDLE_LEAVES), [postings])
    for level in range(1, LEVELS):
        if piece.end % span(level):
            break
        merge_parts(connection, level, piece.end - span(level))


def _note_state(connection: Any, event: StateRecorded) -> None:
    size = event.first_leaf + 1
    connection.execute(SAVE_STATE, (size, min(stated_index(event.leaf).size, size), False))


def _note_signed(connection: Any, event: CheckpointSigned) -> int:
    """Takes note of a signed checkpoint; gives below which leaf neither it nor any that is kept needs merged runs.

    Under one without a state nothing is answered completely: searches, which look in all of the index, need no more
    than its newest runs.
    """
    stated = connection.execute(STATED, (event.size,)).fetchone()
    connection.execute(FORGET_STATES, {"size": event.size, "others": KEPT_STATES - 1})
    connection.execute(SAVE_STATE, (event.size, stated["index_size"] if stated else event.size, True))
    needed = connection.execute(NEEDED).fetchone()
    return int(needed["index_size"]) if needed["states"] == KEPT_STATES else 0


def _delete_merged(connection: Any, unneeded_below: int) -> None:
    """Deletes the runs of ranges below a leaf that are part of a complete one which ends there or before."""
    for level in range(LEVELS - 1):
        end = unneeded_below - unneeded_below % span(level + 1)
        if end:
            connection.execute("DELETE FROM index_chunks WHERE level = %b AND first_leaf < %b", (level, end))
            connection.execute("DELETE FROM index_runs WHERE level = %b AND first_leaf < %b", (level, end))
