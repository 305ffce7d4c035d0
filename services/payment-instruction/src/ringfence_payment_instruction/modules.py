"""The modules, wired to each other: the same in the service and in tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain

from ringfence_kernel.access.standing import ended_by
from ringfence_kernel.calendars.noted import NotedCalendars
from ringfence_kernel.feed.hearing import Hearing
from ringfence_kernel.proposals.application import Proposals
from ringfence_kernel.proposals.domain.state import State as ProposalState
from ringfence_kernel.rpc.joining import joined
from ringfence_kernel.service.heavy import InThreads
from ringfence_kernel.service.lanes import Work
from ringfence_kernel.service.signal import Signal
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.values.clock import Clock
from ringfence_kernel.writing.states import SavedModuleState, SavedStates
from ringfence_kernel.writing.writer import GroupWriter
from ringfence_protos.payment_instruction.v1.payment_instruction_pb2_grpc import (
    PaymentInstructionServiceServicer,
)

from ringfence_payment_instruction.approvals.api import ApprovalsApi
from ringfence_payment_instruction.approvals.application import Decisions
from ringfence_payment_instruction.calendar.application import PastDays, SettlementDays
from ringfence_payment_instruction.deposits.application.ports import Entries
from ringfence_payment_instruction.deposits.application.suspended import SuspendedEntries, Suspense
from ringfence_payment_instruction.deposits.domain.events import EvidenceApplied
from ringfence_payment_instruction.deposits.domain.state import State as DepositsState
from ringfence_payment_instruction.deposits.module import DepositsModule
from ringfence_payment_instruction.flows.application.ports import PastAgreements
from ringfence_payment_instruction.flows.domain.state import State as FlowsState
from ringfence_payment_instruction.flows.module import FlowsModule
from ringfence_payment_instruction.iso20022.aside import refusal_of
from ringfence_payment_instruction.limits.application.ports import Funds, RecentPayments
from ringfence_payment_instruction.limits.domain.bounds import InstallationLimits
from ringfence_payment_instruction.limits.domain.state import State as LimitsState
from ringfence_payment_instruction.limits.module import LimitsModule
from ringfence_payment_instruction.rail.domain.state import State as AnswersState
from ringfence_payment_instruction.rail.module import RailModule, RailPorts
from ringfence_payment_instruction.reads.api import ReadsApi
from ringfence_payment_instruction.reads.application.queries import Queries, Reader
from ringfence_payment_instruction.screening.application.clients import ListedMarks
from ringfence_payment_instruction.screening.application.known import Known
from ringfence_payment_instruction.screening.application.looking import Looking
from ringfence_payment_instruction.screening.application.queries import ListsInForce
from ringfence_payment_instruction.screening.domain.editions import ListBounds
from ringfence_payment_instruction.screening.domain.events import EVENTS as SCREENING_EVENTS
from ringfence_payment_instruction.screening.domain.findings.events import ClientMatched
from ringfence_payment_instruction.screening.domain.findings.state import State as FindingsState
from ringfence_payment_instruction.screening.domain.state import State as ScreeningState
from ringfence_payment_instruction.screening.module import ScreeningModule, ScreeningPorts
from ringfence_payment_instruction.settlement.application.ports import Custody
from ringfence_payment_instruction.settlement.application.settlement import SettlementWork
from ringfence_payment_instruction.standing.domain.state import State as StandingState
from ringfence_payment_instruction.standing.module import StandingModule
from ringfence_payment_instruction.statements.application.ports import StagedPages
from ringfence_payment_instruction.statements.domain.state import State as StatementsState
from ringfence_payment_instruction.statements.module import Past, StatementsModule, Views
from ringfence_payment_instruction.submissions.application.pipeline import Pipeline
from ringfence_payment_instruction.submissions.application.ports import Archive, Identity
from ringfence_payment_instruction.submissions.application.reading import FileQuotas
from ringfence_payment_instruction.submissions.application.submissions import Submissions
from ringfence_payment_instruction.submissions.domain.days import LocalDays
from ringfence_payment_instruction.submissions.domain.deadlines import Patience
from ringfence_payment_instruction.submissions.domain.events import HitsReleased, InstructionsRescreened
from ringfence_payment_instruction.submissions.domain.state import State as SubmissionsState
from ringfence_payment_instruction.submissions.module import SubmissionsModule

# Raised whenever a state's digest is made of something else.
DIGEST_FORMAT = 13


@dataclass(frozen=True, slots=True)
class ModuleStates:
    """What each module keeps in memory."""

    submissions: SubmissionsState
    deposits: DepositsState = field(default_factory=DepositsState)
    screening: ScreeningState = field(default_factory=ScreeningState)
    findings: FindingsState = field(default_factory=FindingsState)
    standing: StandingState = field(default_factory=StandingState)
    limits: LimitsState = field(default_factory=LimitsState)
    flows: FlowsState = field(default_factory=FlowsState)
    answers: AnswersState = field(default_factory=AnswersState)
    proposals: ProposalState = field(default_factory=ProposalState)
    calendars: NotedCalendars = field(default_factory=NotedCalendars)
    statements: StatementsState = field(default_factory=StatementsState)

    def streams(self) -> list[bytes]:
        """Returns the streams that may have work."""
        return [
            *self.submissions.streams(),
            *self.deposits.streams(),
            *self.findings.streams(),
            *self.statements.streams(),
        ]

    def together(self) -> SavedStates:
        """Returns them as the one state of the service."""
        modules: dict[str, SavedModuleState] = {
            "submissions": self.submissions,
            "deposits": self.deposits,
            "screening": self.screening,
            "findings": self.findings,
            "standing": self.standing,
            "limits": self.limits,
            "flows": self.flows,
            "answers": self.answers,
            "proposals": self.proposals,
            "calendars": self.calendars,
            "statements": self.statements,
        }
        return SavedStates(modules, DIGEST_FORMAT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything outside, and the rules that the settings give."""

    clock: Clock
    archive: Archive
    entries: Entries
    past_movements: Past
    pages: StagedPages
    identity: Identity
    custody: Custody
    funds: Funds
    recent: RecentPayments
    suspended: SuspendedEntries
    agreements: PastAgreements
    rail: RailPorts
    screening: ScreeningPorts
    reader: Reader
    limits: InstallationLimits
    duplicate_days: int
    patience: Patience
    list_maximum_age_ns: int
    hearing: Hearing
    identity_position: Callable[[], int]
    list_bounds: ListBounds = field(default_factory=ListBounds)
    file_quotas: FileQuotas = field(default_factory=FileQuotas)
    heavily: InThreads = asyncio.to_thread
    aside: Callable[[bytes], bytes] = refusal_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """The modules, and the pipeline that keeps their lanes at work."""

    submissions: SubmissionsModule
    screening: ScreeningModule
    limits: LimitsModule
    flows: FlowsModule
    approvals: Decisions
    rail: RailModule
    deposits: DepositsModule
    statements: StatementsModule
    standing: StandingModule
    reads: Queries
    proposals: Proposals
    pipeline: Pipeline


def event_codec() -> EventCodec:
    """Returns the codec of this service's events."""
    modules = (
        SubmissionsState,
        DepositsState,
        FindingsState,
        StandingState,
        LimitsState,
        FlowsState,
        AnswersState,
        ProposalState,
        NotedCalendars,
        StatementsState,
    )
    return EventCodec(dict.fromkeys(chain(SCREENING_EVENTS, *(module.EVENTS for module in modules))))


def compose(writer: GroupWriter, states: ModuleStates, ports: Ports) -> Application:
    """Wires the modules: the same in the service and in tests."""
    clock, committed, days = ports.clock, Signal(), SettlementDays(states.calendars, LocalDays(states.limits.zone_of))
    patience = replace(ports.patience, days=days.local)
    submissions = Submissions(writer, states.submissions, ports.archive)
    in_threads = ports.file_quotas, ports.heavily, ports.aside
    orders = SubmissionsModule.build(submissions, ports.identity, patience, *in_threads, clock)
    known = Known(states.screening, states.findings)
    lists = ListsInForce(states.screening, ports.list_maximum_age_ns, clock, writer)
    proposals = Proposals(writer, states.proposals, has_ended=ended_by(states.proposals.endings))
    standing = StandingModule.build(
        submissions, states.standing, proposals, ports.custody, known.covers, lists.fresh, ports.hearing.require
    )
    limits = LimitsModule.build(
        submissions, proposals, states.limits, ports.limits, ports.recent, ports.funds, ports.duplicate_days, clock
    )
    looking = Looking(states.findings, ports.screening.names, ListedMarks(lists, ports.identity, ports.heavily))
    suspense = Suspense(ports.suspended, states.deposits, ports.identity, lists, looking)
    screening = ScreeningModule.build(
        submissions,
        orders.personal,
        known,
        ports.identity,
        ports.screening,
        proposals,
        limits.reviewing,
        lists,
        looking,
        suspense,
        orders.reading,
        ports.list_bounds,
    )
    views = Views(known, lists, looking)
    deposits = _deposits(submissions, states, ports, views, suspense, proposals, standing, committed)
    statements = _told(submissions, states, ports, proposals, orders, standing, deposits, views)
    rail = _rail(submissions, states, ports, proposals, orders, standing, deposits, statements, days)
    work: dict[str, Work] = {
        "screening": screening.work,
        "blocking": screening.blocking,
        "settlement": SettlementWork(submissions, ports.custody, standing.stops, ports.identity_position),
        "dispatch": rail.work,
        "deposits": deposits.work,
        "statements": statements.work,
        "standing": standing.work,
    }
    return Application(
        submissions=orders,
        screening=screening,
        limits=limits,
        flows=FlowsModule.build(orders.receiving, states.flows, ports.agreements, suspense, clock),
        approvals=Decisions(submissions, standing.stops, patience, limits.approver_minor),
        rail=rail,
        deposits=deposits,
        statements=statements,
        standing=standing,
        reads=Queries(submissions, orders.personal, standing.stops, ports.reader, ports.heavily),
        proposals=proposals,
        pipeline=_pipeline(submissions, orders, work, committed),
    )


def _deposits(
    submissions: Submissions,
    states: ModuleStates,
    ports: Ports,
    views: Views,
    suspense: Suspense,
    proposals: Proposals,
    standing: StandingModule,
    committed: Signal,
) -> DepositsModule:
    """Wires what posts the bank's facts."""
    return DepositsModule.build(
        submissions,
        states.deposits,
        ports.identity,
        ports.custody,
        views.known,
        views.lists,
        views.looking,
        suspense,
        proposals,
        standing.stops,
        committed,
        ports.clock,
    )


def _told(
    submissions: Submissions,
    states: ModuleStates,
    ports: Ports,
    proposals: Proposals,
    orders: SubmissionsModule,
    standing: StandingModule,
    deposits: DepositsModule,
    views: Views,
) -> StatementsModule:
    return StatementsModule.build(
        submissions,
        states.statements,
        deposits.rows,
        ports,
        orders.reading,
        views,
        standing.stops,
        proposals,
        PastDays(states.calendars),
    )


def _rail(
    submissions: Submissions,
    states: ModuleStates,
    ports: Ports,
    proposals: Proposals,
    orders: SubmissionsModule,
    standing: StandingModule,
    deposits: DepositsModule,
    statements: StatementsModule,
    days: SettlementDays,
) -> RailModule:
    return RailModule.build(
        submissions,
        states.answers,
        proposals,
        orders.personal,
        standing.stops,
        ports.rail,
        statements.receiving,
        deposits.returned,
        ports.clock,
        days,
    )


def _pipeline(
    submissions: Submissions, orders: SubmissionsModule, work: Mapping[str, Work], committed: Signal
) -> Pipeline:
    """Has lanes woken by whatever may let something go on, and looks for work again where a list has changed."""
    return Pipeline(
        submissions=submissions,
        personal=orders.personal,
        deadlines=orders.deadlines,
        committed=committed,
        work=work,
        wakes_on=(
            *SCREENING_EVENTS,
            *FindingsState.EVENTS,
            *StandingState.EVENTS,
            *NotedCalendars.EVENTS,
            InstructionsRescreened,
            HitsReleased,
            EvidenceApplied,
        ),
        looks_again_on=(*SCREENING_EVENTS, ClientMatched),
    )


def joined_servicer(application: Application) -> PaymentInstructionServiceServicer:
    """Returns the service of the proto, each method served by the module that has it."""
    return joined(
        PaymentInstructionServiceServicer,
        application.submissions.api,
        application.screening.api,
        application.deposits.api,
        application.statements.api,
        application.limits.api,
        application.flows.api,
        ApprovalsApi(application.approvals),
        ReadsApi(application.reads),
    )
