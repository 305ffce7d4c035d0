"""How breaks are recorded: every step through one gate, so that none that is not listed is ever taken."""

from __future__ import annotations

from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.writing.writer import Unit

from ringfence_custody.reconciliation.application.ports import Days
from ringfence_custody.reconciliation.domain.assessing import Disagreement
from ringfence_custody.reconciliation.domain.breaks import Break, Kind, Status, break_id
from ringfence_custody.reconciliation.domain.events import BreakDetected, BreakReopened, BreakStepped
from ringfence_custody.reconciliation.domain.mirror import Mirror

SAME_DAY = frozenset({Kind.SHORTFALL, Kind.EXCESS})
"""What is missing is paid in, and what is too much is put right, by the end of the day (CASS 15.8.50R)."""


def detect(unit: Unit, mirror: Mirror, found: Disagreement, days: Days) -> None:
    """Records a break, what kind it is, and that a payment on its way is waited for."""
    stream = break_id(mirror.book, mirror.id, found.side, found.line)
    today = days.today(mirror.ledger)
    due = today if found.kind in SAME_DAY else days.next_business_day(mirror.ledger, today)
    unit.record(
        stream,
        BreakDetected(
            mirror.book,
            mirror.id,
            int(found.side),
            found.line,
            found.kind.value,
            mirror.ledger,
            abs(found.amount_minor),
            found.amount_minor > 0,
            found.day,
            today,
            due,
        ),
    )
    statuses = [Status.CLASSIFIED, *([Status.WAITING] if found.kind is Kind.TIMING else [])]
    for status in statuses:
        unit.record(stream, BreakStepped(mirror.book, mirror.id, status.value, ZERO_ID, ZERO_ID, ZERO_ID, ""))


def step(
    unit: Unit,
    before: Break,
    status: Status,
    *,
    actor: bytes = ZERO_ID,
    assignee: bytes | None = None,
    reference: bytes | None = None,
    note: str = "",
) -> None:
    """Records a step of a break; raises BreakTransitionRefused. What is not given stays as it is."""
    before.require_step(status)
    unit.record(
        before.id,
        BreakStepped(
            before.book,
            before.mirror,
            status.value,
            actor,
            before.assignee if assignee is None else assignee,
            before.reference if reference is None else reference,
            note,
        ),
    )


def reopen(unit: Unit, before: Break, by: bytes, note: str) -> None:
    """Records that a break is open again, whether it is in memory or not; raises BreakTransitionRefused."""
    before.require_step(Status.REOPENED)
    unit.record(
        before.id,
        BreakReopened(
            before.book,
            before.mirror,
            int(before.side),
            before.line,
            before.kind.value,
            before.ledger,
            before.amount_minor,
            before.incoming,
            before.day,
            before.detected_day,
            before.due_day,
            by,
            note,
        ),
    )
