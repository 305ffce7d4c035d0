"""Entries as columns of an event, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from ringfence_kernel.values.columns import pack, split_ids, unpack

from ringfence_payment_instruction.statements.domain.told import REFERENCE_BYTES, Part, Told

RowT = TypeVar("RowT")
INCOMING, REVERSAL, UNSURE_MARK, _BLOCKED = 1, 2, 4, 8
MOST_ROWS = 1_000
"""Of one event: keeps it below the feed's bounds."""


def columns_of(rows: Sequence[Told]) -> dict[str, bytes]:
    """Returns the columns that all events about entries have in common, by the names of their fields."""
    parts = [part for each in rows for part in each.parts]
    references = [
        sorted(found) for each in rows for found in (each.references, *(part.references for part in each.parts))
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


def rows_of(event: Any) -> list[Told]:
    """Returns the entries of an event that has these columns."""
    references = _split(event.references)
    amounts, counts = iter(unpack("Q", event.part_amounts_minor)), iter(unpack("I", event.part_reference_counts))
    clients, blocks = iter(split_ids(event.part_clients)), iter(event.part_marks)
    columns = zip(
        unpack("i", event.days),
        unpack("Q", event.amounts_minor),
        event.marks,
        unpack("I", event.transactions),
        unpack("I", event.reference_counts),
        unpack("I", event.part_counts),
        strict=True,
    )
    rows = []
    for day, amount, marks, transactions, own, parts in columns:
        found = frozenset(islice(references, own))
        inner = tuple(
            Part(next(amounts), frozenset(islice(references, next(counts))), next(clients), bool(next(blocks)))
            for _ in range(parts)
        )
        incoming, reversal, blocked = (bool(marks & each) for each in (INCOMING, REVERSAL, _BLOCKED))
        rows.append(Told(day, amount, incoming, reversal, found, inner, transactions, blocked))
    return rows


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


def _split(packed: bytes) -> Iterator[bytes]:
    return (packed[at : at + REFERENCE_BYTES] for at in range(0, len(packed), REFERENCE_BYTES))
