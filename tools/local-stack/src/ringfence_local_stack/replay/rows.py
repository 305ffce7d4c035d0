"""The bank's postings as they stand in the file, in its order."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path

from ringfence.money import to_minor

CURRENCY = "CZK"
COLUMNS = ("account_id", "trans_id", "date", "signed_amount", "balance_after", "rounding_vs_previous")


class FileMalformed(Exception):
    """The file lacks a column, or a line cannot be read; the text names it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One posting; amounts in minor units. `rounding_minor` is a correction by the bank just before it."""

    account: str
    trans_id: str
    value_date: date
    amount_minor: int
    balance_minor: int
    rounding_minor: int


@dataclass(frozen=True)
class Postings:
    """A file's rows, with what has to be known before the first is posted."""

    rows: list[Row]
    digest: str

    @property
    def accounts(self) -> list[str]:
        """The bank's account numbers in order of their first posting."""
        return list(dict.fromkeys(row.account for row in self.rows))

    def deepest_overdraft_minor(self) -> int:
        """The largest sum, at any one time, of what all overdrawn accounts owe together."""
        balances: dict[str, int] = {}
        owed = deepest = 0
        for row in self.rows:
            for amount in (row.rounding_minor, row.amount_minor):
                before = balances.get(row.account, 0)
                balances[row.account] = before + amount
                owed += max(0, -before - amount) - max(0, -before)
                deepest = max(deepest, owed)
        return deepest


def read_postings(path: Path) -> Postings:
    """Reads a CSV file with at least the columns of `COLUMNS`; raises FileMalformed."""
    try:
        content = path.read_bytes()
        lines = content.decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FileMalformed(f"{path} cannot be read: {error}") from None
    rows = list(_rows(path, csv.DictReader(lines)))
    if not rows:
        raise FileMalformed(f"{path} has no postings")
    if len({row.trans_id for row in rows}) != len(rows):
        raise FileMalformed(f"{path} has a trans_id twice")
    return Postings(rows, sha256(content).hexdigest())


def _rows(path: Path, reader: "csv.DictReader[str]") -> Iterator[Row]:
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise FileMalformed(f"{path} lacks the column {missing[0]}")
    for line, fields in enumerate(reader, start=2):
        try:
            yield Row(
                fields["account_id"],
                fields["trans_id"],
                date.fromisoformat(fields["date"]),
                _signed_minor(fields["signed_amount"]),
                _signed_minor(fields["balance_after"]),
                _signed_minor(fields["rounding_vs_previous"]),
            )
        except (ValueError, TypeError) as error:
            raise FileMalformed(f"{path}, line {line}: {error}") from None


def _signed_minor(text: str) -> int:
    return -to_minor(text[1:], CURRENCY) if text.startswith("-") else to_minor(text, CURRENCY)
