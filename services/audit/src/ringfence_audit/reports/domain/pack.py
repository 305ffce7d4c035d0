"""D10, resolution pack: where clients' money is, by whose word, who acts, what clients are owed, what was compared."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from ringfence_audit.reports.domain.facts import COMPUTED, CUT, SIGNED, DayFacts
from ringfence_audit.reports.domain.monthly import DAYS, NOT_KEPT
from ringfence_audit.reports.domain.reconciliation import NOT_COMPUTED, status_of
from ringfence_audit.reports.domain.registered import (
    BANKS,
    LETTERS,
    PEOPLE,
    Registered,
    bank_rows,
    letter_rows,
    people_rows,
)
from ringfence_audit.reports.domain.report import Cell, Kind, Report, Table, Under, table

NAME = "D10"
INDEX = (("part", Kind.WORD), ("entries", Kind.COUNT), ("documents", Kind.COUNT))
BALANCES = (
    ("currency", Kind.CURRENCY),
    ("pool", Kind.WORD),
    ("day", Kind.DAY),
    ("clients", Kind.AMOUNT),
    ("unidentified", Kind.AMOUNT),
    ("holds", Kind.AMOUNT),
    ("own_funds", Kind.AMOUNT),
    ("owed", Kind.AMOUNT),
)
LATEST = (*DAYS, ("document", Kind.DIGEST))
ELSEWHERE = ("policies", "agreements")
"""Parts of a pack (CASS 10A) that neither books nor registers have; the index says that they are to be added."""


def pack(
    newest: Sequence[DayFacts],
    closed: Sequence[DayFacts],
    registered: Registered,
    tenant: bytes,
    day: int,
    under: Under,
) -> Report:
    """Returns the pack as of a day: of every currency and pool the newest day that was cut, and the newest closed."""
    parts = (
        table("banks", BANKS, bank_rows(registered)),
        table("letters", LETTERS, letter_rows(registered)),
        table("agents", PEOPLE, people_rows(registered.agents)),
        table("key_people", PEOPLE, people_rows(registered.key_people)),
        table("balances", BALANCES, [_balances(each) for each in newest]),
        table("latest", LATEST, [_latest(each) for each in closed]),
    )
    index = [*map(_entry, parts), *([Cell(name), *[Cell(None, (), NOT_KEPT)] * 2] for name in ELSEWHERE)]
    return Report(NAME, tenant, day, day, (table("index", INDEX, index), *parts), under)


def newest_closed(days: Sequence[DayFacts]) -> DayFacts:
    """Returns of days, the newest first, the first that is signed, else computed, else any."""
    found = [day for kind in (SIGNED, COMPUTED) for day in days if day.of(kind)]
    return (found or list(days))[0]


def _entry(part: Table) -> list[Cell]:
    cells = list(chain.from_iterable(part.rows))
    leaves = tuple(sorted({index for cell in cells for index in cell.leaves}))
    kinds = [column.kind for column in part.columns]
    documents = [
        cell for row in part.rows for cell, kind in zip(row, kinds, strict=True) if kind is Kind.DIGEST and cell.value
    ]
    named = tuple(sorted({index for cell in documents for index in cell.leaves}))
    return [Cell(part.name, leaves), Cell(len(part.rows), leaves), Cell(len(documents), named)]


def _fund(day: DayFacts) -> list[Cell]:
    leaves = (day.newest[CUT].index,)
    return [Cell(day.key.ledger, leaves), Cell(day.key.pool, leaves), Cell(day.key.day, leaves)]


def _balances(day: DayFacts) -> list[Cell]:
    names = ("clients_minor", "suspense_minor", "held_minor", "own_minor", "owed_minor")
    return [*_fund(day), *map(day.newest[CUT].cell, names)]


def _latest(day: DayFacts) -> list[Cell]:
    status, by = status_of(day)
    computed = day.of(COMPUTED)
    names = ("requirement_minor", "resource_minor", "internal_minor", "external_minor", "document_sha256")
    figures = [computed.cell(name) if computed else Cell(None, (), NOT_COMPUTED) for name in names]
    return [*_fund(day), Cell(status, (by.index,)), *figures]
