"""One run: which rows are wanted, on which stack each is measured, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ringfence_bootstrap.description import SERVICES

from bench import revocation, transfers
from bench.audited import audit_rows
from bench.beside import beside_custody
from bench.books import books
from bench.claims import identity_claims
from bench.closed import payments_closed
from bench.concurrent import concurrent_row
from bench.controls import Controls
from bench.custody import CALLERS, CustodyRows
from bench.delta import screening_delta
from bench.flood import transfers_row
from bench.floods import KINDS, flood_row
from bench.idle import idle_row
from bench.indexing import indexing
from bench.instructions import instruction_rows
from bench.intake import statements
from bench.lists import sanctions_lists
from bench.machine import machine
from bench.matching import matching
from bench.parties import identity_parties
from bench.rebuild import rebuild
from bench.rows import Results
from bench.stack import CUSTODY_ALONE, PAYMENTS, MeasuredStack, measured_stack
from bench.verifying import verifying

LARGE = (1_000, 8_190)
MATCHED_LINES = 1_000_000
STATED_ENTRIES = (10_000, 100_000)
VERIFIED_LEAVES = 100_000
INDEXED_LEAVES = 131_072
ALL_SERVICES_SIZES = (1_000,)


@dataclass(frozen=True)
class Plan:
    """Names of the rows to measure, seconds of a measurement, and how much the stores are filled with."""

    rows: tuple[str, ...]
    seconds: float
    sustained_seconds: float
    transfers: int
    instructions: int
    parties: int
    clients: int
    leaves: int


Measure = Callable[[CustodyRows, Plan], None]


def _flood(name: str) -> Measure:
    return lambda rows, plan: flood_row(rows.measured, rows.results, name, plan.seconds)


def _revocation(name: str) -> Measure:
    return lambda rows, plan: revocation.revocation_row(rows.measured, rows.results, name)


CUSTODY: Mapping[str, Measure] = {
    "custody": lambda rows, plan: rows.bursts("custody", transfers.plain(rows.book), CALLERS),
    "custody_hot": lambda rows, plan: rows.bursts("custody_hot", transfers.hot(rows.book), LARGE),
    "custody_pending": lambda rows, plan: rows.bursts("custody_pending", transfers.pending(rows.book), LARGE),
    "custody_sustained": lambda rows, plan: rows.sustained(plan.sustained_seconds),
    "custody_sdk": lambda rows, plan: rows.through_the_sdk(),
    "tenant_beside_flood": lambda rows, plan: transfers_row(rows.measured, rows.book, rows.results, plan.seconds),
    "matching": lambda rows, plan: matching(rows.results, MATCHED_LINES),
    "statements": lambda rows, plan: statements(rows.results, STATED_ENTRIES),
    "audit_verify": lambda rows, plan: verifying(rows.results, VERIFIED_LEAVES),
    "audit_books": lambda rows, plan: books(rows.results, plan.leaves),
    "audit_index": lambda rows, plan: indexing(rows.results, INDEXED_LEAVES),
}
REBUILD: Mapping[str, Measure] = {
    "custody_rebuild": lambda rows, plan: rebuild(rows.measured, rows.results, plan.transfers),
}
CLOSED: Mapping[str, Measure] = {
    "payments_closed": lambda rows, plan: payments_closed(rows.measured, rows.results, plan.instructions),
}
CLAIMS: Mapping[str, Measure] = {
    "identity_claims": lambda rows, plan: identity_claims(rows.measured, rows.results),
}
PARTIES: Mapping[str, Measure] = {
    "identity_parties": lambda rows, plan: identity_parties(rows.measured, rows.results, plan.parties),
}
DELTA: Mapping[str, Measure] = {
    "screening_delta": lambda rows, plan: screening_delta(rows.measured, rows.results, plan.clients),
}
ALL_SERVICES: Mapping[str, Measure] = {
    "custody_all_services": lambda rows, plan: rows.bursts(
        "custody_all_services", transfers.plain(rows.book), ALL_SERVICES_SIZES
    ),
    "sanctions_lists": lambda rows, plan: sanctions_lists(rows.measured, rows.results),
    "instructions": lambda rows, plan: instruction_rows(rows.measured, rows.book, rows.controls, rows.results),
    **{name: _revocation(name) for name in revocation.KINDS},
    "instructions_concurrent": lambda rows, plan: concurrent_row(
        rows.measured, rows.book, rows.controls, rows.results, plan.seconds
    ),
    **{name: _flood(name) for name in KINDS},
    "audit_beside_custody": lambda rows, plan: beside_custody(
        rows.measured, rows.book, rows.results, plan.sustained_seconds
    ),
}
AUDITED: Mapping[str, Measure] = {
    "audit": lambda rows, plan: audit_rows(rows.measured, rows.results, plan.leaves),
}
BESIDE_STANDBYS: Mapping[str, Measure] = {
    "idle": lambda rows, plan: idle_row(rows.measured, rows.results),
    "custody_beside_standbys": lambda rows, plan: rows.bursts(
        "custody_beside_standbys", transfers.plain(rows.book), LARGE
    ),
    "instructions_beside_standbys": lambda rows, plan: instruction_rows(
        rows.measured, rows.book, rows.controls, rows.results, "instructions_beside_standbys"
    ),
}
STACKS = (
    (CUSTODY_ALONE, CUSTODY),
    (CUSTODY_ALONE, REBUILD),
    (PAYMENTS, CLOSED),
    (CUSTODY_ALONE, CLAIMS),
    (CUSTODY_ALONE, PARTIES),
    (PAYMENTS, DELTA),
    (SERVICES, AUDITED),
    (SERVICES, ALL_SERVICES),
    (SERVICES, BESIDE_STANDBYS),
)
"""Services and the rows measured on them; what starts on a filled store has a stack to itself."""
NAMES = tuple(name for _, measures in STACKS for name in measures)
TOGETHER: Mapping[str, Sequence[str]] = {
    "tenant_beside_floods": tuple(KINDS),
    "revocation": tuple(revocation.KINDS),
}
"""Names that stand for several rows."""


@dataclass
class Run:
    """What a run does and finds."""

    plan: Plan
    results: Results
    machine: dict[str, Any] = field(default_factory=dict)
    traced: Counter[str] = field(default_factory=Counter)

    def measure(self) -> dict[str, Any]:
        """Measures what is wanted; returns it ready for JSON."""
        controls = Controls(self.plan.seconds)
        for services, measures in STACKS:
            wanted = [measure for name, measure in measures.items() if name in self.plan.rows]
            if wanted:
                standbys = services if measures is BESIDE_STANDBYS else ()
                with measured_stack(services, self.results.progress, standbys) as measured:
                    self._measure_on(measured, wanted, controls)
        self.results.rows.extend(controls.rows())
        return {
            "rows": [each.as_json() for each in self.results.rows],
            "machine": self.machine,
            "plan": asdict(self.plan),
            "complete": set(self.plan.rows) == set(NAMES),
            "traced": dict(self.traced),
        }

    def _measure_on(self, measured: MeasuredStack, wanted: Iterable[Measure], controls: Controls) -> None:
        self.machine = machine(measured.stack)
        rows = CustodyRows(measured, controls, self.results, self.plan.seconds)
        for measure in wanted:
            measure(rows, self.plan)
        calls, spans = measured.traced()
        self.traced += Counter(calls=calls, spans=spans)
        self.results.progress(f"traced: {spans:,} of {calls:,} calls")
