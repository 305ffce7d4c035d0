"""Free text out of leaves: each is replaced by a salted commitment, and handed on with its salt beside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ringfence_audit.log.domain.leaf import Value, text_commitment
from ringfence_audit.log.domain.texts import SALT_BYTES, Text
from ringfence_audit.translation.domain.links import abouts, column, tenant_of
from ringfence_audit.translation.domain.rows import Table

Draw = Callable[[int], bytes]
"""Returns so many bytes that nobody can guess."""


def closed(table: Table, first: int, time_ns: int, draw: Draw) -> tuple[Table, list[Text]]:
    """Gives a table without its free text, and the texts; `first` is the place of its first row among the leaves.

    Every row has a salt of its own, so that neither equal texts nor a text that is gone can be told from a leaf.
    """
    names = [name for name in sorted(table.free) if any(column(table, name))]
    if not table.free:
        return table, []
    columns = {name: cells for name, cells in table.columns.items() if name not in table.free}
    texts: list[Text] = []
    about, tenant = abouts(table) if names else [], tenant_of(table)
    for name in names:
        commitments: list[Value | None] = []
        salts = draw(SALT_BYTES * table.rows)
        for row, cell in enumerate(column(table, name)):
            if not cell:
                commitments.append(None)
                continue
            salt = salts[row * SALT_BYTES : (row + 1) * SALT_BYTES]
            content = _content(cell)
            commitments.append(text_commitment(salt, content))
            is_text = isinstance(cell, str)
            texts.append(Text(first + row, table.kind, name, salt, content, is_text, time_ns, about[row], tenant))
        columns[f"{name}_commitment"] = commitments
    shared = {name: value for name, value in table.shared.items() if name not in table.free}
    return replace(table, columns=columns, shared=shared, free=frozenset()), texts


def _content(cell: Value) -> bytes:
    return cell.encode() if isinstance(cell, str) else cell if isinstance(cell, bytes) else str(cell).encode()
