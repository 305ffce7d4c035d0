"""Serves the published log as tiles over HTTPS, in every process of the service."""

from __future__ import annotations

import asyncio

from ringfence_kernel.access.peer_certificates import PeerCertificates
from ringfence_kernel.service import EventSourced, Runtime, Task

from ringfence_audit.log.application.commands import RecordRead
from ringfence_audit.log.application.queries import Queries
from ringfence_audit.log.domain.state import State as LogState
from ringfence_audit.settings import AuditSettings
from ringfence_audit.standing.domain.state import State as StandingState
from ringfence_audit.tiles.adapters.logged_bundles import LoggedBundles
from ringfence_audit.tiles.api.application import TilesApplication
from ringfence_audit.tiles.api.listener import HttpsListener
from ringfence_audit.tiles.application.ports import Tile
from ringfence_audit.tiles.application.published import Newest, PublishedEntries, PublishedTiles

REQUEST_SECONDS = 20.0


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
        lambda principal, sha256: standing.copyists.may_copy(principal, sha256, runtime.clock.now_ns()),
        standing.is_suspended,
        record_read,
        runtime.heavy.run,
    )
    peers = PeerCertificates(
        runtime.trust.workloads, runtime.trust.clients, runtime.settings.trust_domain, runtime.clock
    )
    application = TilesApplication(PublishedTiles(newest, tile), entries, peers, REQUEST_SECONDS)
    listener = HttpsListener(address, runtime.certificate, runtime.trust.clients, application)
    runtime.resources.push_async_callback(asyncio.to_thread, listener.close)
    return [Task("tiles", listener.run)]
