"""Puts the service together: the one place where ports meet adapters."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial

from ringfence_kernel.access.standing import HEAR_SECONDS, Standing, ended_by
from ringfence_kernel.feed import FOR_THE_RECORD, Follower
from ringfence_kernel.feed.hearing import Hearing
from ringfence_kernel.proposals.api import servicer as proposal_servicer
from ringfence_kernel.proposals.application import Proposals
from ringfence_kernel.rpc.health import Check
from ringfence_kernel.service import (
    Assembly,
    EventSourced,
    RebuildReport,
    Runtime,
    Service,
    Servicer,
    Task,
    follow,
    opened_store,
    rebuild,
    when_possible,
)
from ringfence_kernel.service.measures import measure_hearing
from ringfence_kernel.store import EventStore, Head, load_cursor
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.writing.backlog import Backlog, FewWaiting
from ringfence_protos.custody.v1 import custody_pb2_grpc, reconciliation_pb2_grpc

from ringfence_custody.ledger.adapters import identity_feed, schema
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
from ringfence_custody.modules import ModuleStates, event_codec
from ringfence_custody.reconciliation.adapters import payment_feed
from ringfence_custody.reconciliation.adapters import schema as reconciliation_schema
from ringfence_custody.reconciliation.adapters.match_model import MatchesModel, StoredMatches
from ringfence_custody.reconciliation.adapters.week_days import WeekDays
from ringfence_custody.reconciliation.application.measures import measure_breaks
from ringfence_custody.reconciliation.application.working import Reconciling
from ringfence_custody.reconciliation.module import ReconciliationModule
from ringfence_custody.settings import CustodySettings

REQUEST_WEIGHT = 64
"""What a request costs beside its rows, in rows: the wire, the checks of its caller, its line in the log."""


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

    async def count_anew() -> None:
        lag.begin(core.writer.head.position)

    async def know_what_others_took_in() -> None:
        commands.changes.begin((await cursor_of(core.store, identity_feed.CURSOR)).position)

    leadership.begin_with(count_anew)
    leadership.begin_with(know_what_others_took_in)
    lag.gauge(runtime.gauges, leadership)
    measure_hearing(runtime.gauges, leadership, hearing)
    BookSums(lambda: {} if core.writer.is_stale else state.books).gauge(runtime.gauges, leadership)
    rules = RuleCommands(core.writer, state, proposals)
    acts = Acts(state, proposals)
    proposals.register([rules.effect(), *acts.effects()])
    module = reconciliation(runtime, core, states, commands, queries, proposals)
    kept = states.reconciliation
    measure_breaks(
        runtime.gauges, leadership, lambda: () if core.writer.is_stale else kept.breaks.values(), module.work.days
    )
    payments = await follow_payments(runtime, core, module)
    servicer = CustodyServicer(commands, rules, acts, queries, backlog, settings.accounts_quota(), hearing)
    return Assembly(
        servicers=[
            custody_servicer(servicer, backlog),
            reconciliation_servicer(module),
            proposal_servicer(proposals),
            core.feed(),
        ],
        tasks=[
            *core.tasks({"identity": identity.follower.ring, "payment-instruction": payments.follower.ring}),
            identity.task,
            payments.task,
            Task("expiry", lambda: keep_expiring(commands)),
            Task("reconciliation", lambda: keep_reconciling(module.work)),
        ],
        everywhere=[runtime.warm(identity.follower), runtime.warm(payments.follower)],
        checks=[*core.checks(), identity.check, payments.check],
        leadership=leadership,
        standing=Standing(states.proposals.is_stopped, proposals.has_ended, identity_is_heard),
    )


@dataclass(frozen=True, slots=True)
class Following:
    """A follower with the task that follows, and the check that fails once it has halted."""

    follower: Follower
    task: Task
    check: Check


async def follow_identity(
    runtime: Runtime[CustodySettings], core: EventSourced, commands: Commands, hearing: Hearing
) -> Following:
    """Wires the follower of who may have money, and who may act."""
    cursor = partial(cursor_of, core.store, identity_feed.CURSOR)
    follower = runtime.follower(
        "identity",
        identity_feed.take_over(commands),
        await cursor(),
        hears=lambda: core.doorbell.connected,
        hearing=hearing,
    )
    return Following(follower, *follow(follower, cursor))


async def follow_payments(
    runtime: Runtime[CustodySettings], core: EventSourced, module: ReconciliationModule
) -> Following:
    """Wires the follower of what banks tell."""
    cursor = partial(cursor_of, core.store, payment_feed.CURSOR)
    follower = runtime.follower(
        "payment-instruction",
        payment_feed.take_over(module.noting),
        await cursor(),
        hears=lambda: core.doorbell.connected,
        looking=FOR_THE_RECORD,
    )
    return Following(follower, *follow(follower, cursor))


def reconciliation(
    runtime: Runtime[CustodySettings],
    core: EventSourced,
    states: ModuleStates,
    commands: Commands,
    queries: Queries,
    proposals: Proposals,
) -> ReconciliationModule:
    """Wires what compares banks with the books."""
    matches, days = StoredMatches(core.store, event_codec()), WeekDays(runtime.clock)
    return ReconciliationModule.build(core.writer, states.reconciliation, matches, days, commands, queries, proposals)


def custody_servicer(servicer: CustodyServicer, backlog: Backlog) -> Servicer:
    """Returns the servicer of the ledger with its name."""
    return Servicer(
        custody_pb2_grpc.add_CustodyServiceServicer_to_server,
        servicer,
        "ringfence.custody.v1.CustodyService",
        places={"CreateAccounts": backlog, "CreateTransfers": backlog},
        unpaced=frozenset({"CreateAccounts", "CreateTransfers"}),
    )


def reconciliation_servicer(module: ReconciliationModule) -> Servicer:
    """Returns the servicer of reconciliation with its name."""
    add = reconciliation_pb2_grpc.add_ReconciliationServiceServicer_to_server
    return Servicer(add, module.servicer, "ringfence.custody.v1.ReconciliationService")


async def cursor_of(store: EventStore, name: str) -> Head:
    """Returns how far this service has followed another, in whichever of its processes."""
    return await when_possible(lambda: asyncio.to_thread(load_cursor, store, name))


async def keep_reconciling(work: Reconciling, pause_seconds: float = 1.0) -> None:
    """Compares banks with the books, for ever; a database that is away, or a day that is not known, only delays it."""
    while True:
        await asyncio.sleep(pause_seconds)
        try:
            await work.run_once()
        except DomainError:
            continue


async def keep_expiring(commands: Commands, pause_seconds: float = 1.0) -> None:
    """Releases pending transfers whose time is over, for ever; a database that is away only delays it."""
    while True:
        await asyncio.sleep(pause_seconds)
        try:
            await commands.expire()
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
    migrations=lambda: [*schema.migrations(), *reconciliation_schema.migrations()],
    rebuild=verify,
)
