"""Puts the service together: the one place where ports meet adapters."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ringfence_kernel import logs
from ringfence_kernel.codec import EventCodec
from ringfence_kernel.errors import DomainError, StoreUnavailable
from ringfence_kernel.feed import FeedServicer, Publisher
from ringfence_kernel.projection import Projector
from ringfence_kernel.service import Assembly, Check, RebuildReport, Runtime, Service, Servicer, Task, hear
from ringfence_kernel.settings import MigrationSettings
from ringfence_kernel.store import EventStore, apply_migrations
from ringfence_kernel.writer import GroupWriter
from ringfence_protos.common.v1 import feed_pb2_grpc
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2_grpc

from ringfence_payment_instruction.adapters import rebuild
from ringfence_payment_instruction.adapters.custody_client import CustodyClient
from ringfence_payment_instruction.adapters.digests import keep_digests
from ringfence_payment_instruction.adapters.identity_client import IdentityClient
from ringfence_payment_instruction.adapters.payment_files import Iso20022Files
from ringfence_payment_instruction.adapters.rail import SpoolRail
from ringfence_payment_instruction.adapters.rail_principal import RailPrincipal
from ringfence_payment_instruction.adapters.read_model import InstructionsModel, InstructionsReader, migrations
from ringfence_payment_instruction.adapters.sanctions_files import SanctionsFiles
from ringfence_payment_instruction.api.servicer import PaymentInstructionServicer
from ringfence_payment_instruction.application.composition import Application, Parts, compose
from ringfence_payment_instruction.application.desk import Desk
from ringfence_payment_instruction.domain.events import ALL
from ringfence_payment_instruction.domain.state import State
from ringfence_payment_instruction.settings import PaymentInstructionSettings

NAME = "payment-instruction"
_LOG = logs.get(__name__)
_RETRY_SECONDS = 1.0


def event_codec() -> EventCodec:
    """Returns the codec of this service's events."""
    return EventCodec(ALL)


@dataclass(frozen=True, slots=True)
class _Core:
    """The store, the state in memory with its writer, and the read model."""

    store: EventStore
    desk: Desk
    projector: Projector
    reader: InstructionsReader


async def assemble(runtime: Runtime[PaymentInstructionSettings]) -> Assembly:
    """Rebuilds the state, finds the work that it calls for, and wires servicers."""
    core = await _core(runtime)
    application = compose(_parts(runtime, core))
    doorbell = runtime.doorbell()
    publisher = Publisher(doorbell, core.store)
    core.desk.writer.subscribe(lambda recorded: core.projector.ring())
    core.desk.writer.subscribe(lambda recorded: publisher.ring())
    application.pipeline.start()
    return Assembly(
        servicers=_servicers(core, application),
        tasks=[
            Task("writer", core.desk.writer.run, critical=True),
            Task("projection", core.projector.run),
            Task("digests", lambda: keep_digests(core.desk.writer)),
            Task("notifications", publisher.run),
            Task("pipeline", application.pipeline.run),
            Task("deadlines", application.pipeline.deadlines.run),
            Task("inbox", application.inbox.run),
            hear(doorbell, {}),
        ],
        checks=[Check("database", _database_probe(core.store))],
    )


async def _core(runtime: Runtime[PaymentInstructionSettings]) -> _Core:
    codec, state = event_codec(), State()
    store = EventStore(runtime.settings.database_conninfo())
    runtime.resources.callback(store.close)
    writer = GroupWriter(store, codec, state, runtime.clock)
    _LOG.info("state_loaded", events=await _loaded(writer))
    runtime.resources.push_async_callback(_save_digest, writer)
    projector = Projector(store, codec, InstructionsModel())
    return _Core(store, Desk(writer, state), projector, InstructionsReader(store, codec, projector))


def _parts(runtime: Runtime[PaymentInstructionSettings], core: _Core) -> Parts:
    settings = runtime.settings
    return Parts(
        desk=core.desk,
        clock=runtime.clock,
        identity=IdentityClient(runtime.peer("identity"), runtime.clock),
        custody=CustodyClient(runtime.peer("custody")),
        rail=SpoolRail(settings.spool_directory),
        voucher=RailPrincipal(settings.rail_credentials_directory, settings.address_of("identity"), runtime.clock),
        files=Iso20022Files(),
        lists=SanctionsFiles(),
        read_model=core.reader,
        limits=settings.limits(),
        patience=settings.patience(),
        list_maximum_age_ns=settings.list_maximum_age_ns(),
        rail_poll_seconds=settings.rail_poll_seconds,
    )


def _servicers(core: _Core, application: Application) -> tuple[Servicer, ...]:
    return (
        Servicer(
            payment_instruction_pb2_grpc.add_PaymentInstructionServiceServicer_to_server,
            PaymentInstructionServicer(
                application.intake,
                application.evidence,
                application.decisions,
                application.lists,
                application.queries,
            ),
            "ringfence.payment_instruction.v1.PaymentInstructionService",
        ),
        Servicer(
            feed_pb2_grpc.add_FeedServiceServicer_to_server,
            FeedServicer(NAME, core.store),
            "ringfence.common.v1.FeedService",
        ),
    )


async def _loaded(writer: GroupWriter) -> int:
    """Builds the state as soon as the database can be reached; returns the number of events."""
    while True:
        try:
            return await asyncio.to_thread(writer.load)
        except StoreUnavailable as error:
            _LOG.warning("start_waits", reason=error.reason)
            await asyncio.sleep(_RETRY_SECONDS)


async def _save_digest(writer: GroupWriter) -> None:
    """Stores a digest when the writer has stopped; without a database the one before has to do."""
    try:
        await writer.save_digest()
    except StoreUnavailable as error:
        _LOG.warning("digest_not_stored", reason=error.reason)


def _database_probe(store: EventStore) -> Callable[[], Awaitable[str | None]]:
    async def probe() -> str | None:
        try:
            await asyncio.to_thread(store.head)
        except DomainError as error:
            return error.reason
        return None

    return probe


def migrate(settings: MigrationSettings) -> None:
    """Brings the database up to date, as its owner."""
    applied = apply_migrations(settings.conninfo(), settings.application_role(), migrations())
    _LOG.info("migrated", applied=applied)


def verify(settings: PaymentInstructionSettings, compare: bool) -> RebuildReport:
    """Builds state and tables from events alone; with `compare` checks them against the live ones."""
    store = EventStore(settings.database_conninfo())
    try:
        return rebuild.rebuild(store, event_codec(), compare=compare)
    finally:
        store.close()


SERVICE = Service(name=NAME, settings=PaymentInstructionSettings, assemble=assemble, migrate=migrate, rebuild=verify)
