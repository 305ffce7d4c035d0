"""Serves the published log as tiles over HTTPS, in every process of the service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

from ringfence_kernel.access.peer_certificates import PeerCertificates
from ringfence_kernel.service import EventSourced, Runtime, Task

from ringfence_audit.https.api.listener import HttpsListener
from ringfence_audit.log.application.commands import RecordRead
from ringfence_audit.log.application.queries import Queries
from ringfence_audit.log.application.seeing import seeing
from ringfence_audit.log.domain.leaf import Value
from ringfence_audit.log.domain.sight import Sight
from ringfence_audit.log.domain.state import LogPosition
from ringfence_audit.log.domain.state import State as LogState
from ringfence_audit.settings import AuditSettings
from ringfence_audit.standing.domain.state import State as StandingState
from ringfence_audit.tiles.adapters.logged_bundles import LoggedBundles
from ringfence_audit.tiles.api.application import TilesApplication
from ringfence_audit.tiles.application.ports import Tile
from ringfence_audit.tiles.application.published import Newest, PublishedEntries, PublishedTiles

REQUEST_SECONDS = 20.0
SightOf = Callable[[bytes], Sight | None]


def tasks(
    runtime: Runtime[AuditSettings],
    core: EventSourced,
    log: LogState,
    standing: StandingState,
    record_read: RecordRead,
    queries: Queries,
    tile: Tile,
) -> list[Task]:
    """Listens where the settings say so; returns what answers, nothing where they do not. Raises CannotListen.

    Published tiles are answered by whoever leads and by who stands by; entries by the leader alone, which records.
    """
    address = runtime.settings.tiles_address()
    if address is None:
        return []
    newest = Newest(lambda: log.signed, lambda: core.writer.is_settled)
    # What a commit brings is seen at once, however busy the writer is between two requests.
    core.writer.subscribe(lambda recorded: newest.look())
    entries = PublishedEntries(
        newest,
        LoggedBundles(queries),
        lambda principal, sha256: standing.may_copy(principal, sha256, runtime.clock.now_ns()),
        standing.is_suspended,
        partial(_recorded, record_read, lambda principal: standing.sight(principal, runtime.clock.now_ns())),
        runtime.heavy.run,
    )
    peers = PeerCertificates(
        runtime.trust.workloads, runtime.trust.clients, runtime.settings.trust_domain, runtime.clock
    )
    application = TilesApplication(PublishedTiles(newest, tile), entries, peers, REQUEST_SECONDS)
    listener = HttpsListener(address, runtime.certificate, runtime.trust.clients, application)
    runtime.resources.push_async_callback(asyncio.to_thread, listener.close)
    return [Task("tiles", listener.run)]


async def _recorded(
    record_read: RecordRead, sight_of: SightOf, reader: bytes, method: str, query: Mapping[str, Value | None]
) -> LogPosition:
    """Has a read recorded with the grant that it is by."""
    with seeing(sight_of(reader) or Sight(frozenset())):
        return await record_read(reader, method, query)
