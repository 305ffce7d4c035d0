"""Wires look-ups and disclosures."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ringfence_kernel.rpc.client import Peer
from ringfence_kernel.service import EventSourced, Servicer
from ringfence_kernel.service.heavy import InThreads
from ringfence_protos.audit.v1 import disclosure_pb2_grpc
from ringfence_protos.audit.v1.disclosure_pb2_grpc import DisclosureServiceServicer

from ringfence_audit.disclosure.adapters.peer_identity import PeerIdentity
from ringfence_audit.disclosure.adapters.source_events import FeedEvents
from ringfence_audit.disclosure.adapters.text_index import StoredTexts
from ringfence_audit.disclosure.api.servicer import DisclosureServicer
from ringfence_audit.disclosure.application.disclosing import Disclosing
from ringfence_audit.disclosure.application.looking_up import LookingUp
from ringfence_audit.disclosure.application.ports import Whereabouts
from ringfence_audit.disclosure.application.recording import RecordReasoned
from ringfence_audit.log.application.commands import LogStanding
from ringfence_audit.log.application.ports import TileRows
from ringfence_audit.log.application.queries import Queries
from ringfence_audit.log.application.sources import Feed
from ringfence_audit.log.application.texts import Erased, TextRows
from ringfence_audit.log.domain.state import State
from ringfence_audit.texts.adapters.text_reader import TextReader

Guard = Callable[[DisclosureServiceServicer], DisclosureServiceServicer]


def servicer(
    core: EventSourced,
    log: State,
    tiles: TileRows,
    texts: TextRows,
    parties: Erased,
    queries: Queries,
    feeds: Mapping[str, Feed],
    identity: Peer,
    whereabouts: Whereabouts,
    heavily: InThreads,
) -> DisclosureServicer:
    """Gives what answers callers, who have been let in before."""
    record, peer = RecordReasoned(core.writer, log, tiles, texts, parties), PeerIdentity(identity)
    texts_read = StoredTexts(core.store), queries, TextReader(core.store)
    looking_up = LookingUp(record, peer, *texts_read, whereabouts, heavily)
    disclosing = Disclosing(LogStanding(core.writer, log), record, queries, FeedEvents(feeds), peer)
    return DisclosureServicer(looking_up, disclosing)


def served(made: DisclosureServicer, guarded: Guard) -> Servicer:
    """Gives the service, within what `guarded` lets its callers see."""
    return Servicer(
        disclosure_pb2_grpc.add_DisclosureServiceServicer_to_server,
        guarded(made),
        "ringfence.audit.v1.DisclosureService",
        heavy=frozenset({"LookUp"}),
    )
