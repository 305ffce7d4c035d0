"""Cells as people and spreadsheets read them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from ringfence_kernel.values.money import currency

from ringfence_audit.reports.domain.report import Cell, Kind, Said, Table
from ringfence_audit.reports.domain.words import Language, word

_EPOCH = date(1970, 1, 1)


def rows_of(table: Table, language: Language) -> list[list[str]]:
    """Returns a table's cells as texts; an empty cell says why in brackets."""
    at = table.currency_column
    found = []
    for row in table.rows:
        ledger = row[at].value if at is not None else None
        found.append(
            [
                shown(cell, column.kind, ledger if isinstance(ledger, int) else 0, language)
                for cell, column in zip(row, table.columns, strict=True)
            ]
        )
    return found


def shown(cell: Cell, kind: Kind, ledger: int, language: Language) -> str:
    """Returns a cell as a text: amounts as decimals of their currency, times in UTC, ids as UUIDs."""
    brackets = "（{}）" if language is Language.CHINESE else "({})"
    why = brackets.format(word(cell.why, language)) if cell.why else ""
    if cell.value is None:
        return why
    text = _shown(cell.value, kind, ledger, language)
    return f"{text} {why}".strip()


def day_text(day: int) -> str:
    """Returns days since 1970 as an ISO 8601 date."""
    return (_EPOCH + timedelta(day)).isoformat()


def decimal_text(minor: int, exponent: int) -> str:
    """Returns minor units as a plain decimal with all decimals of the currency."""
    sign, digits = "-" if minor < 0 else "", str(abs(minor)).rjust(exponent + 1, "0")
    return sign + (f"{digits[:-exponent]}.{digits[-exponent:]}" if exponent else digits)


def _shown(value: int | bytes | str | Said, kind: Kind, ledger: int, language: Language) -> str:
    if isinstance(value, Said):
        return value.chinese if language is Language.CHINESE else value.english
    if isinstance(value, bytes):
        return str(UUID(bytes=value)) if kind is Kind.ID and len(value) == 16 else value.hex()
    if isinstance(value, str):
        return word(value, language) if kind is Kind.WORD else value
    if kind is Kind.AMOUNT:
        return decimal_text(value, currency(ledger).exponent)
    if kind is Kind.CURRENCY:
        return currency(value).alpha
    if kind is Kind.DAY:
        return day_text(value)
    if kind is Kind.TIME:
        return f"{datetime.fromtimestamp(value // 1_000_000_000, UTC):%Y-%m-%d %H:%M:%S}"
    return str(value)
