"""Open lines of one side of a bank mirror as columns of machine words: a million take 72 MB.

A line is what a bank books, or what the books hold, on a mirror. Rows are found by id over a sorted index; a row that
has left is a gap until enough of them are worth closing.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from ringfence_kernel.values.ids import ID_BYTES
from ringfence_kernel.writing.journal import Journal

Records: TypeAlias = NDArray[Any]
RowNumbers: TypeAlias = NDArray[np.int64]
Words: TypeAlias = NDArray[np.uint64]

LINE = np.dtype(
    [
        ("id", "<u8", 2),
        ("key", "<u8", 2),
        ("reference", "<u8", 2),
        ("amount_minor", "<i8"),
        ("position", "<u8"),
        ("day", "<i4"),
        ("state", "u1"),
        ("marks", "u1"),
        ("open", "u1"),
        ("contra", "u1"),
    ]
)
"""One line: `key` is what its counterpart is known by, `amount_minor` is above zero where money came in.

`position` is where the feed told of it; `contra` the class of the account on the other side, of a line in the books.
"""
SMALLEST = 64
GAPS = 4_096
_ODD = np.uint64(0x9E3779B97F4A7C15)


def words_of(ids: Sequence[bytes]) -> Words:
    """Returns ids of 16 bytes as pairs of words."""
    return np.frombuffer(b"".join(ids), "<u8").reshape(-1, 2)


def id_of(words: Words) -> bytes:
    """Returns the id of a pair of words."""
    return words.astype("<u8").tobytes()


def mixed(pairs: Words) -> Words:
    """Returns one word per id: 0 for the id of zeros alone, but for one id in 2^64."""
    return pairs[:, 0] * _ODD ^ pairs[:, 1]


class Lines:
    """Lines by id; every change goes through the journal."""

    __slots__ = ("_count", "_gaps", "_indexed", "_order", "_rows", "_sorted")

    def __init__(self) -> None:
        """Starts empty."""
        self._rows: Records = np.zeros(SMALLEST, LINE)
        self._count = self._gaps = self._indexed = 0
        self._sorted: Words = np.zeros(0, np.uint64)
        self._order: RowNumbers = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return self._count - self._gaps

    @property
    def rows(self) -> Records:
        """All rows, gaps among them: to be read, and never to be kept beyond the next change."""
        return self._rows[: self._count]

    def open_rows(self) -> RowNumbers:
        """Returns the numbers of the rows that are no gaps."""
        return np.flatnonzero(self.rows["open"])

    def find(self, wanted: Words) -> RowNumbers:
        """Returns the row of each id, -1 where it is not open."""
        self._index()
        found = np.full(len(wanted), -1, np.int64)
        words = mixed(wanted)
        at = np.searchsorted(self._sorted, words)
        left = np.arange(len(wanted))
        while len(left):
            left = left[at[left] < len(self._sorted)]
            left = left[self._sorted[at[left]] == words[left]]
            rows = self._order[at[left]]
            fits = (self._rows["id"][rows] == wanted[left]).all(axis=1) & (self._rows["open"][rows] > 0)
            found[left[fits]] = rows[fits]
            left = left[~fits]
            at[left] += 1
        return found

    def look_up(self, wanted: Words) -> tuple[Records, NDArray[np.bool_]]:
        """Returns a copy of the line of each id, of zeros where it is not open, and which are."""
        rows, found = self.find(wanted), np.zeros(len(wanted), LINE)
        is_open = rows >= 0
        found[is_open] = self._rows[rows[is_open]]
        return found, is_open

    def add(self, lines: Records, journal: Journal) -> None:
        """Appends lines that are not there."""
        journal.call(self._cut, self._count)
        self._make_room(len(lines))
        self._rows[self._count : self._count + len(lines)] = lines
        self._count += len(lines)

    def change(self, rows: RowNumbers, lines: Records, journal: Journal) -> None:
        """Puts other lines of the same ids in the place of rows."""
        journal.call(self._put_back, rows, self._rows[rows])
        self._rows[rows] = lines

    def remove(self, rows: RowNumbers, journal: Journal) -> None:
        """Lets rows go."""
        journal.call(self._open_again, rows)
        self._rows["open"][rows] = 0
        self._gaps += len(rows)
        if self._gaps > GAPS and 2 * self._gaps > self._count:
            self._close_gaps(journal)

    def digest(self) -> bytes:
        """Returns a hash of the open lines, whatever order they came in."""
        rows = self.rows[self.open_rows()]
        return sha256(rows[np.lexsort((rows["id"][:, 1], rows["id"][:, 0]))].tobytes()).digest()

    def save(self) -> bytes:
        """Returns the open lines, in the order in which they came."""
        return self.rows[self.open_rows()].tobytes()

    def restore(self, content: memoryview) -> None:
        """Takes up what `save` returned; raises ValueError for another width."""
        rows = np.frombuffer(content, LINE)
        self._count, self._gaps = 0, 0
        self._rows = np.zeros(max(len(rows), SMALLEST), LINE)
        self._rows[: len(rows)] = rows
        self._count = len(rows)
        self._forget_index()

    def _make_room(self, count: int) -> None:
        needed = self._count + count
        if needed > len(self._rows):
            wider = np.zeros(max(needed, len(self._rows) * 3 // 2), LINE)
            wider[: self._count] = self.rows
            self._rows = wider

    def _close_gaps(self, journal: Journal) -> None:
        journal.call(self._take_back, self._rows, self._count, self._gaps)
        kept = self.rows[self.open_rows()]
        self._rows, self._count, self._gaps = np.zeros(max(len(kept), SMALLEST), LINE), len(kept), 0
        self._rows[: len(kept)] = kept
        self._forget_index()

    def _index(self) -> None:
        """Sorts the rows that came since the last look in among the others."""
        if self._indexed == self._count:
            return
        fresh = mixed(self._rows["id"][self._indexed : self._count])
        order = np.argsort(fresh, kind="stable")
        at = np.searchsorted(self._sorted, fresh[order])
        self._sorted = np.insert(self._sorted, at, fresh[order])
        self._order = np.insert(self._order, at, order + self._indexed)
        self._indexed = self._count

    def _forget_index(self) -> None:
        self._sorted, self._order = np.zeros(0, np.uint64), np.zeros(0, np.int64)
        self._indexed = 0

    def _cut(self, count: int) -> None:
        self._count = count
        self._forget_index()

    def _put_back(self, rows: RowNumbers, lines: Records) -> None:
        self._rows[rows] = lines

    def _open_again(self, rows: RowNumbers) -> None:
        self._rows["open"][rows] = 1
        self._gaps -= len(rows)

    def _take_back(self, rows: Records, count: int, gaps: int) -> None:
        self._rows, self._count, self._gaps = rows, count, gaps
        self._forget_index()


def id_bytes(column: Words) -> bytes:
    """Returns a column of ids, 16 bytes each."""
    content = np.ascontiguousarray(column).astype("<u8").tobytes()
    if len(content) != len(column) * ID_BYTES:
        raise AssertionError("ids are pairs of words")
    return content
