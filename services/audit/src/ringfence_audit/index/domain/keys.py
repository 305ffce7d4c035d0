"""What a leaf can be found by: the ids that it names, and its time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ringfence_audit.log.domain.leaf import Value, decode

SEARCHABLE_OPAQUE = "user_data_128"


def key_rows(first_leaf: int, leaves: Iterable[bytes]) -> Iterator[tuple[bytes, int, int, int]]:
    """Yields (key, first leaf, leaves, time) for every id in the leaves; neighbours with the same time are joined."""
    open_rows: dict[bytes, tuple[int, int, int]] = {}
    for index, leaf in enumerate(leaves, first_leaf):
        _, fields = decode(leaf)
        time_ns = fields.get("time_ns")
        if not isinstance(time_ns, int):
            continue
        for key in leaf_ids(fields):
            first, count, time = open_rows.get(key, (index, 0, time_ns))
            if first + count != index or time != time_ns:
                yield key, first, count, time
                first, count, time = index, 0, time_ns
            open_rows[key] = (first, count + 1, time)
    for key, row in open_rows.items():
        yield key, *row


def leaf_ids(fields: dict[str, Value]) -> set[bytes]:
    """Gives the ids that a leaf can be found by: 16-byte values named as ids, and the searchable opaque one."""
    return {
        value
        for name, value in fields.items()
        if isinstance(value, bytes) and len(value) == 16 and (name.endswith("_id") or name == SEARCHABLE_OPAQUE)
    }
