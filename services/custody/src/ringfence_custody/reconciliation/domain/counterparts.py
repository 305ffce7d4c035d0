"""What a break's line may be on the other side, why, and by how much its mirror is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ringfence_custody.reconciliation.domain.breaks import ONLY_OF, STEPS, Break, Kind, Side, Status
from ringfence_custody.reconciliation.domain.lines import Lines, Records, RowNumbers, Words, words_of
from ringfence_custody.reconciliation.domain.mirror import Mirror

Flags: TypeAlias = NDArray[np.bool_]
MOST_CANDIDATES = 20
BLOCK_ROWS = 16_384
"""So many rows are looked at while they are near at hand."""
_RANKED = np.dtype([("row", "<i8"), ("weight", "<i8"), ("key", "<i8")])


class Likeness(IntEnum):
    """Why two lines may be one, the strongest first."""

    KEY = 1
    REFERENCE = 2
    AMOUNT = 3

    @property
    def weight(self) -> int:
        """A bit, that of a stronger one above those of all weaker ones."""
        return 1 << (len(Likeness) - self)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A line of the other side, and why it may be the counterpart."""

    line: Records
    likeness: tuple[Likeness, ...]


def line_of(mirror: Mirror, found: Break) -> Records | None:
    """Returns a break's line, None where it is not open, or there is none."""
    sides = _sides(mirror, found)
    if sides is None:
        return None
    rows, is_open = sides[0].look_up(words_of([found.line]))
    return rows[0] if is_open[0] else None


def candidates(mirror: Mirror, found: Break) -> list[Candidate]:
    """Returns open lines that may be a break's counterpart, the likeliest first, then the nearest by day.

    Of those as near the first that came: nobody decides meanwhile, and a mirror may have a million open lines.
    """
    line, sides = line_of(mirror, found), _sides(mirror, found)
    if line is None or sides is None:
        return []
    rows, named = sides[1].rows, _named(mirror, found, line)
    nearest = [np.zeros(0, _RANKED)]
    for start in range(0, len(rows), BLOCK_ROWS):
        part = _ranked(rows[start : start + BLOCK_ROWS], line, named[start : start + BLOCK_ROWS])
        part["row"] += start
        nearest.append(part)
    ranked = np.concatenate(nearest)
    return [
        Candidate(rows[row].copy(), tuple([each for each in Likeness if each.weight & weight]))
        for row, weight, _ in ranked[_least(ranked["key"])].tolist()
    ]


def lacking_minor(mirror: Mirror, found: Break) -> int:
    """Returns what a mirror lacks by a break's line, minor units: below zero where it has too much."""
    if found.side is Side.BANK:
        posted = mirror.books.amounts_minor(mirror.posted_for(found.line))
        return sum(mirror.bank.amounts_minor([found.line])) - sum(posted)
    if found.side is Side.BOOKS:
        return -sum(mirror.books.amounts_minor([found.line]))
    return found.amount_minor if found.incoming else -found.amount_minor


def next_steps(found: Break) -> Iterator[Status]:
    """Yields the statuses that a break may go to."""
    for status in Status:
        if status in STEPS[found.status] and found.kind in ONLY_OF.get(status, frozenset(Kind)):
            yield status


def _sides(mirror: Mirror, found: Break) -> tuple[Lines, Lines] | None:
    """Returns the lines among which a break's stands, and those of the other side; None where it has none."""
    if found.side is Side.BANK:
        return mirror.bank, mirror.books
    return (mirror.books, mirror.bank) if found.side is Side.BOOKS else None


def _named(mirror: Mirror, found: Break, line: Records) -> Flags:
    """Tells which lines of the other side a break's line names, or is named by."""
    if found.side is Side.BOOKS:
        keys = mirror.bank.rows["key"]
        wanted = [line["id"], *([line["key"]] if line["key"].any() else [])]
        is_named: Flags = np.logical_or.reduce([_is(keys, each) for each in wanted])
        return is_named
    named: Flags = np.zeros(len(mirror.books.rows), bool)
    posted = mirror.posted_for(found.line)
    if posted:
        named[mirror.books.find(words_of(posted))] = True
    return named


def _is(ids: Words, wanted: Words) -> Flags:
    """Tells which ids are the one that is wanted."""
    are: Flags = (ids[:, 0] == wanted[0]) & (ids[:, 1] == wanted[1])
    return are


def _ranked(rows: Records, line: Records, named: Flags) -> Records:
    """Returns those rows that are most like a line, with how much, and the key that orders them."""
    weight = (rows["amount_minor"] == line["amount_minor"]) * np.uint8(Likeness.AMOUNT.weight)
    if line["reference"].any():
        weight |= _is(rows["reference"], line["reference"]) * np.uint8(Likeness.REFERENCE.weight)
    weight |= named * np.uint8(Likeness.KEY.weight)
    alike = np.flatnonzero((weight > 0) & (rows["open"] > 0))
    away = np.abs(rows["day"][alike].astype(np.int64) - int(line["day"]))
    # The stronger first, and of as strong ones the nearer: days are 32 bits.
    keys = away - (weight[alike].astype(np.int64) << 33)
    kept = _least(keys)
    ranked = np.empty(len(kept), _RANKED)
    ranked["row"], ranked["weight"], ranked["key"] = alike[kept], weight[alike[kept]], keys[kept]
    return ranked


def _least(keys: NDArray[np.int64]) -> RowNumbers:
    """Returns where the first keys are, in order, and of equal ones the first; the others are not sorted."""
    kept, count = np.arange(len(keys)), MOST_CANDIDATES
    if len(keys) > count:
        bound = np.partition(keys, count - 1)[count - 1]
        below = np.flatnonzero(keys < bound)
        kept = np.concatenate([below, np.flatnonzero(keys == bound)[: count - len(below)]])
    order: RowNumbers = kept[np.argsort(keys[kept], kind="stable")]
    return order
