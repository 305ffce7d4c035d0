"""A statement's lines as pages and files have them: what for, from or to whom; and the table that spreadsheets open."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from ringfence_desk import money, times
from ringfence_desk.cells import plain_cell
from ringfence_desk.fact import Fact
from ringfence_desk.language import Language
from ringfence_desk.names import Names
from ringfence_desk.statement import Line, Statement
from ringfence_desk.words import code

COLUMNS = ("time", "value_date", "fact", "purpose", "other_account", "change", "balance", "currency")
BYTE_ORDER_MARK = "\ufeff"
_BALANCES = {
    "opening": {Language.ENGLISH: "Opening balance", Language.CHINESE: "期初余额"},
    "closing": {Language.ENGLISH: "Closing balance", Language.CHINESE: "期末余额"},
}
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Row:
    """A movement: what for, and the account that it came from or went to, with what that is called."""

    line: Line
    purpose: str
    other_id: UUID
    other: str


def rows(made: Statement, names: Names, language: Language) -> Iterator[Row]:
    """Gives a statement's rows in its order."""
    for line in made.lines:
        move = line.move
        known = code(move.fact.kind, "code", move.code)
        other = move.from_account if move.to_account == made.account_id else move.to_account
        purpose = known.words[language] if known else str(move.code)
        yield Row(line, purpose, other, names.account(other, language, made.platform_id))


def as_csv(made: Statement, names: Names, language: Language) -> str:
    """Writes the movements as CSV (RFC 4180): a byte order mark for UTF-8, plain decimals, times in UTC.

    Before them stands the opening balance, and after them the closing one: without time, fact and change.
    """
    written = io.StringIO(newline="")
    table = csv.writer(written)
    table.writerow(COLUMNS)
    table.writerow(_balance("opening", made.opening_minor, made, language))
    for row in rows(made, names, language):
        line = row.line
        table.writerow(
            [
                times.iso(line.move.time_ns),
                value_date(line.move.fact),
                line.move.fact.index,
                plain_cell(row.purpose),
                plain_cell(row.other),
                money.plain(line.change_minor, made.ledger),
                money.plain(line.balance_minor, made.ledger),
                money.currency(made.ledger),
            ]
        )
    table.writerow(_balance("closing", made.closing_minor, made, language))
    return BYTE_ORDER_MARK + written.getvalue()


def as_json(made: Statement, names: Names, language: Language, under: Mapping[str, object]) -> str:
    """Writes a statement as JSON: the rows and texts of the CSV by its columns, and what they come to.

    Amounts are plain decimals as texts, which no reader rounds. `under` says by what it stands.
    """
    said = {
        "account_id": str(made.account_id),
        "platform_id": str(made.platform_id) if made.platform_id else None,
        "account_class": made.account_class,
        "currency": money.currency(made.ledger),
        **{name: money.plain(minor, made.ledger) for name, minor in _sums(made).items()},
        "movements": [
            {
                "time": times.iso(row.line.move.time_ns),
                "value_date": value_date(row.line.move.fact) or None,
                "fact": row.line.move.fact.index,
                "purpose": row.purpose,
                "other_account": row.other,
                "other_account_id": str(row.other_id),
                "change": money.plain(row.line.change_minor, made.ledger),
                "balance": money.plain(row.line.balance_minor, made.ledger),
            }
            for row in rows(made, names, language)
        ],
        **under,
    }
    return json.dumps(said, ensure_ascii=False, indent=1) + "\n"


def _sums(made: Statement) -> dict[str, int]:
    return {
        "opening": made.opening_minor,
        "in": made.in_minor,
        "out": made.out_minor,
        "closing": made.closing_minor,
    }


def _balance(which: str, minor: int, made: Statement, language: Language) -> list[str]:
    called, currency = _BALANCES[which][language], money.currency(made.ledger)
    return ["", "", "", called, "", "", money.plain(minor, made.ledger), currency]


def value_date(fact: Fact) -> str:
    """Gives the value date of a transfer (ISO 8601); empty where it has none, or one that no calendar has."""
    days = fact.integer("value_date_days")
    try:
        return "" if days is None else (_EPOCH + timedelta(days)).isoformat()
    except OverflowError:
        return ""
