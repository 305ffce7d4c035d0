"""Entries as columns of an event, and back."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from ringfence_kernel.values.columns import pack, split_ids, unpack

from ringfence_payment_instruction.statements.domain.told import REFERENCE_BYTES, Part, Told

RowT = TypeVar("RowT")
INCOMING, REVERSAL, UNSURE_MARK, _BLOCKED = 1, 2, 4, 8
MOST_ROWS = 1_000
"""Of one event: keeps it below the feed's bounds."""
REMEMBERED_EVENTS = 128
"""As many as a telling of 100,000 entries has."""
_NAMES = (
    "days", "amounts_minor", "marks", "transactions", "reference_counts", "part_counts", "part_amounts_minor",
    "part_reference_counts", "part_clients", "part_marks", "references",
)  # fmt: skip
_WITHOUT_UNSURE = bytes([mark & ~UNSURE_MARK for mark in range(256)])
_KEPT: OrderedDict[tuple[bytes, ...], tuple[Told, ...]] = OrderedDict()


def columns_of(rows: Sequence[Told]) -> dict[str, bytes]:
    """Returns the columns that all events about entries have in common, by the names of their fields."""
    parts = [part for each in rows for part in each.parts]
    references = [
        sorted(found) for each in rows for found in (each.references, *[part.references for part in each.parts])
    ]
    return {
        "days": pack("i", [each.day for each in rows]),
        "amounts_minor": pack("Q", [each.amount_minor for each in rows]),
        "marks": bytes([marks_of(each) | _BLOCKED * each.blocked for each in rows]),
        "transactions": pack("I", [each.transactions for each in rows]),
        "reference_counts": pack("I", [len(each.references) for each in rows]),
        "part_counts": pack("I", [len(each.parts) for each in rows]),
        "part_amounts_minor": pack("Q", [part.amount_minor for part in parts]),
        "part_reference_counts": pack("I", [len(part.references) for part in parts]),
        "part_clients": b"".join([part.client for part in parts]),
        "part_marks": bytes([_BLOCKED * part.blocked for part in parts]),
        "references": b"".join([each for found in references for each in found]),
    }


def kept_columns_of(rows: Sequence[Told]) -> dict[str, bytes]:
    """Does the same, and `rows_of` an event of them are these entries: no others are made of what is decided on."""
    columns = columns_of(rows)
    _KEPT[tuple([columns[name] for name in _NAMES])] = tuple(rows)
    while len(_KEPT) > REMEMBERED_EVENTS:
        _KEPT.popitem(last=False)
    return columns


def rows_of(event: Any) -> tuple[Told, ...]:
    """Returns the entries of an event that has these columns."""
    columns = {name: getattr(event, name) for name in _NAMES}
    columns["marks"] = columns["marks"].translate(_WITHOUT_UNSURE)
    found = _KEPT.get(tuple(columns.values()))
    return _rows(**columns) if found is None else found


def _rows(
    days: bytes, amounts_minor: bytes, marks: bytes, transactions: bytes, reference_counts: bytes, part_counts: bytes,
    part_amounts_minor: bytes, part_reference_counts: bytes, part_clients: bytes, part_marks: bytes, references: bytes,
) -> tuple[Told, ...]:  # fmt: skip
    said = _split(references)
    amounts, counts = iter(unpack("Q", part_amounts_minor)), iter(unpack("I", part_reference_counts))
    clients, blocks = iter(split_ids(part_clients)), iter(part_marks)
    columns = zip(
        unpack("i", days), unpack("Q", amounts_minor), marks, unpack("I", transactions), unpack("I", reference_counts),
        unpack("I", part_counts), strict=True,
    )  # fmt: skip
    rows = []
    for day, amount, mark, count, own, parts in columns:
        found = frozenset(islice(said, own))
        inner = tuple(
            [
                Part(next(amounts), _one(frozenset(islice(said, next(counts))), found), next(clients), block != 0)
                for block in islice(blocks, parts)
            ]
        )
        is_blocked = bool(mark & _BLOCKED)
        rows.append(Told(day, amount, bool(mark & INCOMING), bool(mark & REVERSAL), found, inner, count, is_blocked))
    return tuple(rows)


def forget_rows() -> None:
    """Lets go of the entries that were remembered until they are recorded."""
    _KEPT.clear()


def marks_of(told: Told) -> int:
    """Returns in which way an entry goes: 1 incoming, 2 reversal."""
    return INCOMING * told.incoming + REVERSAL * told.reversal


def portions(rows: Mapping[bytes, RowT]) -> Iterator[dict[bytes, RowT]]:
    """Yields rows by their ids, as many at a time as one event holds."""
    items = iter(rows.items())
    while portion := dict(islice(items, MOST_ROWS)):
        yield portion


def lists_of(counts: bytes, ids: bytes) -> list[tuple[bytes, ...]]:
    """Returns the ids that belong to each row."""
    found = iter(split_ids(ids))
    return [tuple(islice(found, count)) for count in unpack("I", counts)]


def packed_lists(lists: Sequence[Sequence[bytes]], counts: str, ids: str) -> Mapping[str, bytes]:
    """Returns the two columns of a list of ids for each row, under these names."""
    return {counts: pack("I", [len(each) for each in lists]), ids: b"".join([each for one in lists for each in one])}


def _one(references: frozenset[bytes], same: frozenset[bytes]) -> frozenset[bytes]:
    """Returns what is kept once of two that are equal, as the only part's and the whole's are."""
    return same if references == same else references


def _split(packed: bytes) -> Iterator[bytes]:
    return (packed[at : at + REFERENCE_BYTES] for at in range(0, len(packed), REFERENCE_BYTES))
