"""A statement's lines as pages and files have them: what for, from or to whom; and the table that spreadsheets open."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
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
    """Writes the movements as CSV (RFC 4180): a byte order mark for UTF-8, plain decimals, times in UTC."""
    written = io.StringIO(newline="")
    table = csv.writer(written)
    table.writerow(COLUMNS)
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
    return BYTE_ORDER_MARK + written.getvalue()


def value_date(fact: Fact) -> str:
    """Gives the value date of a transfer (ISO 8601); empty where it has none, or one that no calendar has."""
    days = fact.integer("value_date_days")
    try:
        return "" if days is None else (_EPOCH + timedelta(days)).isoformat()
    except OverflowError:
        return ""
