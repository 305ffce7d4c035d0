"""Puts the service together: the one place where ports meet adapters."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.standing import HEAR_SECONDS, Standing
from ringfence_kernel.aside.calling import Aside
from ringfence_kernel.calendars.following import CURSOR as DAYS_CURSOR
from ringfence_kernel.calendars.following import take_over_days
from ringfence_kernel.feed import FOR_THE_RECORD, FeedPage
from ringfence_kernel.feed.facts import taking_over
from ringfence_kernel.feed.hearing import Hearing
from ringfence_kernel.projecting.deferring import Deferral
from ringfence_kernel.proposals.api import servicer as proposal_servicer
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
from ringfence_kernel.store import EventStore, Head, StoredEvent, load_cursor
from ringfence_kernel.store.recorder import Within
from ringfence_kernel.values.clock import SteadyClock
from ringfence_protos.payment_instruction.v1.answers_pb2_grpc import add_AnswerServiceServicer_to_server
from ringfence_protos.payment_instruction.v1.payment_instruction_pb2_grpc import (
    add_PaymentInstructionServiceServicer_to_server,
)
from ringfence_protos.payment_instruction.v1.statements_pb2_grpc import add_StatementServiceServicer_to_server

from ringfence_payment_instruction.deposits.adapters.known_entries import KnownEntriesModel, StoredEntries
from ringfence_payment_instruction.deposits.adapters.suspended_entries import (
    StoredSuspendedEntries,
    SuspendedEntriesModel,
)
from ringfence_payment_instruction.deposits.application.measures import measure as measure_deposits
from ringfence_payment_instruction.flows.adapters import StoredAgreements
from ringfence_payment_instruction.iso20022.aside import FUNCTION
from ringfence_payment_instruction.limits.adapters.recent_payments import RecentPaymentsModel, StoredRecentPayments
from ringfence_payment_instruction.migrations import migrations
from ringfence_payment_instruction.modules import (
    Application,
    ModuleStates,
    Ports,
    compose,
    event_codec,
    joined_servicer,
)
from ringfence_payment_instruction.rail.adapters.messages import OutboxTable, ReceivedTable
from ringfence_payment_instruction.rail.adapters.object_store import ObjectRail
from ringfence_payment_instruction.rail.adapters.payers import IdentityPayers
from ringfence_payment_instruction.rail.adapters.principal import RailPrincipal
from ringfence_payment_instruction.rail.adapters.seals import VaultSeals
from ringfence_payment_instruction.rail.adapters.spool import SpoolRail
from ringfence_payment_instruction.rail.application.measures import measure as measure_answers
from ringfence_payment_instruction.rail.module import RailPorts
from ringfence_payment_instruction.reads.adapters.instructions_model import InstructionsModel
from ringfence_payment_instruction.reads.adapters.instructions_reader import InstructionsReader
from ringfence_payment_instruction.screening.adapters.client_table import ClientTable
from ringfence_payment_instruction.screening.adapters.identity_feed import client_facts
from ringfence_payment_instruction.screening.adapters.identity_parties import IdentityParties
from ringfence_payment_instruction.screening.adapters.listed_names import StoredListedNames
from ringfence_payment_instruction.screening.application.measures import measure as measure_lists
from ringfence_payment_instruction.screening.application.queries import ListsInForce
from ringfence_payment_instruction.screening.domain.clients import ClientFact
from ringfence_payment_instruction.screening.module import ScreeningPorts
from ringfence_payment_instruction.settings import PaymentInstructionSettings
from ringfence_payment_instruction.settlement.adapters.custody_client import CustodyClient, count_unknown
from ringfence_payment_instruction.standing.adapters import identity_feed
from ringfence_payment_instruction.standing.domain.state import StandingFact
from ringfence_payment_instruction.statements.adapters.movement_tables import BankMovementsModel, StoredMovements
from ringfence_payment_instruction.statements.adapters.staged_pages import StoredPages
from ringfence_payment_instruction.statements.application.measures import measure as measure_statements
from ringfence_payment_instruction.submissions.adapters.archive import StoredArchive
from ringfence_payment_instruction.submissions.adapters.identity_client import IdentityClient
from ringfence_payment_instruction.submissions.adapters.known_ids_model import KnownIdsModel
from ringfence_payment_instruction.submissions.application.measures import OpenPayments
from ringfence_payment_instruction.submissions.domain.state import State as SubmissionsState

NAME = "payment-instruction"
OPERATOR = "operator"
WITH_FILES = ("SubmitFile", "SubmitEvidence", "ImportSanctionsList")
INLINE = (KnownIdsModel(), KnownEntriesModel(), RecentPaymentsModel(), SuspendedEntriesModel(), BankMovementsModel())
MODELS = (InstructionsModel(), *INLINE)


async def assemble(runtime: Runtime[PaymentInstructionSettings]) -> Assembly:
    """Rebuilds the state, finds the work that it calls for, and wires servicers."""
    store, codec, model = EventStore(runtime.settings.database_conninfo()), event_codec(), InstructionsModel()
    archive = StoredArchive(store, codec)
    states = ModuleStates(SubmissionsState(archive.reopen))
    core = await EventSourced.open(
        runtime, codec, states.together(), [model], inline=INLINE, store=store, owner=_operator
    )
    projector = core.projectors[model.name]
    deferral = Deferral(projector)
    core.writer.subscribe(deferral.note)
    projector.hold = deferral.is_on
    reader = InstructionsReader(store, codec, projector)

    def identity_position() -> int:
        return follower.cursor.position

    ports = _ports(runtime, archive, reader, identity_position)
    application = compose(core.writer, states, ports)
    follower = runtime.follower(
        "identity",
        take_over_identity(application),
        await identity_cursor(core.store),
        hears=lambda: core.doorbell.connected,
        hearing=ports.hearing,
    )
    following, follows = follow(follower, lambda: identity_cursor(core.store))
    days = runtime.follower(
        "custody", take_over_days(core.writer), await custody_cursor(core.store), looking=FOR_THE_RECORD
    )
    following_days, follows_days = follow(days, lambda: custody_cursor(core.store))
    leadership = core.leadership()

    async def find_work() -> None:
        application.pipeline.start(states.streams())

    leadership.begin_with(find_work)
    _measure(runtime, leadership, states, application.screening.lists)
    measure_hearing(runtime.gauges, leadership, ports.hearing)
    return Assembly(
        servicers=[
            *_servicers(application),
            _answers(application),
            proposal_servicer(application.proposals),
            core.feed(leadership),
        ],
        tasks=[
            *core.tasks({"identity": follower.ring}),
            following,
            following_days,
            Task("pipeline", application.pipeline.run),
            Task("client-screening", application.screening.clients.run),
            Task("deadlines", application.submissions.deadlines.run),
            Task("inbox", application.rail.inbox.run),
            Task("pages", application.statements.work.run),
        ],
        everywhere=[runtime.warm(follower), runtime.warm(days)],
        checks=[*core.checks(), *follows, *follows_days],
        leadership=leadership,
        standing=Standing(
            states.standing.is_suspended,
            application.proposals.has_ended,
            lambda: follower.catch_up(HEAR_SECONDS),
        ),
    )


def take_over_identity(application: Application) -> Callable[[FeedPage], Awaitable[None]]:
    """Returns the handler of identity's pages: how everybody stands and what clients are called, in one transaction."""
    clients = application.screening.clients

    def facts_of(events: Iterable[StoredEvent]) -> list[StandingFact | ClientFact]:
        page = list(events)
        return [*identity_feed.standing_facts(page), *client_facts(page)]

    async def note(facts: Sequence[StandingFact | ClientFact], save_cursor: Within) -> None:
        of_clients = [fact for fact in facts if not isinstance(fact, StandingFact)]
        standings = [fact for fact in facts if isinstance(fact, StandingFact)]
        await application.standing.noting.note(standings, await clients.note(of_clients, save_cursor))
        clients.ring()

    return taking_over(facts_of, note, identity_feed.CURSOR)


async def identity_cursor(store: EventStore) -> Head:
    """Returns how far this service has followed identity, in whichever of its processes."""
    return await when_possible(lambda: asyncio.to_thread(load_cursor, store, identity_feed.CURSOR))


async def custody_cursor(store: EventStore) -> Head:
    """Returns how far this service has followed custody's days."""
    return await when_possible(lambda: asyncio.to_thread(load_cursor, store, DAYS_CURSOR))


def _measure(
    runtime: Runtime[PaymentInstructionSettings], leadership: Leadership, states: ModuleStates, lists: ListsInForce
) -> None:
    """Shows what of payments, messages and lists somebody should look after."""
    gauges = runtime.gauges
    OpenPayments(states.submissions, runtime.clock).gauge(gauges, leadership)
    measure_deposits(gauges, leadership, states.deposits)
    measure_answers(gauges, leadership, states.answers)
    measure_statements(gauges, leadership, states.statements)
    measure_lists(gauges, leadership, lists, states.findings, states.submissions)
    count_unknown(0)


def _operator(caller: Caller) -> bytes | None:
    """Counts what operators have kept; of platforms and banks the calls, bytes and files are counted."""
    return caller.subject if OPERATOR in caller.roles else None


def _ports(
    runtime: Runtime[PaymentInstructionSettings],
    archive: StoredArchive,
    reader: InstructionsReader,
    identity_position: Callable[[], int],
) -> Ports:
    settings, clock = runtime.settings, runtime.clock
    custody = CustodyClient(runtime.peer("custody"))
    return Ports(
        clock=clock,
        archive=archive,
        entries=StoredEntries(archive.store),
        past_movements=StoredMovements(archive.store),
        pages=StoredPages(archive.store),
        identity=IdentityClient(runtime.peer("identity"), SteadyClock()),
        custody=custody,
        funds=custody,
        recent=StoredRecentPayments(archive.store),
        suspended=StoredSuspendedEntries(archive.store, archive.codec),
        agreements=StoredAgreements(archive.store, archive.codec),
        rail=_rail(runtime, archive.store),
        screening=ScreeningPorts(
            ClientTable(archive.store), IdentityParties(runtime.peer("identity")), StoredListedNames(archive.store)
        ),
        reader=reader,
        limits=settings.limits(),
        duplicate_days=settings.days_of_duplicates(),
        patience=settings.patience(),
        list_maximum_age_ns=settings.list_maximum_age_ns(),
        hearing=Hearing(settings.identity_silence_seconds),
        identity_position=identity_position,
        list_bounds=settings.list_bounds(),
        file_quotas=settings.file_quotas(),
        heavily=runtime.heavy.run,
        aside=_aside(runtime),
    )


def _aside(runtime: Runtime[PaymentInstructionSettings]) -> Aside:
    made = Aside(FUNCTION)
    runtime.resources.callback(made.close)
    return made


def _rail(runtime: Runtime[PaymentInstructionSettings], store: EventStore) -> RailPorts:
    settings, identity = runtime.settings, runtime.settings.addresses_of("identity")
    where = settings.rail()
    return RailPorts(
        rail=SpoolRail(where) if isinstance(where, Path) else ObjectRail(where),
        payers=IdentityPayers(runtime.peer("identity")),
        outbox=OutboxTable(store),
        received=ReceivedTable(store),
        seals=VaultSeals(runtime.vault.transit),
        voucher=RailPrincipal(settings.rail_credentials_directory, identity, runtime.telemetry, SteadyClock()),
        poll_seconds=settings.rail_poll_seconds,
    )


def _servicers(application: Application) -> list[Servicer]:
    reading = application.submissions.reading
    return [
        Servicer(
            add_PaymentInstructionServiceServicer_to_server,
            joined_servicer(application),
            "ringfence.payment_instruction.v1.PaymentInstructionService",
            places=dict.fromkeys(WITH_FILES, reading),
            unpaced=frozenset({"SubmitInstructions"}),
        ),
        Servicer(
            add_StatementServiceServicer_to_server,
            application.statements.service,
            "ringfence.payment_instruction.v1.StatementService",
            places={"SubmitStatement": reading},
            heavy=frozenset({"ListSuspended", "ShowStatementException"}),
        ),
    ]


def _answers(application: Application) -> Servicer:
    return Servicer(
        add_AnswerServiceServicer_to_server,
        application.rail.api,
        "ringfence.payment_instruction.v1.AnswerService",
    )


def verify(settings: PaymentInstructionSettings, compare: bool) -> RebuildReport:
    """Builds state and tables from events alone; with `compare` checks them against the live ones."""
    with opened_store(settings) as store:
        codec = event_codec()
        states = ModuleStates(SubmissionsState(StoredArchive(store, codec).reopen))
        return rebuild(store, codec, states.together(), MODELS, compare=compare)


SERVICE = Service(
    name=NAME,
    settings=PaymentInstructionSettings,
    assemble=assemble,
    migrations=migrations,
    rebuild=verify,
)
