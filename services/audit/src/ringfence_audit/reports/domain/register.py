"""D11, breach and access register of a month: which rule was not met when, what was done; and who read about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ringfence_audit.reports.domain.facts import COMPUTED, MISSED, NOTIFIED, SIGNED, DayFacts, Fact
from ringfence_audit.reports.domain.report import Cell, Kind, Report, Under, table

NAME = "D11"
READ = "audit.read.v1"
NOT_TOLD, OPEN = "not_told", "still_open"
BREACHES = (
    ("rule", Kind.CODE),
    ("breach", Kind.WORD),
    ("currency", Kind.CURRENCY),
    ("pool", Kind.WORD),
    ("day", Kind.DAY),
    ("time", Kind.TIME),
    ("amount", Kind.AMOUNT),
    ("remediation", Kind.WORD),
    ("remedied", Kind.TIME),
    ("told", Kind.TIME),
    ("text", Kind.TEXT),
)
READS = (
    ("time", Kind.TIME),
    ("reader", Kind.ID),
    ("method", Kind.CODE),
    ("about", Kind.ID),
    ("grant", Kind.ID),
)
CITED = {
    "missed": "CASS 15.8.10R",
    "shortfall": "CASS 15.8.50R",
    "excess": "CASS 15.8.50R",
    "different": "CASS 15.8.42R",
    "late": "CASS 15.8.26R",
}
"""Which rule a comparison that does not come out is about, as second sources quote them."""


def register(
    days: Sequence[DayFacts], reads: Iterable[Fact], tenant: bytes, first_day: int, last_day: int, under: Under
) -> Report:
    """Returns the register, given the month's days of every currency and pool, and the reads that name the platform."""
    tables = (
        table("breaches", BREACHES, [row for day in days for row in _breaches(day)]),
        table("reads", READS, [_read(fact, tenant) for fact in reads if fact.kind == READ]),
    )
    return Report(NAME, tenant, first_day, last_day, tables, under)


def _breaches(day: DayFacts) -> Iterator[list[Cell]]:
    for fact in day.every(MISSED):
        signed = day.of(SIGNED)
        remedied = (Cell("signed", (signed.index,)), signed.cell("signed_ns")) if signed else None
        yield _breach(day, "missed", fact, "missed_ns", Cell(None, (), "no_amount"), remedied)
    for fact in day.every(COMPUTED):
        for name, minor in _findings(fact):
            after = (each for each in day.every(COMPUTED) if each.index > fact.index)
            later = next((each for each in after if name not in dict(_findings(each))), None)
            remedied = (Cell("resolved", (later.index,)), later.cell("computed_ns")) if later else None
            yield _breach(day, name, fact, "computed_ns", Cell(minor, (fact.index,)), remedied)


def _findings(computed: Fact) -> Iterator[tuple[str, int]]:
    """Yields what does not come out, with its amount: without a sign, as the word says which way."""
    internal = computed.number("internal_minor")
    if internal:
        yield "shortfall" if internal < 0 else "excess", abs(internal)
    if external := computed.number("external_minor"):
        yield "different", abs(external)
    if overdue := computed.number("overdue_minor"):
        yield "late", abs(overdue)


def _breach(
    day: DayFacts, name: str, fact: Fact, time: str, amount: Cell, remedied: tuple[Cell, Cell] | None
) -> list[Cell]:
    at = (fact.index,)
    told = next((each for each in day.every(NOTIFIED) if each.index > fact.index), None)
    remediation, when = remedied or (Cell(None, (), OPEN), Cell(None, (), OPEN))
    return [
        Cell(CITED[name], at),
        Cell(name, at),
        Cell(day.key.ledger, at),
        Cell(day.key.pool, at),
        Cell(day.key.day, at),
        fact.cell(time),
        amount,
        remediation,
        when,
        told.cell("notified_ns") if told else Cell(None, (), NOT_TOLD),
        told.cell("reference") if told else Cell(None, (), NOT_TOLD),
    ]


def _read(fact: Fact, tenant: bytes) -> list[Cell]:
    about = fact.bytes_of("query_subject_id") or fact.bytes_of("query_tenant_id") or tenant
    grant = fact.bytes_of("grant_id")
    return [
        fact.cell("time_ns"),
        fact.cell("reader_id"),
        fact.cell("method"),
        Cell(about, (fact.index,)),
        Cell(grant, (fact.index,)) if grant else Cell(None, (fact.index,), "no_grant"),
    ]
