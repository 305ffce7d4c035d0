"""A report as data: tables of cells, each with the leaves that it is from, or why it is empty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import chain


class Kind(Enum):
    """What a column holds."""

    AMOUNT = "amount"  # minor units of the row's currency
    COUNT = "count"
    DAY = "day"  # days since 1970-01-01
    TIME = "time"  # UTC nanoseconds
    ID = "id"
    DIGEST = "digest"
    WORD = "word"  # a key of the words, shown in the reader's language
    TEXT = "text"
    SENTENCE = "sentence"  # what a fact says, in each language
    CODE = "code"  # a short text that means the same in all languages
    CURRENCY = "currency"  # ISO 4217 numeric


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence in the languages that reports are written in."""

    english: str
    chinese: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure, the indexes of the leaves that state it, or the key of the words that say why it is not there."""

    value: int | bytes | str | Said | None
    leaves: tuple[int, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column by the key of its heading."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Table:
    """A part of a report: every row has a cell for every column."""

    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @property
    def currency_column(self) -> int | None:
        """Which column says in what currency the amounts of a row are."""
        kinds = [column.kind for column in self.columns]
        return kinds.index(Kind.CURRENCY) if Kind.CURRENCY in kinds else None


@dataclass(frozen=True, slots=True)
class Under:
    """The log that a report was made from: its origin, size and root, from a signed checkpoint."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Report:
    """One report about a platform; `name` is the key of its title, `first_day` to `last_day` what it is about."""

    name: str
    tenant: bytes
    first_day: int
    last_day: int
    tables: tuple[Table, ...]
    under: Under

    def leaves(self) -> list[int]:
        """Returns the indexes of all leaves that it is from, in order."""
        cells = chain.from_iterable(row for table in self.tables for row in table.rows)
        return sorted({index for cell in cells for index in cell.leaves})


def table(name: str, columns: Sequence[tuple[str, Kind]], rows: Sequence[Sequence[Cell]]) -> Table:
    """Returns a table; raises ValueError for a row with more or fewer cells than there are columns."""
    if any(len(row) != len(columns) for row in rows):
        raise ValueError(f"a row of {name} does not fit its columns")
    return Table(name, tuple(Column(*each) for each in columns), tuple(map(tuple, rows)))
