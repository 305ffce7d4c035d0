"""Free text out of leaves: each is replaced by a salted commitment, and handed on with its salt beside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ringfence_audit.log.domain.leaf import Value, text_commitment
from ringfence_audit.log.domain.texts import SALT_BYTES, Text
from ringfence_audit.translation.domain.rows import Cells, Table

ABOUT = ("instruction_id", "entry_id", "submission_id")
WITHIN = "submission_id"
PARTIES = ("party_id", "owner_id", "client_id", "debtor_owner_id", "creditor_owner_id", "subject_id")
Link = tuple[bytes | None, bytes | None, bytes | None, bytes | None]
Draw = Callable[[int], bytes]
"""Returns so many bytes that nobody can guess."""


def closed(table: Table, first: int, time_ns: int, draw: Draw) -> tuple[Table, list[Text]]:
    """Gives a table without its free text, and the texts; `first` is the place of its first row among the leaves.

    Every row has a salt of its own, so that neither equal texts nor a text that is gone can be told from a leaf.
    """
    names = [name for name in sorted(table.free) if any(_cells(table, name))]
    if not table.free:
        return table, []
    columns = {name: cells for name, cells in table.columns.items() if name not in table.free}
    texts: list[Text] = []
    links = _links(table) if names else []
    for name in names:
        commitments: list[Value | None] = []
        salts = draw(SALT_BYTES * table.rows)
        for row, cell in enumerate(_cells(table, name)):
            if not cell:
                commitments.append(None)
                continue
            salt = salts[row * SALT_BYTES : (row + 1) * SALT_BYTES]
            content = _content(cell)
            commitments.append(text_commitment(salt, content))
            is_text = isinstance(cell, str)
            texts.append(Text(first + row, table.kind, name, salt, content, is_text, time_ns, *links[row]))
        columns[f"{name}_commitment"] = commitments
    shared = {name: value for name, value in table.shared.items() if name not in table.free}
    return replace(table, columns=columns, shared=shared, free=frozenset()), texts


def _cells(table: Table, name: str) -> Cells:
    cells = table.columns.get(name)
    return cells if cells is not None else [table.shared.get(name)] * table.rows


def _content(cell: Value) -> bytes:
    return cell.encode() if isinstance(cell, str) else cell if isinstance(cell, bytes) else str(cell).encode()


def _links(table: Table) -> list[Link]:
    """Gives about, within, party and counterparty of each row; a platform is no party of its own payments."""
    tenant = table.shared.get("tenant_id")
    subjects = [_cells(table, name) for name in ABOUT]
    parties = [_cells(table, name) for name in PARTIES] + ([table.parties] if table.parties is not None else [])
    present = [[cells for cells in columns if any(cells)] for columns in (subjects, parties)]
    within, links = _cells(table, WITHIN), list[Link]()
    for row in range(table.rows):
        about, *_ = [*_ids(present[0], row), None]
        party, counterparty, *_ = [*(each for each in _ids(present[1], row) if each != tenant), None, None]
        among = within[row]
        links.append((about, among if isinstance(among, bytes) and among != about else None, party, counterparty))
    return links


def _ids(columns: Sequence[Cells], row: int) -> list[bytes]:
    return [cell for cells in columns if isinstance(cell := cells[row], bytes)]
