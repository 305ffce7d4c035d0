"""Puts the service together: the one place where ports meet adapters."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ringfence_kernel.access.standing import HEAR_SECONDS, Standing, ended_by
from ringfence_kernel.feed.hearing import Hearing
from ringfence_kernel.proposals.api import servicer as proposal_servicer
from ringfence_kernel.proposals.application import Proposals
from ringfence_kernel.service import (
    Assembly,
    EventSourced,
    RebuildReport,
    Runtime,
    Service,
    Servicer,
    Task,
    opened_store,
    rebuild,
)
from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.service.measures import measure_hearing
from ringfence_kernel.store import EventStore
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.writing.backlog import Backlog, FewWaiting
from ringfence_protos.custody.v1 import custody_pb2_grpc, reconciliation_pb2_grpc

from ringfence_custody.calendars.module import CalendarsModule
from ringfence_custody.closings.module import ClosingsModule
from ringfence_custody.following import cursor_of, follow_identity, follow_payments
from ringfence_custody.ledger.adapters import identity_feed
from ringfence_custody.ledger.adapters.batches import StoredBatches
from ringfence_custody.ledger.adapters.statement_model import StatementModel
from ringfence_custody.ledger.adapters.statement_reader import StatementReader
from ringfence_custody.ledger.api.servicer import CustodyServicer
from ringfence_custody.ledger.application.acts import Acts
from ringfence_custody.ledger.application.adopting import RuleCommands
from ringfence_custody.ledger.application.book_sums import BookSums
from ringfence_custody.ledger.application.commands import Commands
from ringfence_custody.ledger.application.queries import Queries
from ringfence_custody.ledger.application.statement_lag import StatementLag
from ringfence_custody.migrations import migrations
from ringfence_custody.modules import ModuleStates, event_codec
from ringfence_custody.reconciliation.adapters.calendar_days import CalendarDays
from ringfence_custody.reconciliation.adapters.match_model import MatchesModel, StoredMatches
from ringfence_custody.reconciliation.application.measures import measure_breaks
from ringfence_custody.reconciliation.module import ReconciliationModule
from ringfence_custody.registers.module import RegistersModule
from ringfence_custody.safeguarding.application.measures import measure_days
from ringfence_custody.safeguarding.module import SafeguardingModule
from ringfence_custody.settings import CustodySettings

REQUEST_WEIGHT = 64
"""What a request costs beside its rows, in rows: the wire, the checks of its caller, its line in the log."""
EXPIRY_SECONDS = 1.0
"""How often it is looked for reservations whose time is over."""
RECONCILING_SECONDS = 1.0
"""How often it is looked whether banks have told anything that is to be matched."""
REVIEW_SECONDS = 60.0
"""How often it is looked for reviews that fall due."""


async def assemble(runtime: Runtime[CustodySettings]) -> Assembly:
    """Rebuilds the books, then wires the follower of identity, expiry, the read model's backpressure and servicers.

    All of it works in the process that leads; a standby follows the books, and serves their feed.
    """
    settings, codec = runtime.settings, event_codec()
    batches_store = EventStore(settings.database_conninfo())
    runtime.resources.push_async_callback(asyncio.to_thread, batches_store.close)
    states = ModuleStates.over(lambda: StoredBatches(batches_store, codec))
    state = states.ledger
    core = await EventSourced.open(runtime, codec, states.together(), [StatementModel()], inline=[MatchesModel()])
    core.writer.subscribe(state.committed)
    projector = core.projectors[StatementModel.name]
    lag = StatementLag(projector, settings.statement_lag_transfers)
    core.writer.subscribe(lag.note)
    projector.hold = lag.may_rest
    backlog = Backlog(settings.backlog_seconds, REQUEST_WEIGHT)
    proposals = Proposals(core.writer, states.proposals, has_ended=ended_by(states.proposals.endings))
    follows = FewWaiting(lag.is_too_far, lag.follow, backlog.refusal).wait

    async def identity_is_heard() -> bool:
        return await identity.follower.catch_up(HEAR_SECONDS)

    commands = Commands(core.writer, state, follows, proposals, identity_is_heard, backlog.taken)
    hearing = Hearing(settings.identity_silence_seconds)
    identity = await follow_identity(runtime, core, commands, hearing)
    queries = Queries(core.writer, state, StatementReader(core.store, projector, lambda: core.writer.head))
    leadership = core.leadership()
    begin_terms_with(leadership, core, lag, commands)
    lag.gauge(runtime.gauges, leadership)
    measure_hearing(runtime.gauges, leadership, hearing)
    BookSums(lambda: {} if core.writer.is_stale else state.books).gauge(runtime.gauges, leadership)
    rules = RuleCommands(core.writer, state, proposals)
    acts = Acts(state, proposals)
    proposals.register([rules.effect(), *acts.effects()])
    around = Around.build(runtime, core, states, commands, queries, proposals)
    around.gauge(runtime, core, states, leadership)
    payments = await follow_payments(runtime, core, around.reconciliation.noting)
    servicer = CustodyServicer(commands, rules, acts, queries, backlog, settings.accounts_quota(), hearing)
    return Assembly(
        servicers=[
            custody_servicer(servicer, backlog),
            *around.servicers(),
            proposal_servicer(proposals),
            core.feed(leadership),
        ],
        tasks=[
            *core.tasks({"identity": identity.follower.ring, "payment-instruction": payments.follower.ring}),
            identity.task,
            payments.task,
            *around.tasks(),
            Task("expiry", lambda: keep_doing(commands.expire, EXPIRY_SECONDS)),
        ],
        everywhere=[runtime.warm(identity.follower), runtime.warm(payments.follower)],
        checks=[*core.checks(), *identity.checks, *payments.checks],
        leadership=leadership,
        standing=Standing(states.proposals.is_stopped, proposals.has_ended, identity_is_heard),
    )


@dataclass(frozen=True, slots=True)
class Around:
    """The modules around the ledger, wired to each other."""

    calendars: CalendarsModule
    closings: ClosingsModule
    reconciliation: ReconciliationModule
    registers: RegistersModule
    safeguarding: SafeguardingModule

    @classmethod
    def build(
        cls,
        runtime: Runtime[CustodySettings],
        core: EventSourced,
        states: ModuleStates,
        commands: Commands,
        queries: Queries,
        proposals: Proposals,
    ) -> Around:
        """Wires them: a day that opens has the one before it cut, and reviews fall due."""
        writer, clock = core.writer, runtime.clock
        calendars = CalendarsModule.build(
            writer, states.calendars, proposals, clock, may_step=runtime.settings.may_step_days()
        )
        reconciliation = ReconciliationModule.build(
            writer,
            states.reconciliation,
            StoredMatches(core.store, event_codec()),
            CalendarDays(states.calendars, clock),
            commands,
            queries,
            proposals,
        )
        registers = RegistersModule.build(writer, states.registers, states.ledger, proposals)
        safeguarding = SafeguardingModule.build(
            writer, states.safeguarding, states.ledger, states.reconciliation, states.calendars, proposals
        )
        closings = ClosingsModule.build(writer, states.closings, states.ledger)
        calendars.days.timers = (safeguarding.closing.on_day, registers.acts.on_day, closings.closing.on_day)
        calendars.days.before = closings.closing.before_day
        reconciliation.work.looked = safeguarding.work.look
        return cls(calendars, closings, reconciliation, registers, safeguarding)

    def gauge(
        self, runtime: Runtime[CustodySettings], core: EventSourced, states: ModuleStates, leadership: Leadership
    ) -> None:
        """Has them measured by telemetry, in the process that leads."""
        self.calendars.days.gauge(runtime.gauges, leadership)
        self.registers.gauge(runtime.gauges, leadership)
        breaks, days = states.reconciliation, self.reconciliation.work.days
        measure_breaks(runtime.gauges, leadership, lambda: () if core.writer.is_stale else breaks.breaks.values(), days)
        kept = states.safeguarding
        measure_days(runtime.gauges, leadership, lambda: () if core.writer.is_stale else list(kept.unfinished()))

    def servicers(self) -> list[Servicer]:
        """Returns what they serve."""
        add = reconciliation_pb2_grpc.add_ReconciliationServiceServicer_to_server
        reconciled = Servicer(add, self.reconciliation.servicer, "ringfence.custody.v1.ReconciliationService")
        of_days = (self.safeguarding.servicer, self.closings.servicer)
        return [self.calendars.servicer, reconciled, self.registers.served(), *of_days]

    def tasks(self) -> list[Task]:
        """Returns what they do in the process that leads."""
        reconciling, reviewing = self.reconciliation.work.run_once, self.registers.acts.due_today
        return [
            self.calendars.task,
            self.safeguarding.task,
            Task("reconciliation", lambda: keep_doing(reconciling, RECONCILING_SECONDS)),
            Task("reviews", lambda: keep_doing(reviewing, REVIEW_SECONDS)),
        ]


def custody_servicer(servicer: CustodyServicer, backlog: Backlog) -> Servicer:
    """Returns the servicer of the ledger with its name."""
    return Servicer(
        custody_pb2_grpc.add_CustodyServiceServicer_to_server,
        servicer,
        "ringfence.custody.v1.CustodyService",
        places={"CreateAccounts": backlog, "CreateTransfers": backlog},
        unpaced=frozenset({"CreateAccounts", "CreateTransfers"}),
    )


def begin_terms_with(leadership: Leadership, core: EventSourced, lag: StatementLag, commands: Commands) -> None:
    """Has whoever begins to lead count the statements' lag anew, and know what others took in of identity."""

    async def count_anew() -> None:
        lag.begin(core.writer.head.position)

    async def know_what_others_took_in() -> None:
        commands.changes.begin((await cursor_of(core.store, identity_feed.CURSOR)).position)

    leadership.begin_with(count_anew)
    leadership.begin_with(know_what_others_took_in)


async def keep_doing(act: Callable[[], Awaitable[object]], pause_seconds: float) -> None:
    """Does something again and again, for ever; a database that is away, or a day that is not known, only delays it."""
    while True:
        await asyncio.sleep(pause_seconds)
        try:
            await act()
        except DomainError:
            continue


def verify(settings: CustodySettings, compare: bool) -> RebuildReport:
    """Builds books and statements from events alone; with `compare` checks them against the live ones."""
    codec = event_codec()
    with opened_store(settings) as store:
        states = ModuleStates.over(lambda: StoredBatches(store, codec))
        return rebuild(store, codec, states.together(), [StatementModel(), MatchesModel()], compare=compare)


SERVICE = Service(
    name="custody",
    settings=CustodySettings,
    assemble=assemble,
    migrations=migrations,
    rebuild=verify,
)
