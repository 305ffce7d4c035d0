"""What a leaf can be found by: the ids that it names, and its time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ringfence_kernel.values.ids import ZERO_ID, external_id

from ringfence_audit.log.domain.leaf import Value, decode

SEARCHABLE_OPAQUE = "user_data_128"
BY_KIND = frozenset(
    f"custody.{name}.v1"
    for name in (
        "letter_sent",
        "letter_countersigned",
        "letter_reviewed",
        "letter_review_fell_due",
        "letter_ended",
        "mirror_exempted",
        "appointment_made",
        "appointment_ended",
        "break_detected",
        "break_reopened",
        "break_stepped",
    )
)
"""Kinds whose facts about a platform are wanted all together, and are few beside its transfers."""


def key_rows(first_leaf: int, leaves: Iterable[bytes]) -> Iterator[tuple[bytes, int, int, int]]:
    """Yields (key, first leaf, leaves, time) for every id in the leaves; neighbours with the same time are joined."""
    open_rows: dict[bytes, tuple[int, int, int]] = {}
    for index, leaf in enumerate(leaves, first_leaf):
        kind, fields = decode(leaf)
        time_ns = fields.get("time_ns")
        if not isinstance(time_ns, int):
            continue
        for key in leaf_ids(fields) | kind_keys(kind, fields):
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


def kind_key(kind: str, tenant: bytes) -> bytes:
    """Gives what the facts of a kind about a platform are found by; those about all platforms have the zero id."""
    return external_id("leaf-kind", tenant, kind)


def kind_keys(kind: str, fields: dict[str, Value]) -> set[bytes]:
    """Gives the key of a leaf's kind and platform, for kinds that are found so."""
    tenant = fields.get("tenant_id") or fields.get("book_id") or ZERO_ID
    return {kind_key(kind, tenant)} if kind in BY_KIND and isinstance(tenant, bytes) else set()
