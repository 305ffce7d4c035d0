"""Reports as CSV (RFC 4180): tables one below the other, the leaves of each row in its last column."""

from __future__ import annotations

import csv
import io

from ringfence_audit.reports.adapters.headers import header
from ringfence_audit.reports.domain.report import Report
from ringfence_audit.reports.domain.showing import rows_of
from ringfence_audit.reports.domain.words import Language, word

_FORMULAS = frozenset("=+-@\t\r\n'\uff1d\uff0b\uff0d\uff20")


def as_csv(report: Report, language: Language) -> bytes:
    """Returns the file in UTF-8 with a byte order mark, which spreadsheets need to read Chinese."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    for name, value in header(report, language):
        writer.writerow([name, plain_cell(value)])
    for table in report.tables:
        writer.writerow([])
        writer.writerow([word(table.name, language)])
        writer.writerow([*(word(column.name, language) for column in table.columns), word("leaves", language)])
        for row, cells in zip(rows_of(table, language), table.rows, strict=True):
            leaves = sorted({index for cell in cells for index in cell.leaves})
            writer.writerow([*map(plain_cell, row), " ".join(map(str, leaves))])
    return "\ufeff".encode() + text.getvalue().encode()


def plain_cell(value: str) -> str:
    """Returns a text that no spreadsheet takes for a formula (the rule of tests/architecture/cells.json)."""
    number = value.removeprefix("-").replace(".", "", 1)
    is_number = number.isascii() and number.isdigit()
    return f"'{value}" if value.lstrip(" ")[:1] in _FORMULAS and value.strip(" ") and not is_number else value
