"""Puts the service together: the one place where ports meet adapters."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

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
    follow,
    opened_store,
    rebuild,
    when_possible,
)
from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.service.measures import measure_hearing
from ringfence_kernel.store import EventStore, Head, load_cursor
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.writing.backlog import Backlog, FewWaiting
from ringfence_protos.custody.v1 import custody_pb2_grpc

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
from ringfence_custody.registers.module import RegistersModule
from ringfence_custody.settings import CustodySettings

REQUEST_WEIGHT = 64
"""What a request costs beside its rows, in rows: the wire, the checks of its caller, its line in the log."""
EXPIRY_SECONDS = 1.0
"""How often it is looked for reservations whose time is over."""
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
    core = await EventSourced.open(runtime, codec, states.together(), [StatementModel()])
    core.writer.subscribe(state.committed)
    projector = core.projectors[StatementModel.name]
    lag = StatementLag(projector, settings.statement_lag_transfers)
    core.writer.subscribe(lag.note)
    projector.hold = lag.may_rest
    backlog = Backlog(settings.backlog_seconds, REQUEST_WEIGHT)
    proposals = Proposals(core.writer, states.proposals, has_ended=ended_by(states.proposals.endings))
    follows = FewWaiting(lag.is_too_far, lag.follow, backlog.refusal).wait

    async def identity_is_heard() -> bool:
        return await follower.catch_up(HEAR_SECONDS)

    commands = Commands(core.writer, state, follows, proposals, identity_is_heard, backlog.taken)
    hearing = Hearing(settings.identity_silence_seconds)
    follower = runtime.follower(
        "identity",
        identity_feed.take_over(commands),
        await identity_cursor(core.store),
        hears=lambda: core.doorbell.connected,
        hearing=hearing,
    )
    following, halted = follow(follower, lambda: identity_cursor(core.store))
    queries = Queries(core.writer, state, StatementReader(core.store, projector, lambda: core.writer.head))
    leadership = core.leadership()
    begin_terms_with(leadership, core, lag, commands)
    lag.gauge(runtime.gauges, leadership)
    measure_hearing(runtime.gauges, leadership, hearing)
    BookSums(lambda: {} if core.writer.is_stale else state.books).gauge(runtime.gauges, leadership)
    rules = RuleCommands(core.writer, state, proposals)
    acts = Acts(state, proposals)
    proposals.register([rules.effect(), *acts.effects()])
    registers = RegistersModule.build(core.writer, states.registers, state, proposals)
    registers.gauge(runtime.gauges, leadership)
    servicer = CustodyServicer(commands, rules, acts, queries, backlog, settings.accounts_quota(), hearing)
    return Assembly(
        servicers=[
            Servicer(
                custody_pb2_grpc.add_CustodyServiceServicer_to_server,
                servicer,
                "ringfence.custody.v1.CustodyService",
                places={"CreateAccounts": backlog, "CreateTransfers": backlog},
                unpaced=frozenset({"CreateAccounts", "CreateTransfers"}),
            ),
            registers.served(),
            proposal_servicer(proposals),
            core.feed(),
        ],
        tasks=[*core.tasks({"identity": follower.ring}), following, *repeated(commands, registers)],
        everywhere=[runtime.warm(follower)],
        checks=[*core.checks(), halted],
        leadership=leadership,
        standing=Standing(states.proposals.is_stopped, proposals.has_ended, identity_is_heard),
    )


def begin_terms_with(leadership: Leadership, core: EventSourced, lag: StatementLag, commands: Commands) -> None:
    """Has whoever begins to lead count the statements' lag anew, and know what others took in of identity."""

    async def count_anew() -> None:
        lag.begin(core.writer.head.position)

    async def know_what_others_took_in() -> None:
        commands.changes.begin((await identity_cursor(core.store)).position)

    leadership.begin_with(count_anew)
    leadership.begin_with(know_what_others_took_in)


def repeated(commands: Commands, registers: RegistersModule) -> list[Task]:
    """Returns what the leader does again and again: expiry of reservations, and reviews that fall due."""
    return [
        Task("expiry", lambda: keep_doing(commands.expire, EXPIRY_SECONDS)),
        Task("reviews", lambda: keep_doing(registers.acts.due_today, REVIEW_SECONDS)),
    ]


async def identity_cursor(store: EventStore) -> Head:
    """Returns how far this service has followed identity, in whichever of its processes."""
    return await when_possible(lambda: asyncio.to_thread(load_cursor, store, identity_feed.CURSOR))


async def keep_doing(act: Callable[[], Awaitable[int]], pause_seconds: float) -> None:
    """Releases what has expired, or finds what falls due, for ever; a database that is away only delays it."""
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
        return rebuild(store, codec, states.together(), [StatementModel()], compare=compare)


SERVICE = Service(
    name="custody",
    settings=CustodySettings,
    assemble=assemble,
    migrations=schema.migrations,
    rebuild=verify,
)
