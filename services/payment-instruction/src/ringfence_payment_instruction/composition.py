"""The application put together from its parts: the same in the service and in tests."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.service.signal import Signal
from ringfence_kernel.values.clock import Clock

from ringfence_payment_instruction.approvals.application import Decisions
from ringfence_payment_instruction.approvals.domain import ApprovalLimits
from ringfence_payment_instruction.deposits.application.receiving import DepositWork, EvidenceIntake
from ringfence_payment_instruction.rail.application.dispatch import DispatchWork
from ringfence_payment_instruction.rail.application.inbox import Inbox
from ringfence_payment_instruction.reads.application.queries import Queries, ReadModel
from ringfence_payment_instruction.screening.application.importing import ListImport, ListReader
from ringfence_payment_instruction.screening.application.screening import ScreeningWork
from ringfence_payment_instruction.settlement.application.settlement import SettlementWork
from ringfence_payment_instruction.submissions.application.deadlines import Deadlines
from ringfence_payment_instruction.submissions.application.personal import PersonalData
from ringfence_payment_instruction.submissions.application.pipeline import Pipeline
from ringfence_payment_instruction.submissions.application.ports import (
    Custody,
    Identity,
    PaymentFiles,
    Rail,
    RailVoucher,
)
from ringfence_payment_instruction.submissions.application.receiving import Intake
from ringfence_payment_instruction.submissions.application.submissions import Desk
from ringfence_payment_instruction.submissions.domain.transitions import Patience


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the application is made of."""

    desk: Desk
    clock: Clock
    identity: Identity
    custody: Custody
    rail: Rail
    voucher: RailVoucher
    files: PaymentFiles
    lists: ListReader
    read_model: ReadModel
    limits: ApprovalLimits
    patience: Patience
    list_maximum_age_ns: int
    rail_poll_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """Handlers for the API, and what runs beside."""

    intake: Intake
    evidence: EvidenceIntake
    decisions: Decisions
    lists: ListImport
    queries: Queries
    pipeline: Pipeline
    inbox: Inbox


def compose(parts: Parts) -> Application:
    """Wires handlers and lanes."""
    desk, clock = parts.desk, parts.clock
    personal = PersonalData(parts.identity, clock)
    committed = Signal()
    screening = ScreeningWork(desk, personal, parts.limits, parts.list_maximum_age_ns, clock)
    evidence = EvidenceIntake(desk, parts.identity, screening, committed, clock)
    pipeline = Pipeline(
        desk=desk,
        personal=personal,
        screening=screening,
        settlement=SettlementWork(desk, parts.custody),
        dispatch=DispatchWork(desk, personal, parts.files, parts.rail, clock),
        deposits=DepositWork(desk, parts.custody),
        deadlines=Deadlines(desk, parts.patience, clock),
        committed=committed,
    )
    return Application(
        intake=Intake(desk, parts.identity, personal, parts.files, clock),
        evidence=evidence,
        decisions=Decisions(desk, parts.patience),
        lists=ListImport(desk, parts.lists),
        queries=Queries(desk, personal, parts.read_model),
        pipeline=pipeline,
        inbox=Inbox(desk, parts.rail, parts.files, evidence, parts.voucher, parts.rail_poll_seconds),
    )
