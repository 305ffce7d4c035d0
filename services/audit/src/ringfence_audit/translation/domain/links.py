"""What texts are about, and whose the payments and bank entries are that they are about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ringfence_audit.log.domain.leaf import decode, prefix
from ringfence_audit.log.domain.texts import Link, may_commit
from ringfence_audit.translation.domain.rows import Cells, Table

INSTRUCTION, ENTRY, SUBMISSION = "instruction_id", "entry_id", "submission_id"
PARTIES = ("party_id", "owner_id", "client_id", "debtor_owner_id", "creditor_owner_id")
ABOUT = (INSTRUCTION, ENTRY, "subject_id", *PARTIES)
TENANTS = ("tenant_id", "book_id", "query_tenant_id")
"""Fields that say whose ids a leaf has; the last one is that of a disclosure."""
LINKING = frozenset({"payment-instruction.instruction.v1", "payment-instruction.bank_entry.v1"})
"""Kinds of leaves that say whose a payment or a bank entry is."""
LINKING_STARTS = tuple(map(prefix, sorted(LINKING)))
"""How such leaves begin."""
LINK_FIELDS = (INSTRUCTION, ENTRY, SUBMISSION, *PARTIES)


def abouts(table: Table) -> list[tuple[bytes, ...]]:
    """Gives what the texts of each row are about; a platform is no party of its own payments.

    Of what is linked the parties are left out: they are found by the link, in parts where they are many.
    """
    tenant = table.shared.get("tenant_id")
    names = (INSTRUCTION, ENTRY) if table.kind in LINKING else ABOUT
    columns = [cells for name in names if any(cells := column(table, name))]
    columns += [table.parties] if table.parties is not None else []
    files, found = column(table, SUBMISSION), list[tuple[bytes, ...]]()
    for row in range(table.rows):
        ids = dict.fromkeys(each for each in (*_ids(columns, row), *table.named) if each != tenant)
        file = files[row]
        found.append(tuple(ids) or ((file,) if isinstance(file, bytes) else ()))
    return found


def links(table: Table, first: int) -> Iterator[Link]:
    """Yields whose the payments and entries of a table are; `first` is the place of its first row among the leaves."""
    if table.kind not in LINKING:
        return
    tenant = table.shared.get("tenant_id")
    names = [name for name in LINK_FIELDS if any(column(table, name))]
    for row, cells in enumerate(zip(*(column(table, name) for name in names), strict=True)):
        if link := _link(first + row, dict(zip(names, cells, strict=True)), tenant):
            yield link


def link_in(leaf: int, content: bytes) -> Link | None:
    """Gives whose a payment or an entry is as a leaf of the log says, None where it says nothing of it."""
    if not content.startswith(LINKING_STARTS):
        return None
    _, fields = decode(content)
    return _link(leaf, fields, fields.get("tenant_id"))


def tenant_of(table: Table) -> bytes:
    """Gives the platform whose the ids of a table are, empty where it is of none."""
    return _tenant(table.shared)


def tenant_in(content: bytes) -> bytes | None:
    """Gives the platform whose the ids of a leaf are, empty where it is of none; None where it commits to no text."""
    return _tenant(decode(content)[1]) if may_commit(content) else None


def column(table: Table, name: str) -> Cells:
    """Gives a value of each row."""
    cells = table.columns.get(name)
    return cells if cells is not None else [table.shared.get(name)] * table.rows


def _link(leaf: int, fields: Mapping[str, Any], tenant: Any) -> Link | None:
    entry, instruction = fields.get(ENTRY), fields.get(INSTRUCTION)
    parties = [each for name in PARTIES if (each := fields.get(name)) and each != tenant]
    about, of = (entry, instruction) if entry else (instruction, None)
    if about is None or not (parties or of):
        return None
    party, counterparty, *_ = [*parties, None, None]
    return Link(leaf, about, of, fields.get(SUBMISSION), party, counterparty, tenant or b"")


def _tenant(fields: Mapping[str, Any]) -> bytes:
    found = (fields.get(name) for name in TENANTS)
    return next((each for each in found if isinstance(each, bytes)), b"")


def _ids(columns: Sequence[Cells], row: int) -> list[bytes]:
    return [cell for cells in columns if isinstance(cell := cells[row], bytes)]
