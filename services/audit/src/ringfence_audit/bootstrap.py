"""Puts the service together: the one place where ports meet adapters."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ringfence_kernel import logs
from ringfence_kernel.codec import EventCodec, Recorded
from ringfence_kernel.errors import StoreUnavailable
from ringfence_kernel.feed import FeedServicer, Publisher
from ringfence_kernel.projection import Projector
from ringfence_kernel.service import Assembly, Check, RebuildReport, Runtime, Service, Servicer, Task, follow, hear
from ringfence_kernel.settings import MigrationSettings
from ringfence_kernel.store import EventStore, Head, apply_migrations
from ringfence_kernel.writer import GroupWriter
from ringfence_protos.audit.v1 import audit_pb2_grpc
from ringfence_protos.common.v1 import feed_pb2_grpc

from ringfence_audit.adapters import schema
from ringfence_audit.adapters.models import SearchModel, TileModel
from ringfence_audit.adapters.peer_feed import PeerFeed
from ringfence_audit.adapters.rebuild import rebuild
from ringfence_audit.adapters.stored_leaves import ChainedLeaves
from ringfence_audit.adapters.tables import PostgresTables
from ringfence_audit.adapters.vault_signer import VaultSigner
from ringfence_audit.api.servicer import AuditServicer
from ringfence_audit.application.checkpointer import Checkpointer
from ringfence_audit.application.keeper import Keeper
from ringfence_audit.application.queries import Queries
from ringfence_audit.domain.events import EVENT_TYPES
from ringfence_audit.domain.log import Log
from ringfence_audit.settings import AuditSettings

SOURCES = ("identity", "custody", "payment-instruction")
_RETRY_SECONDS = 1.0

_LOG = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class _Core:
    """The store, the log in memory and its commands."""

    store: EventStore
    writer: GroupWriter
    log: Log
    keeper: Keeper
    search: Projector


async def assemble(runtime: Runtime[AuditSettings]) -> Assembly:
    """Replays the log, then wires followers, checkpointer and servicers."""
    core = await _core(runtime)
    doorbell = runtime.doorbell()
    publisher = Publisher(doorbell, core.store)
    core.writer.subscribe(_rings(publisher.ring, core.search.ring))
    checkpointer = Checkpointer(core.keeper, VaultSigner(runtime.vault.transit, runtime.settings.log_origin))
    followers = [runtime.follower(source, core.keeper.take_over, _cursor(core.log, source)) for source in SOURCES]
    tasks, checks = zip(*map(follow, followers), strict=True)
    return Assembly(
        servicers=_servicers(runtime, core),
        tasks=[
            Task("writer", core.writer.run, critical=True),
            Task("search", core.search.run),
            Task("checkpoints", checkpointer.run),
            Task("notifications", publisher.run),
            hear(doorbell, {follower.source: follower.ring for follower in followers}),
            *tasks,
        ],
        checks=[
            Check("database", _database_probe(core.store)),
            Check("checkpoints", checkpointer.problem),
            *checks,
        ],
    )


async def _core(runtime: Runtime[AuditSettings]) -> _Core:
    store = EventStore(runtime.settings.database_conninfo())
    runtime.resources.callback(store.close)
    codec, log = EventCodec(EVENT_TYPES), Log(runtime.settings.log_origin)
    writer = GroupWriter(store, codec, log, runtime.clock)
    events = await _loaded(writer)
    _LOG.info("log_loaded", events=events, leaves=log.frontier.size)
    return _Core(store, writer, log, Keeper(writer, log, TileModel()), Projector(store, codec, SearchModel()))


async def _loaded(writer: GroupWriter) -> int:
    while True:
        try:
            return await asyncio.to_thread(writer.load)
        except StoreUnavailable as error:
            _LOG.warning("start_waits", reason=error.reason)
            await asyncio.sleep(_RETRY_SECONDS)


def _servicers(runtime: Runtime[AuditSettings], core: _Core) -> tuple[Servicer, ...]:
    queries = Queries(PostgresTables(core.store), ChainedLeaves(core.store, EventCodec(EVENT_TYPES)))
    feeds = {source: PeerFeed(runtime.peer(source)) for source in SOURCES}
    return (
        Servicer(
            audit_pb2_grpc.add_AuditServiceServicer_to_server,
            AuditServicer(core.keeper, queries, core.search, feeds),
            "ringfence.audit.v1.AuditService",
        ),
        Servicer(
            feed_pb2_grpc.add_FeedServiceServicer_to_server,
            FeedServicer("audit", core.store),
            "ringfence.common.v1.FeedService",
        ),
    )


def _cursor(log: Log, source: str) -> Head:
    head = log.head(source)
    return Head(head.epoch, head.position, head.hash)


def _rings(*rings: Callable[[], None]) -> Callable[[list[Recorded]], None]:
    def ring(recorded: list[Recorded]) -> None:
        for each in rings:
            each()

    return ring


def _database_probe(store: EventStore) -> Callable[[], Awaitable[str | None]]:
    async def probe() -> str | None:
        try:
            await asyncio.to_thread(store.head)
        except StoreUnavailable as error:
            return error.reason
        return None

    return probe


def migrate(settings: MigrationSettings) -> None:
    """Brings the database up to date, as its owner."""
    applied = apply_migrations(settings.conninfo(), settings.application_role(), schema.migrations())
    _LOG.info("migrated", applied=applied)


def verify(settings: AuditSettings, compare: bool) -> RebuildReport:
    """Builds the log from events alone; with `compare` checks it against tiles, pages and the search index."""
    store = EventStore(settings.database_conninfo())
    try:
        return rebuild(store, settings.log_origin, compare=compare)
    finally:
        store.close()


SERVICE = Service(name="audit", settings=AuditSettings, assemble=assemble, migrate=migrate, rebuild=verify)
