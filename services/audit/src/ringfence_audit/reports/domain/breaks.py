"""Breaks that stood while a day was worked: what banks and books disagreed about, and how far it came."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ringfence_audit.reports.domain.facts import CUT, SIGNED, DayFacts, Fact
from ringfence_audit.reports.domain.report import Cell, Kind

DETECTED = "custody.break_detected.v1"
REOPENED = "custody.break_reopened.v1"
STEPPED = "custody.break_stepped.v1"
BREAK_KINDS = (DETECTED, REOPENED, STEPPED)
SETTLED = frozenset({"matched", "resolved", "closed"})
NOBODY = "nobody"
BREAKS = (
    ("currency", Kind.CURRENCY),
    ("pool", Kind.WORD),
    ("break", Kind.ID),
    ("mirror", Kind.ID),
    ("kind", Kind.WORD),
    ("status", Kind.WORD),
    ("amount", Kind.AMOUNT),
    ("day", Kind.DAY),
    ("due", Kind.DAY),
    ("assignee", Kind.ID),
    ("text", Kind.TEXT),
)


@dataclass(frozen=True, slots=True)
class Break:
    """A break: the fact by which it began, the newest about it, and since which leaf nothing is open, None while it is.

    `given` is the newest fact that has given it to somebody.
    """

    begun: Fact
    newest: Fact
    given: Fact | None = None
    settled: int | None = None

    @property
    def status(self) -> str:
        """How far it is."""
        words = {DETECTED: "detected", REOPENED: "reopened"}
        return words.get(self.newest.kind) or self.newest.text("status").lower()


def breaks_of(day: DayFacts, facts: Iterable[Fact]) -> list[Break]:
    """Returns the breaks of a day's mirrors that were open between its cut and its signature, as they stood then.

    While a day is not signed they stand as in the newest leaf.
    """
    since, signed = day.newest[CUT].index, day.of(SIGNED)
    mirrors = {fact.bytes_of("mirror_id") for fact in day.mirrors_cut.values()}
    found: dict[bytes, Break] = {}
    for fact in facts:
        if fact.bytes_of("mirror_id") in mirrors and (signed is None or fact.index < signed.index):
            stepped = _after(found.get(fact.bytes_of("break_id")), fact)
            if stepped:
                found[fact.bytes_of("break_id")] = stepped
    return [each for each in found.values() if each.settled is None or each.settled > since]


def break_rows(days: Sequence[DayFacts], facts: Sequence[Fact]) -> list[list[Cell]]:
    """Returns a row per break and fund."""
    return [_row(day, each) for day in days for each in breaks_of(day, facts)]


def _after(known: Break | None, fact: Fact) -> Break | None:
    """Returns a break after a fact; None for a step of one whose begin is not there."""
    if fact.kind in (DETECTED, REOPENED):
        return Break(fact, fact)
    if known is None:
        return None
    after = replace(known, newest=fact, given=fact if fact.bytes_of("assignee_id").strip(b"\0") else known.given)
    if after.status not in SETTLED:
        return replace(after, settled=None)
    return after if known.settled is not None else replace(after, settled=fact.index)


def _row(day: DayFacts, found: Break) -> list[Cell]:
    begun, newest = found.begun, found.newest
    leaves = (begun.index,)
    sign = 1 if begun.number("incoming") else -1
    return [
        begun.cell("ledger"),
        Cell(day.key.pool, (day.newest[CUT].index,)),
        Cell(begun.bytes_of("break_id"), leaves),
        begun.cell("mirror_id"),
        Cell(begun.text("kind").lower(), leaves),
        Cell(found.status, (newest.index,)),
        Cell(sign * begun.number("amount_minor"), leaves),
        begun.cell("day"),
        begun.cell("due_day"),
        found.given.cell("assignee_id") if found.given else Cell(None, (), NOBODY),
        newest.cell("note") if newest.text("note") or newest.lacks("note") else Cell(None, (newest.index,), "no_text"),
    ]
