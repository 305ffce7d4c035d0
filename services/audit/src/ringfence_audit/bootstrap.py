"""Puts the service together: the one place where ports meet adapters."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from ringfence_kernel.access.standing import HEAR_SECONDS, Standing, ended_by
from ringfence_kernel.feed import FOR_THE_RECORD, URGENT
from ringfence_kernel.projecting.deferring import Deferral
from ringfence_kernel.projecting.projector import Projector
from ringfence_kernel.rpc.joining import joined
from ringfence_kernel.service import (
    Assembly,
    CannotRun,
    Check,
    Command,
    EventSourced,
    RebuildReport,
    Runtime,
    Service,
    Servicer,
    Task,
    follow,
    opened_store,
)
from ringfence_kernel.service import rebuild as rebuild_state
from ringfence_kernel.service.heavy import InThreads
from ringfence_kernel.store import EventStore, Head, Migration, event_store_migrations
from ringfence_kernel.store.codec import EventCodec
from ringfence_protos.audit.v1 import audit_pb2_grpc

from ringfence_audit.evidence.adapters.findings_reader import FindingsReader
from ringfence_audit.evidence.adapters.proof_model import ProofModel
from ringfence_audit.evidence.adapters.schema import PROOF_OF_ORDERS, PROOF_TABLES
from ringfence_audit.evidence.api.servicer import EvidenceServicer
from ringfence_audit.evidence.application.passing import Passing
from ringfence_audit.evidence.domain.state import State as EvidenceState
from ringfence_audit.index.adapters.index_model import IndexModel
from ringfence_audit.index.adapters.run_reader import RunReader
from ringfence_audit.index.adapters.schema import KEY_TABLES, RUN_TABLES
from ringfence_audit.index.api.servicer import AnswerServicer, SearchServicer
from ringfence_audit.index.application.answering import Answering
from ringfence_audit.index.application.queries import Queries as SearchQueries
from ringfence_audit.index.application.vouching import Vouching
from ringfence_audit.log.adapters.bundle_model import BundleModel
from ringfence_audit.log.adapters.bundle_reader import BundleReader
from ringfence_audit.log.adapters.carrying_over import carry_over
from ringfence_audit.log.adapters.checked_states import CheckedStates
from ringfence_audit.log.adapters.mirror import Mirror
from ringfence_audit.log.adapters.ordering_rotation import CannotRotate, order_rotation
from ringfence_audit.log.adapters.peer_feed import PeerFeed
from ringfence_audit.log.adapters.refilling import CannotRefill, refill
from ringfence_audit.log.adapters.schema import BUNDLE_TABLE, LOG_TABLES
from ringfence_audit.log.adapters.stored_leaves import ChainedLeaves
from ringfence_audit.log.adapters.stored_marks import StoredMarks
from ringfence_audit.log.adapters.successor import CannotBegin, begin_successor
from ringfence_audit.log.adapters.tile_model import TileModel
from ringfence_audit.log.adapters.tile_reader import TileReader
from ringfence_audit.log.api.servicer import LogServicer
from ringfence_audit.log.application.commands import (
    LogStanding,
    LogWitnessed,
    NotePassed,
    RecordPruned,
    RecordRead,
    TakeOver,
)
from ringfence_audit.log.application.differences import Differences
from ringfence_audit.log.application.queries import Queries
from ringfence_audit.log.domain import events
from ringfence_audit.log.domain.state import LogTampered
from ringfence_audit.log.domain.state import State as LogState
from ringfence_audit.log.domain.state_leaf import NO_INDEX, stated_index
from ringfence_audit.log.module import signing_checkpoints
from ringfence_audit.reports.adapters.log_leaves import IndexedLeaves
from ringfence_audit.reports.api.servicer import ReportServicer
from ringfence_audit.reports.application.making import Making
from ringfence_audit.settings import AuditSettings
from ringfence_audit.standing.domain.state import State as StandingState
from ringfence_audit.texts import module as texts
from ringfence_audit.texts.adapters.schema import TEXT_TABLES
from ringfence_audit.texts.adapters.text_reader import TextReader
from ringfence_audit.texts.adapters.text_rows import TextRows
from ringfence_audit.texts.api.servicer import OpenedSearch
from ringfence_audit.texts.domain.state import State as TextState
from ringfence_audit.tiles import module as tiles
from ringfence_audit.translation.application.translator import Translation, count_unreadable_from_zero
from ringfence_audit.translation.domain.links import link_in
from ringfence_audit.translation.domain.state import State as TranslationState

SOURCES = ("identity", "custody", "payment-instruction")
DIGEST_FORMAT = 9
"""8 did not know who was erased and who is held, 7 had the leaves of accounts instead of what they say, 6 did not know
who may copy the log, 5 had no state leaves, 3 had all files that payment-instruction has named, 1 was the log's state
before its modules had their own.
"""


def states(
    log: LogState, translation: TranslationState, evidence: EvidenceState, standing: StandingState, texts: TextState
) -> CheckedStates:
    """Gives the service's state, put together from its modules'."""
    return CheckedStates(
        {"log": log, "translation": translation, "evidence": evidence, "standing": standing, "texts": texts},
        DIGEST_FORMAT,
        log,
    )


async def assemble(runtime: Runtime[AuditSettings]) -> Assembly:
    """Replays the log, then wires followers, checkpointer and servicers."""
    log, translation = LogState(runtime.settings.log_origin), TranslationState()
    evidence, standing, parties = EvidenceState(), StandingState(), TextState()
    state = states(log, translation, evidence, standing, parties)
    core = await EventSourced.open(
        runtime, EventCodec(events.EVENTS), state, [IndexModel(), ProofModel(), BundleModel()]
    )
    _defer(core, core.projectors[BundleModel.name])
    for name in (IndexModel.name, ProofModel.name):
        _defer(core, core.projectors[name], *events.OF_SOURCES, events.SourcesPassed)
    take_over = TakeOver(core.writer, log, Translation(translation), TileModel(), TextRows(), parties)
    leadership = core.leadership()
    index = core.projectors[IndexModel.name]
    vouching = Vouching(RunReader(core.store), lambda: index.reached(core.writer.head.position))
    checkpointer = signing_checkpoints(runtime, core, log, leadership, vouching)
    count_unreadable_from_zero(SOURCES)
    feeds = {source: PeerFeed(runtime.peer(source)) for source in SOURCES}
    note, sources = NotePassed(core.writer, log), (feeds["custody"], feeds["payment-instruction"])
    passing = Passing(evidence, note, *sources, FindingsReader(core.store), runtime.clock.now_ns)
    passing.gauge(runtime.gauges, leadership)
    marks = StoredMarks(core.store, EventCodec(events.EVENTS))
    pruned = RecordPruned(core.writer, log, TileModel())
    followers = [
        runtime.follower(
            source,
            take_over,
            _cursor(log, source),
            _first_difference(Differences(feed, marks), log, source),
            hears=lambda: core.doorbell.connected,
            # Whom identity suspends reads nothing any more.
            looking=URGENT if source == "identity" else FOR_THE_RECORD,
        )
        for source, feed in feeds.items()
    ]
    (of_identity,) = (each for each in followers if each.source == "identity")
    # Whoever begins to lead goes on where the log stands by then.
    following, halts = zip(*(follow(each, partial(_taken_over, log, each.source)) for each in followers), strict=True)
    return Assembly(
        servicers=[_audit(core, log, evidence, translation, feeds, marks, runtime.heavy.run), core.feed(leadership)],
        standing=Standing(
            standing.is_suspended, ended_by(standing.endings), lambda: of_identity.catch_up(HEAR_SECONDS)
        ),
        tasks=[
            *core.tasks({follower.source: follower.ring for follower in followers}),
            Task("checkpoints", checkpointer.run),
            Task("evidence", passing.run),
            *texts.tasks(core.store, pruned, parties, leadership, _queries(core), link_in, runtime.clock.now_ns),
            *following,
        ],
        everywhere=tiles.tasks(
            runtime,
            core,
            log,
            standing,
            RecordRead(core.writer, log, TileModel()),
            _queries(core),
            TileReader(core.store).tile,
        ),
        checks=[
            *core.checks(),
            Check("checkpoints", checkpointer.problem),
            Check("witnesses", LogWitnessed(log).problem, serves_on=True),
            *halts,
        ],
        leadership=leadership,
    )


def _defer(core: EventSourced, projector: Projector, *urgent: type) -> None:
    """Has a read model that nobody waits for write what comes within a second together, but urgent events at once."""
    deferral = Deferral(projector, may_wait=lambda each: not isinstance(each.event, urgent))
    projector.hold = deferral.is_on
    core.writer.subscribe(deferral.note)


def _first_difference(differences: Differences, log: LogState, source: str) -> Callable[[], Awaitable[int | None]]:
    return lambda: differences.first(log.head(source))


def _audit(
    core: EventSourced,
    log: LogState,
    evidence: EvidenceState,
    translation: TranslationState,
    feeds: Mapping[str, PeerFeed],
    marks: StoredMarks,
    heavily: InThreads,
) -> Servicer:
    record_read = RecordRead(core.writer, log, TileModel())
    queries = _queries(core)
    texts = TextReader(core.store)
    keys = RunReader(core.store, lambda: stated_index(log.signed.state_leaf) if log.signed else NO_INDEX)
    search = SearchServicer(record_read, SearchQueries(keys, queries), core.projectors[IndexModel.name], heavily)
    making = Making(IndexedLeaves(keys, queries, texts), translation.currencies)
    servicer = joined(
        audit_pb2_grpc.AuditServiceServicer,
        LogServicer(record_read, LogStanding(core.writer, log), queries, feeds, marks, texts, heavily),
        OpenedSearch(search, texts),
        AnswerServicer(record_read, Answering(keys, queries), heavily),
        EvidenceServicer(record_read, FindingsReader(core.store), evidence, core.projectors[ProofModel.name], heavily),
        ReportServicer(record_read, making, search.caught_up, heavily, log.origin),
    )
    return Servicer(
        audit_pb2_grpc.add_AuditServiceServicer_to_server,
        servicer,
        "ringfence.audit.v1.AuditService",
        heavy=frozenset({"GetAnswer", "GetReport", "Search", "ListLeaves", "ListUnprovenTransfers", "VerifySources"}),
    )


def _queries(core: EventSourced) -> Queries:
    stored = ChainedLeaves(core.store, EventCodec(events.EVENTS))
    return Queries(TileReader(core.store), stored, BundleReader(core.store))


async def _taken_over(log: LogState, source: str) -> Head:
    return _cursor(log, source)


def _cursor(log: LogState, source: str) -> Head:
    head = log.head(source)
    return Head(head.epoch, head.position, head.hash)


def migrations() -> list[Migration]:
    """Gives all migrations of the audit database."""
    return [
        *event_store_migrations(),
        Migration(100, "log tables", LOG_TABLES + KEY_TABLES),
        Migration(101, "proof of what rests on a bank's word", PROOF_TABLES),
        Migration(102, "proof by whose money it is", PROOF_OF_ORDERS),
        Migration(103, "search by sorted runs", RUN_TABLES),
        Migration(104, "entry bundles", BUNDLE_TABLE),
        Migration(107, "texts that leaves commit to", TEXT_TABLES),
    ]


def verify(settings: AuditSettings, compare: bool) -> RebuildReport:
    """Builds the log and its index from events alone; with `compare` checks them against what is stored instead."""
    with opened_store(settings) as store:
        return rebuild(store, settings.log_origin, compare=compare)


def rebuild(store: EventStore, origin: str, *, compare: bool) -> RebuildReport:
    """Verifies the chain, replays the tree and its checkpoints; with `compare` also rebuilds the tables beside.

    Without, it fills those of the search index and the entry bundles anew: nothing else than answers stands on them.

    `chain` is 1 where a stored event was changed, `tree` is 1 where leaves do not lead to a recorded root or
    checkpoint, `state` where the newest stored digest is not met; the others count rows that differ.
    """
    state, models = (
        states(LogState(origin), TranslationState(), EvidenceState(), StandingState(), TextState()),
        (TileModel(), IndexModel(), ProofModel(), BundleModel()) if compare else (IndexModel(), BundleModel()),
    )
    try:
        report = rebuild_state(store, EventCodec(events.EVENTS), state, models, compare=compare)
    except LogTampered:
        return RebuildReport(events=0, differences={"tree": 1})
    differences = dict(report.differences)
    return report if differences["chain"] else replace(report, differences={"tree": 0} | differences)


def adopt_state_leaves(settings: AuditSettings, typed: argparse.Namespace) -> Mapping[str, object]:
    """Carries the log over to the format of this release; says whether it was of the one before."""
    with opened_store(settings) as store:
        return {"carried_over": carry_over(store)}


def begin_log(settings: AuditSettings, typed: argparse.Namespace) -> Mapping[str, object]:
    """Begins the log in the place of another, whose last checkpoint is in a file; raises CannotRun."""
    try:
        note = typed.checkpoint.read_text(encoding="utf-8")
        with opened_store(settings) as store:
            ended = begin_successor(store, settings.log_origin, note, typed.key)
    except (CannotBegin, OSError, UnicodeDecodeError) as error:
        raise CannotRun(str(error)) from None
    return {"origin": settings.log_origin, "predecessor": ended.origin, "size": ended.size, "root": ended.root.hex()}


def rotate_key(settings: AuditSettings, typed: argparse.Namespace) -> Mapping[str, object]:
    """Has another key of Vault take the place of the one that signs checkpoints; raises CannotRun."""
    try:
        with opened_store(settings) as store:
            vkey = order_rotation(store, settings.log_origin, typed.public_key, typed.overlap_hours * 3_600)
    except CannotRotate as error:
        raise CannotRun(str(error)) from None
    return {"ordered": vkey, "overlap_hours": typed.overlap_hours}


def _of_the_next_key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--public-key", required=True, help="the new version's public key in base64, as Vault shows it")
    parser.add_argument(
        "--overlap-hours", type=int, default=30 * 24, help="how long the old key signs beside it; %(default)d"
    )


def refill_log(settings: AuditSettings, typed: argparse.Namespace) -> Mapping[str, object]:
    """Appends what a mirror holds of the log and its database does not; raises CannotRun."""
    mirror = Mirror(typed.mirror, typed.authority, typed.certificate, typed.certificate_key)
    try:
        with opened_store(settings) as store:
            reached = refill(store, settings.log_origin, mirror, typed.key)
    except CannotRefill as error:
        raise CannotRun(str(error)) from None
    return {"origin": settings.log_origin, "size": reached.size, "root": reached.root.hex()}


def _of_the_mirror(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mirror", required=True, metavar="URL", help="where a mirror serves what it holds, https")
    parser.add_argument("--key", required=True, help="the key that this log signs by, a vkey of its name")
    parser.add_argument("--authority", type=Path, required=True, help="who issues the mirror's certificate, PEM")
    parser.add_argument("--certificate", type=Path, required=True, help="what is shown to the mirror, PEM")
    parser.add_argument("--certificate-key", type=Path, required=True, help="its key, PEM")


def _of_the_ended(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", type=Path, required=True, help="the last checkpoint that is known of it")
    parser.add_argument("--key", required=True, help="the key that it is signed by, a vkey of its name")


SERVICE = Service(
    name="audit",
    settings=AuditSettings,
    assemble=assemble,
    migrations=migrations,
    rebuild=verify,
    commands={
        "carry-over": Command(
            help="have the log state what it knows in leaves, where it still does in lines of its checkpoints",
            run=adopt_state_leaves,
        ),
        "begin-successor": Command(
            help="begin this log, of a new origin, in the place of one whose leaves are lost",
            run=begin_log,
            arguments=_of_the_ended,
        ),
        "rotate-key": Command(
            help="have a new version of the key in Vault sign checkpoints, the old one beside it for a while",
            run=rotate_key,
            arguments=_of_the_next_key,
        ),
        "refill": Command(
            help="put back from a mirror what an empty or rolled back database of this log lacks",
            run=refill_log,
            arguments=_of_the_mirror,
        ),
    },
)
