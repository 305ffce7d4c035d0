"""Takes fields of many leaves of a kind at once, as columns of bytes: leaves of a shape have them at the same place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ringfence_audit.log.domain.leaf import BYTES, INTEGER

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]
Fields = Mapping[str, int]
"""Names of fields, with the type of each (docs/formats.md): ids of 16 bytes, or integers."""
MOST_SHAPES = 16
"""Of leaves with one length; what is left then is read one by one."""
WIDTHS = {INTEGER: 8, BYTES: 16}


def columns_of(leaves: Sequence[bytes], fields: Fields) -> Mapping[str, Bytes]:
    """Gives a column (n, width) of each field; zeros where a leaf has none of this name, type and width."""
    taken = {name: np.zeros((len(leaves), WIDTHS[kind]), np.uint8) for name, kind in fields.items()}
    lengths = np.array([len(leaf) for leaf in leaves])
    for length in np.unique(lengths).tolist():
        members = np.flatnonzero(lengths == length)
        stacked = np.frombuffer(b"".join([leaves[at] for at in members.tolist()]), np.uint8).reshape(-1, length)
        for starts, rows, alike in _shapes(stacked, members, fields):
            for name, start in starts.items():
                column = taken[name]
                column[alike] = rows[:, start : start + column.shape[1]]
    return taken


def integers(column: Bytes) -> Numbers:
    """Reads a column of integers."""
    return column.view(">i8").ravel().astype(np.int64)


def _shapes(stacked: Bytes, members: Numbers, fields: Fields) -> Iterator[tuple[dict[str, int], Bytes, Numbers]]:
    """Yields the leaves of each shape, of those of one length: where the fields start, the leaves, their numbers."""
    for _ in range(MOST_SHAPES):
        if not len(stacked):
            return
        starts, fixed = _layout(stacked[0].tobytes(), fields)
        alike = (stacked[:, fixed] == stacked[0, fixed]).all(axis=1)
        yield starts, stacked[alike], members[alike]
        stacked, members = stacked[~alike], members[~alike]
    for row, member in zip(stacked, members, strict=True):
        starts, _ = _layout(row.tobytes(), fields)
        yield starts, row.reshape(1, -1), np.array([member])


def _layout(leaf: bytes, fields: Fields) -> tuple[dict[str, int], NDArray[np.bool_]]:
    """Gives where the wanted values of a leaf start, and what of it is no value: the leaf is one of this log's."""
    fixed, starts = np.ones(len(leaf), np.bool_), dict[str, int]()
    at = 2 + leaf[1]
    while at < len(leaf):
        name = leaf[at + 1 : at + 1 + leaf[at]].decode("ascii")
        at += 1 + leaf[at]
        kind, length = leaf[at], int.from_bytes(leaf[at + 1 : at + 3], "big")
        at += 3
        fixed[at : at + length] = False
        if fields.get(name) == kind and length == WIDTHS[kind]:
            starts[name] = at
        at += length
    return starts, fixed
