"""Takes the keys of many leaves at once.

Leaves of one kind and shape have every field at the same place. They are laid one below the other, one of them is read,
and the columns of its keys are cut out of all that have the same bytes wherever it has no value. `keys_of`,
`tenants_of` and `account_of` say the same of each leaf alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ringfence_audit.index.domain.keys import (
    ACCOUNT_KIND,
    ACCOUNT_NAME,
    AMOUNT_NAME,
    AMOUNT_TAG,
    BY_KIND,
    CURRENCY_NAME,
    FILE_BYTES,
    FILE_NAMES,
    OWNER_NAME,
    account_of,
    is_key,
    keys_of,
    tenants_of,
)
from ringfence_audit.index.domain.ranges import BUNDLE_LEAVES
from ringfence_audit.index.domain.runs import KEY_BYTES, OFFSET_BYTES, POSTING, POSTING_BYTES, Postings, sorted_postings
from ringfence_audit.log.domain.leaf import BYTES, INTEGER, decode
from ringfence_audit.log.domain.sight import TENANT_NAMES

FEWEST_ALIKE = 4
"""Leaves of a shape; fewer are read one by one."""
MOST_SHAPES = 8
"""Of leaves with the same length and beginning; what is left then is read one by one."""
_PREFIX_BYTES = 32

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Extracted:
    """Keys (n, 16) of consecutive leaves of the log, and the index (n) of the leaf of each, in no order.

    `tenants` are the platforms that they name, (number of the bundle, platform), and `accounts` those of which they say
    whose they are, (owner, account).
    """

    keys: Bytes
    leaves: Numbers
    tenants: set[tuple[int, bytes]]
    accounts: set[tuple[bytes, bytes]]

    def cut(self, ends: Sequence[int]) -> list[Postings]:
        """Gives the postings of the leaves before each end, from the one before on; sorted, each once.

        Ends ascend, the last one is after all leaves, and none is beyond the bundle of the leaves before it: offsets
        are in bundles.
        """
        piece = np.searchsorted(np.array(ends), self.leaves, side="right").astype(np.uint16)
        order = np.argsort(piece, kind="stable")
        postings = _postings(self.keys[order], self.leaves[order] % BUNDLE_LEAVES)
        bounds = np.searchsorted(piece[order], np.arange(1, len(ends)))
        return [sorted_postings(part) for part in np.split(postings, bounds)]


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where leaves of a shape have no values, and where the values begin that are keys and platforms."""

    fixed: npt.NDArray[np.bool_]
    keys: tuple[int, ...]
    tenants: tuple[int, ...]
    account: tuple[int, int] | None = None
    """Where owner and account begin, in leaves that say whose an account is."""
    amount: tuple[int, int] | None = None
    """Where currency and amount begin, in leaves that have both."""


def extract(first_leaf: int, leaves: Sequence[bytes]) -> Extracted:
    """Takes the keys of consecutive leaves, the first of which has this index; raises ValueError where one is none."""
    if len(leaves) < FEWEST_ALIKE:
        return _each(first_leaf, leaves)
    groups: dict[tuple[int, bytes], list[int]] = {}
    for number, leaf in enumerate(leaves):
        groups.setdefault((len(leaf), leaf[:_PREFIX_BYTES]), []).append(number)
    keys, numbers = [np.empty((0, KEY_BYTES), np.uint8)], [np.empty(0, np.int64)]
    tenants: set[tuple[int, bytes]] = set()
    accounts: set[tuple[bytes, bytes]] = set()
    for (length, _), members in groups.items():
        stacked = np.frombuffer(b"".join([leaves[number] for number in members]), np.uint8).reshape(-1, length)
        for layout, rows, indexes in _shapes(stacked, first_leaf + np.array(members)):
            for at in layout.keys:
                keys.append(rows[:, at : at + KEY_BYTES])
                numbers.append(indexes)
            if layout.amount is not None:
                keys.append(_amounts(rows, *layout.amount))
                numbers.append(indexes)
            for at in layout.tenants:
                tenants |= _tenants(rows[:, at : at + KEY_BYTES], indexes)
            if layout.account is not None:
                accounts.update(zip(*(_column(rows, at) for at in layout.account), strict=True))
    found, indexes = np.concatenate(keys), np.concatenate(numbers)
    named = found.any(axis=1)
    return Extracted(found[named], indexes[named], tenants, accounts)


def _each(first_leaf: int, leaves: Sequence[bytes]) -> Extracted:
    """Takes the keys of few leaves, one by one."""
    found = [(key, index) for index, leaf in enumerate(leaves, first_leaf) for key in keys_of(leaf)]
    return Extracted(
        np.frombuffer(b"".join([key for key, _ in found]), np.uint8).reshape(-1, KEY_BYTES),
        np.array([index for _, index in found], np.int64),
        {(index // BUNDLE_LEAVES, each) for index, leaf in enumerate(leaves, first_leaf) for each in tenants_of(leaf)},
        {account for leaf in leaves if (account := account_of(leaf)) is not None},
    )


def _shapes(stacked: Bytes, indexes: Numbers) -> Iterator[tuple[_Layout, Bytes, Numbers]]:
    """Yields the leaves of each shape, of those of one length and beginning."""
    for _ in range(MOST_SHAPES):
        if len(stacked) < FEWEST_ALIKE or (layout := _layout(stacked[0].tobytes())) is None:
            break
        alike = (stacked[:, layout.fixed] == stacked[0, layout.fixed]).all(axis=1)
        yield layout, stacked[alike], indexes[alike]
        stacked, indexes = stacked[~alike], indexes[~alike]
    for row, index in zip(stacked, indexes, strict=True):
        yield _alone(row.tobytes(), index)


def _layout(leaf: bytes) -> _Layout | None:
    """Reads the shape of a leaf; None where its kind is a key, too: such leaves are few."""
    kind, fields = decode(leaf)
    if kind in BY_KIND:
        return None
    fixed = np.ones(len(leaf), np.bool_)
    starts: dict[str, int] = {}
    files, numbers = list[int](), dict[str, int]()
    at = 2 + leaf[1]
    for name in fields:
        at += 1 + len(name)
        kind_of_value, length = leaf[at], int.from_bytes(leaf[at + 1 : at + 3], "big")
        at += 3
        fixed[at : at + length] = False
        if kind_of_value == BYTES and length == KEY_BYTES:
            starts[name] = at
        elif kind_of_value == BYTES and length == FILE_BYTES and name in FILE_NAMES:
            files.append(at)
        elif kind_of_value == INTEGER:
            numbers[name] = at
        at += length
    keys, tenants = (
        tuple(starts[name] for name in starts if chosen(name)) for chosen in (is_key, TENANT_NAMES.__contains__)
    )
    account = amount = None
    if kind == ACCOUNT_KIND and {OWNER_NAME, ACCOUNT_NAME} <= starts.keys():
        account = starts[OWNER_NAME], starts[ACCOUNT_NAME]
    if {CURRENCY_NAME, AMOUNT_NAME} <= numbers.keys():
        amount = numbers[CURRENCY_NAME], numbers[AMOUNT_NAME]
    return _Layout(fixed, (*keys, *files), tenants, account, amount)


def _alone(leaf: bytes, index: int) -> tuple[_Layout, Bytes, Numbers]:
    """Lays the keys, platforms, owner and account of a leaf out as if it had nothing else."""
    keys, tenants, account = keys_of(leaf), sorted(tenants_of(leaf)), account_of(leaf) or ()
    values = [*keys, *tenants, *account]
    starts = [KEY_BYTES * number for number in range(len(values))]
    before, after = len(keys), len(keys) + len(tenants)
    layout = _Layout(
        np.empty(0, np.bool_),
        tuple(starts[:before]),
        tuple(starts[before:after]),
        (starts[after], starts[after + 1]) if account else None,
    )
    return layout, np.frombuffer(b"".join(values), np.uint8).reshape(1, -1), np.array([index])


def _amounts(rows: Bytes, ledger: int, amount: int) -> Bytes:
    """Gives the keys of amounts (n, 16), zeros where there is none: both stand in 8 bytes, big-endian and signed."""
    keys = np.empty((len(rows), KEY_BYTES), np.uint8)
    keys[:, :4] = np.frombuffer(AMOUNT_TAG, np.uint8)
    keys[:, 4:8] = rows[:, ledger + 4 : ledger + 8]
    keys[:, 8:] = rows[:, amount : amount + 8]
    is_currency = keys[:, 4:8].any(axis=1) & ~rows[:, ledger : ledger + 4].any(axis=1)
    keys[~(is_currency & keys[:, 8:].any(axis=1) & (keys[:, 8] < 0x80))] = 0
    return keys


def _column(rows: Bytes, at: int) -> list[bytes]:
    column = rows[:, at : at + KEY_BYTES].tobytes()
    return [column[start : start + KEY_BYTES] for start in range(0, len(column), KEY_BYTES)]


def _tenants(values: Bytes, indexes: Numbers) -> set[tuple[int, bytes]]:
    named = np.unique(_postings(values, indexes // BUNDLE_LEAVES)).tobytes()
    found = (named[at : at + POSTING_BYTES] for at in range(0, len(named), POSTING_BYTES))
    return {(int.from_bytes(each[KEY_BYTES:], "big"), each[:KEY_BYTES]) for each in found}


def _postings(keys: Bytes, offsets: Numbers) -> Postings:
    """Puts keys (n, 16) and numbers (n) below 2^32 together."""
    postings = np.empty((len(keys), POSTING_BYTES), np.uint8)
    postings[:, :KEY_BYTES] = keys
    postings[:, KEY_BYTES:] = offsets.astype(f">u{OFFSET_BYTES}").view(np.uint8).reshape(-1, OFFSET_BYTES)
    return postings.view(POSTING).ravel()
