"""Puts the service together: the one place where ports meet adapters."""

from __future__ import annotations

from ringfence_kernel.service import (
    Assembly,
    Check,
    EventSourced,
    RebuildReport,
    Runtime,
    Service,
    Servicer,
    Task,
    follow,
    migrator,
    opened_store,
)
from ringfence_kernel.store import Head
from ringfence_kernel.store.codec import EventCodec
from ringfence_protos.audit.v1 import audit_pb2_grpc

from ringfence_audit.log.adapters import schema
from ringfence_audit.log.adapters.peer_feed import PeerFeed
from ringfence_audit.log.adapters.rebuild import rebuild
from ringfence_audit.log.adapters.stored_leaves import ChainedLeaves
from ringfence_audit.log.adapters.tile_model import SearchModel, TileModel
from ringfence_audit.log.adapters.tile_reader import PostgresTables
from ringfence_audit.log.adapters.vault_signer import VaultSigner
from ringfence_audit.log.api.servicer import AuditServicer
from ringfence_audit.log.application.checkpointer import Checkpointer
from ringfence_audit.log.application.commands import Keeper
from ringfence_audit.log.application.queries import Queries
from ringfence_audit.log.domain.events import EVENT_TYPES
from ringfence_audit.log.domain.state import Log
from ringfence_audit.settings import AuditSettings

SOURCES = ("identity", "custody", "payment-instruction")


async def assemble(runtime: Runtime[AuditSettings]) -> Assembly:
    """Replays the log, then wires followers, checkpointer and servicers."""
    log = Log(runtime.settings.log_origin)
    core = await EventSourced.open(runtime, EventCodec(EVENT_TYPES), log, [SearchModel()])
    keeper = Keeper(core.writer, log, TileModel())
    checkpointer = Checkpointer(keeper, VaultSigner(runtime.vault.transit, runtime.settings.log_origin))
    followers = [runtime.follower(source, keeper.take_over, _cursor(log, source)) for source in SOURCES]
    following, halts = zip(*map(follow, followers), strict=True)
    return Assembly(
        servicers=[_audit(runtime, core, keeper), core.feed()],
        tasks=[
            *core.tasks({follower.source: follower.ring for follower in followers}),
            Task("checkpoints", checkpointer.run),
            *following,
        ],
        checks=[core.check(), Check("checkpoints", checkpointer.problem), *halts],
    )


def _audit(runtime: Runtime[AuditSettings], core: EventSourced, keeper: Keeper) -> Servicer:
    queries = Queries(PostgresTables(core.store), ChainedLeaves(core.store, EventCodec(EVENT_TYPES)))
    feeds = {source: PeerFeed(runtime.peer(source)) for source in SOURCES}
    servicer = AuditServicer(keeper, queries, core.projectors[SearchModel.name], feeds)
    return Servicer(audit_pb2_grpc.add_AuditServiceServicer_to_server, servicer, "ringfence.audit.v1.AuditService")


def _cursor(log: Log, source: str) -> Head:
    head = log.head(source)
    return Head(head.epoch, head.position, head.hash)


def verify(settings: AuditSettings, compare: bool) -> RebuildReport:
    """Builds the log from events alone; with `compare` checks it against tiles, pages and the search index."""
    with opened_store(settings) as store:
        return rebuild(store, settings.log_origin, compare=compare)


SERVICE = Service(
    name="audit",
    settings=AuditSettings,
    assemble=assemble,
    migrate=migrator(schema.migrations),
    rebuild=verify,
)
