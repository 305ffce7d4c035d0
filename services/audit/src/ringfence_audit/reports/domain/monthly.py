"""D3, monthly safeguarding: each business day of a month, what was performed and missed, and the amounts at its end."""

from __future__ import annotations

from collections.abc import Sequence

from ringfence_audit.reports.domain.facts import COMPUTED, CUT, MISSED, NOTIFIED, REOPENED, SIGNED, DayFacts, Fact
from ringfence_audit.reports.domain.reconciliation import METHOD, NOT_COMPUTED, status_of
from ringfence_audit.reports.domain.registered import BANKS, LETTERS, Registered, bank_rows, letter_rows
from ringfence_audit.reports.domain.report import Cell, Kind, Report, Under, table

NAME = "D3"
SUMMARY = (
    ("currency", Kind.CURRENCY),
    ("pool", Kind.WORD),
    ("method", Kind.WORD),
    ("business_days", Kind.COUNT),
    ("performed", Kind.COUNT),
    ("missed", Kind.COUNT),
    ("discrepancies", Kind.COUNT),
    ("notifications", Kind.COUNT),
    ("reopened", Kind.COUNT),
    ("lowest", Kind.AMOUNT),
    ("highest", Kind.AMOUNT),
    ("at_the_end", Kind.AMOUNT),
    ("auditor", Kind.TEXT),
    ("audit_status", Kind.TEXT),
)
DAYS = (
    ("currency", Kind.CURRENCY),
    ("pool", Kind.WORD),
    ("day", Kind.DAY),
    ("status", Kind.WORD),
    ("requirement", Kind.AMOUNT),
    ("resource", Kind.AMOUNT),
    ("internal", Kind.AMOUNT),
    ("external", Kind.AMOUNT),
)
NOT_KEPT = "not_kept_here"
"""Who audits a platform, and how far he is, is nothing that the platform's books or banks say."""


def monthly(
    days: Sequence[DayFacts], registered: Registered, tenant: bytes, first_day: int, last_day: int, under: Under
) -> Report:
    """Returns the report of a month, given its days for every currency and pool; those without a fact are none."""
    found = [day for day in days if day.of(CUT)]
    funds = list(dict.fromkeys((day.key.ledger, day.key.pool) for day in found))
    of_fund = [[day for day in found if (day.key.ledger, day.key.pool) == fund] for fund in funds]
    tables = (
        table("summary", SUMMARY, [_summary(each) for each in of_fund]),
        table("days", DAYS, [_day(day) for day in found]),
        table("banks", BANKS, bank_rows(registered)),
        table("letters", LETTERS, letter_rows(registered)),
    )
    return Report(NAME, tenant, first_day, last_day, tables, under)


def _summary(days: Sequence[DayFacts]) -> list[Cell]:
    cuts = tuple(day.newest[CUT].index for day in days)
    computed = [fact for day in days if (fact := day.of(COMPUTED))]
    uneven = [fact for fact in computed if fact.number("internal_minor") < 0 or fact.number("external_minor")]
    required = sorted((fact.number("requirement_minor"), fact.index) for fact in computed)
    ends = [(value, (index,)) for value, index in (required[0], required[-1])] if required else []
    last = days[-1].of(COMPUTED)
    amounts = [Cell(value, leaves) for value, leaves in ends] or [Cell(None, (), NOT_COMPUTED)] * 2
    return [
        Cell(days[0].key.ledger, cuts),
        Cell(days[0].key.pool, cuts),
        Cell(METHOD),
        Cell(len(days), cuts),
        _count([fact for day in days if (fact := day.of(SIGNED))]),
        _count([fact for day in days for fact in day.every(MISSED)]),
        _count(uneven),
        _count([fact for day in days for fact in day.every(NOTIFIED)]),
        _count([fact for day in days for fact in day.every(REOPENED)]),
        *amounts,
        last.cell("requirement_minor") if last else Cell(None, (), NOT_COMPUTED),
        Cell(None, (), NOT_KEPT),
        Cell(None, (), NOT_KEPT),
    ]


def _count(facts: Sequence[Fact]) -> Cell:
    return Cell(len(facts), tuple(fact.index for fact in facts))


def _day(day: DayFacts) -> list[Cell]:
    cut, computed = day.newest[CUT], day.of(COMPUTED)
    status, by = status_of(day)
    names = ("requirement_minor", "resource_minor", "internal_minor", "external_minor")
    return [
        Cell(day.key.ledger, (cut.index,)),
        Cell(day.key.pool, (cut.index,)),
        Cell(day.key.day, (cut.index,)),
        Cell(status, (by.index,)),
        *(computed.cell(name) if computed else Cell(None, (), NOT_COMPUTED) for name in names),
    ]
