"""Reports as data: JSON with every figure, its leaves, and why it is not there."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from ringfence_audit.reports.domain.report import Cell, Kind, Report, Said
from ringfence_audit.reports.domain.words import Language


def as_json(report: Report) -> bytes:
    """Returns the file: amounts in minor units, ids as UUIDs, other bytes in hexadecimal, sentences by language."""
    content = {
        "report": report.name,
        "platform": str(UUID(bytes=report.tenant)),
        "first_day": report.first_day,
        "last_day": report.last_day,
        "log": {"origin": report.under.origin, "size": report.under.size, "root": report.under.root.hex()},
        "tables": [
            {
                "name": table.name,
                "columns": [{"name": column.name, "kind": column.kind.value} for column in table.columns],
                "rows": [
                    [_cell(cell, column.kind) for cell, column in zip(row, table.columns, strict=True)]
                    for row in table.rows
                ],
            }
            for table in report.tables
        ],
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _cell(cell: Cell, kind: Kind) -> dict[str, Any]:
    value: Any = cell.value
    if isinstance(value, bytes):
        value = str(UUID(bytes=value)) if kind is Kind.ID and len(value) == 16 else value.hex()
    elif isinstance(value, Said):
        value = {Language.ENGLISH.value: value.english, Language.CHINESE.value: value.chinese}
    found: dict[str, Any] = {"value": value, "leaves": cell.leaves}
    return found | ({"why": cell.why} if cell.why else {})
