"""D2, client-money reconciliation: requirement, the four components of the resource, and what was done about it."""

from __future__ import annotations

from collections.abc import Sequence

from ringfence_audit.reports.domain.breaks import BREAKS, break_rows
from ringfence_audit.reports.domain.facts import (
    COMPUTED,
    CUT,
    MISSED,
    NOTIFIED,
    PREPARED,
    REOPENED,
    REVIEWED,
    SIGNED,
    DayFacts,
    Fact,
)
from ringfence_audit.reports.domain.report import Cell, Kind, Report, Under, table

NAME = "D2"
NOT_COMPUTED, NOT_PREPARED, NOT_REVIEWED = "not_computed", "not_prepared", "not_reviewed"
COMPUTATION = (
    ("currency", Kind.CURRENCY),
    ("pool", Kind.WORD),
    ("cut_off", Kind.TIME),
    ("method", Kind.WORD),
    ("version", Kind.COUNT),
    ("requirement", Kind.AMOUNT),
    ("funds", Kind.AMOUNT),
    ("unplaced", Kind.AMOUNT),
    ("assets", Kind.AMOUNT),
    ("insurance", Kind.AMOUNT),
    ("resource", Kind.AMOUNT),
    ("document", Kind.DIGEST),
)
COMPARISONS = (
    ("currency", Kind.CURRENCY),
    ("pool", Kind.WORD),
    ("type", Kind.WORD),
    ("result", Kind.AMOUNT),
    ("finding", Kind.WORD),
)
WORK = (
    ("currency", Kind.CURRENCY),
    ("pool", Kind.WORD),
    ("status", Kind.WORD),
    ("preparer", Kind.ID),
    ("prepared", Kind.TIME),
    ("reviewer", Kind.ID),
    ("reviewed", Kind.TIME),
    ("signed", Kind.TIME),
    ("open_breaks", Kind.COUNT),
)
ACTIONS = (
    ("currency", Kind.CURRENCY),
    ("pool", Kind.WORD),
    ("action", Kind.WORD),
    ("time", Kind.TIME),
    ("by", Kind.ID),
    ("text", Kind.TEXT),
)
METHOD = "standard"
_STEPS = ((SIGNED, "signed"), (REVIEWED, "reviewed"), (PREPARED, "prepared"), (COMPUTED, "computed"), (CUT, "cut"))


def reconciliation(days: Sequence[DayFacts], breaks: Sequence[Fact], under: Under) -> Report:
    """Returns the report of one day, given it for every currency and pool, and all facts about breaks."""
    found = [day for day in days if day.of(CUT)]
    key = days[0].key
    tables = (
        table("computation", COMPUTATION, [_computation(day) for day in found]),
        table("comparisons", COMPARISONS, [row for day in found for row in _comparisons(day)]),
        table("work", WORK, [_work(day) for day in found]),
        table("actions", ACTIONS, [row for day in found for row in _actions(day)]),
        table("breaks", BREAKS, break_rows(found, breaks)),
    )
    return Report(NAME, key.tenant, key.day, key.day, tables, under)


def status_of(day: DayFacts) -> tuple[str, Fact]:
    """Returns how far the newest version of a day is, and the fact that says so."""
    return next((word, fact) for kind, word in _STEPS if (fact := day.of(kind)) is not None)


def _fund(day: DayFacts) -> list[Cell]:
    leaves = (day.newest[CUT].index,)
    return [Cell(day.key.ledger, leaves), Cell(day.key.pool, leaves)]


def _computation(day: DayFacts) -> list[Cell]:
    cut, computed = day.newest[CUT], day.of(COMPUTED)
    names = (
        "version",
        "requirement_minor",
        "funds_minor",
        "unplaced_minor",
        "assets_minor",
        "insurance_minor",
        "resource_minor",
        "document_sha256",
    )
    rest = [computed.cell(name) if computed else Cell(None, (), NOT_COMPUTED) for name in names]
    return [*_fund(day), cut.cell("cut_ns"), Cell(METHOD), *rest]


def _comparisons(day: DayFacts) -> list[list[Cell]]:
    computed = day.of(COMPUTED)
    if computed is None:
        return [[*_fund(day), Cell("internal"), Cell(None, (), NOT_COMPUTED), Cell(None, (), NOT_COMPUTED)]]
    internal = computed.number("internal_minor")
    findings = {
        "internal": "shortfall" if internal < 0 else "excess" if internal else "even",
        "overdue": "late" if computed.number("overdue_minor") else "even",
        "external": "different" if computed.number("external_minor") else "even",
    }
    return [
        [*_fund(day), Cell(name, (computed.index,)), computed.cell(f"{name}_minor"), Cell(finding, (computed.index,))]
        for name, finding in findings.items()
    ]


def _work(day: DayFacts) -> list[Cell]:
    status, by = status_of(day)
    prepared, reviewed, signed, computed = (day.of(kind) for kind in (PREPARED, REVIEWED, SIGNED, COMPUTED))
    return [
        *_fund(day),
        Cell(status, (by.index,)),
        prepared.cell("principal_id") if prepared else Cell(None, (), NOT_PREPARED),
        prepared.cell("prepared_ns") if prepared else Cell(None, (), NOT_PREPARED),
        reviewed.cell("principal_id") if reviewed else Cell(None, (), NOT_REVIEWED),
        reviewed.cell("reviewed_ns") if reviewed else Cell(None, (), NOT_REVIEWED),
        signed.cell("signed_ns") if signed else Cell(None, (), "not_signed"),
        computed.cell("breaks") if computed else Cell(None, (), NOT_COMPUTED),
    ]


def _actions(day: DayFacts) -> list[list[Cell]]:
    told = {MISSED: ("missed", "missed_ns", "draft"), NOTIFIED: ("notified", "notified_ns", "reference")}
    told[REOPENED] = ("reopened", "reopened_ns", "reason")
    rows = []
    for fact in day.all:
        if fact.kind in told:
            word, time, text = told[fact.kind]
            by = (
                fact.cell("principal_id") if fact.bytes_of("principal_id").strip(b"\0") else Cell(None, (), "by_itself")
            )
            rows.append([*_fund(day), Cell(word, (fact.index,)), fact.cell(time), by, fact.cell(text)])
    return rows
