"""D1, daily custody: what a platform's banks hold and our books say, per mirror, and what lies beside, per currency."""

from __future__ import annotations

from collections.abc import Sequence

from ringfence_audit.reports.domain.facts import COMPUTED, CUT, DayFacts, Fact
from ringfence_audit.reports.domain.registered import NO_LETTER, Registered
from ringfence_audit.reports.domain.report import Cell, Kind, Report, Under, table

NAME = "D1"
NO_WORD = "bank_silent"
NOT_BEFORE = "first_day"
MIRRORS = (
    ("currency", Kind.CURRENCY),
    ("pool", Kind.WORD),
    ("mirror", Kind.ID),
    ("bic", Kind.CODE),
    ("bank_name", Kind.TEXT),
    ("letter_status", Kind.WORD),
    ("number", Kind.COUNT),
    ("opening", Kind.AMOUNT),
    ("credits", Kind.AMOUNT),
    ("debits", Kind.AMOUNT),
    ("closing", Kind.AMOUNT),
    ("bank_balance", Kind.AMOUNT),
    ("later_entries", Kind.AMOUNT),
    ("unbooked", Kind.AMOUNT),
    ("difference", Kind.AMOUNT),
)
SUMS = (
    ("currency", Kind.CURRENCY),
    ("pool", Kind.WORD),
    ("clients", Kind.AMOUNT),
    ("holds", Kind.AMOUNT),
    ("unidentified", Kind.AMOUNT),
    ("own_funds", Kind.AMOUNT),
    ("owed", Kind.AMOUNT),
    ("open_breaks", Kind.COUNT),
)


def daily(days: Sequence[tuple[DayFacts, DayFacts]], registered: Registered, under: Under) -> Report:
    """Returns the report of one day, given it and the business day before for every currency and pool."""
    cut = [(day, before) for day, before in days if day.of(CUT)]
    key = days[0][0].key
    rows = [row for day, before in cut for row in _mirrors(day, before, registered)]
    sums = [_sums(day) for day, _ in cut]
    return Report(
        NAME, key.tenant, key.day, key.day, (table("mirrors", MIRRORS, rows), table("sums", SUMS, sums)), under
    )


def _mirrors(day: DayFacts, before: DayFacts, registered: Registered) -> list[list[Cell]]:
    return [
        _mirror(day, fact, before.mirrors_cut.get(number), registered)
        for number, fact in sorted(day.mirrors_cut.items())
    ]


def _mirror(day: DayFacts, cut: Fact, before: Fact | None, registered: Registered) -> list[Cell]:
    compared = day.mirrors_compared.get(cut.number("number"))
    flows = (cut.index, *([before.index] if before else []))
    came, went = (
        cut.number(name) - (before.number(name) if before else 0) for name in ("debits_minor", "credits_minor")
    )
    opening = Cell(_balance(before), (before.index,)) if before else Cell(0, (), NOT_BEFORE)
    bank = [
        compared.cell(name) if compared else Cell(None, (), NO_WORD)
        for name in ("bank_minor", "later_minor", "unbooked_minor", "difference_minor")
    ]
    return [
        Cell(day.key.ledger, (cut.index,)),
        Cell(day.key.pool, (cut.index,)),
        Cell(cut.bytes_of("mirror_id"), (cut.index,)),
        *_bank(cut.bytes_of("mirror_id"), registered),
        Cell(cut.number("number"), (cut.index,)),
        opening,
        Cell(came, flows),
        Cell(went, flows),
        Cell(_balance(cut), (cut.index,)),
        *bank,
    ]


def _bank(mirror: bytes, registered: Registered) -> list[Cell]:
    """Returns the bank of a mirror, which its letter names, and how far that is."""
    found = registered.bank_of(mirror)
    if found is None:
        return [Cell(None, (), NO_LETTER)] * 3
    letter, bank = found
    status, by = letter.status
    return [bank.cell("bic"), bank.cell("name"), Cell(status, (by.index,))]


def _balance(cut: Fact) -> int:
    return cut.number("debits_minor") - cut.number("credits_minor")


def _sums(day: DayFacts) -> list[Cell]:
    cut, computed = day.newest[CUT], day.of(COMPUTED)
    names = ("clients_minor", "held_minor", "suspense_minor", "own_minor", "owed_minor")
    return [
        Cell(day.key.ledger, (cut.index,)),
        Cell(day.key.pool, (cut.index,)),
        *(cut.cell(name) for name in names),
        computed.cell("breaks") if computed else Cell(None, (), NO_WORD),
    ]
