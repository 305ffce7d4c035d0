"""Puts the service together: the one place where ports meet adapters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import chain

from ringfence_kernel.access.standing import HEAR_SECONDS, Standing, ended_by
from ringfence_kernel.feed import FOR_THE_RECORD, URGENT
from ringfence_kernel.projecting.deferring import Deferral
from ringfence_kernel.projecting.projector import Projector
from ringfence_kernel.rpc.client import Peer
from ringfence_kernel.rpc.joining import joined
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
    opened_store,
)
from ringfence_kernel.service import rebuild as rebuild_state
from ringfence_kernel.service.heavy import InThreads
from ringfence_kernel.store import EventStore, Head
from ringfence_kernel.store.codec import EventCodec
from ringfence_protos.audit.v1 import audit_pb2_grpc, disclosure_pb2_grpc

from ringfence_audit.books.adapters.books_model import BooksModel
from ringfence_audit.books.module import BooksModule
from ringfence_audit.console.application.asking import Methods
from ringfence_audit.disclosure import module as disclosure
from ringfence_audit.disclosure.api.servicer import DisclosureServicer
from ringfence_audit.disclosure.application.ports import Whereabouts
from ringfence_audit.evidence.adapters.findings_reader import FindingsReader
from ringfence_audit.evidence.adapters.proof_model import ProofModel
from ringfence_audit.evidence.api.servicer import EvidenceServicer
from ringfence_audit.evidence.domain.state import State as EvidenceState
from ringfence_audit.evidence.module import evidence_passing
from ringfence_audit.index.adapters.index_model import IndexModel
from ringfence_audit.index.adapters.run_files import StoredRunFiles
from ringfence_audit.index.adapters.run_reader import RunReader
from ringfence_audit.index.api.servicer import AnswerServicer
from ringfence_audit.index.application.answering import Answering
from ringfence_audit.index.application.compacting import Compacting
from ringfence_audit.index.application.limited import LimitedQueries
from ringfence_audit.index.application.vouching import Vouching
from ringfence_audit.log.adapters.bundle_model import BundleModel
from ringfence_audit.log.adapters.checked_states import CheckedStates
from ringfence_audit.log.adapters.peer_feed import PeerFeed
from ringfence_audit.log.adapters.stored_marks import StoredMarks
from ringfence_audit.log.adapters.tile_model import TileModel
from ringfence_audit.log.adapters.tile_reader import TileReader
from ringfence_audit.log.api.binding import BindingServicer
from ringfence_audit.log.api.servicer import LogServicer
from ringfence_audit.log.api.taken_over import served as taken_over
from ringfence_audit.log.application.commands import (
    LogStanding,
    LogWitnessed,
    NotePassed,
    RecordPruned,
    RecordRead,
    TakeOver,
)
from ringfence_audit.log.application.differences import Differences
from ringfence_audit.log.application.looks import Looks
from ringfence_audit.log.domain import events
from ringfence_audit.log.domain.state import LogTampered
from ringfence_audit.log.domain.state import State as LogState
from ringfence_audit.log.domain.state_leaf import NO_INDEX, stated_index
from ringfence_audit.log.module import COMMANDS, signing_checkpoints
from ringfence_audit.migrations import migrations
from ringfence_audit.modules import Shown, looks_of, queries_of, search_of, shown_by
from ringfence_audit.settings import AuditSettings
from ringfence_audit.standing.api.guarding import guarded
from ringfence_audit.standing.application.rights import Rights
from ringfence_audit.standing.domain.state import State as StandingState
from ringfence_audit.texts import module as texts
from ringfence_audit.texts.adapters import erasures
from ringfence_audit.texts.adapters.text_reader import TextReader
from ringfence_audit.texts.adapters.text_rows import TextRows
from ringfence_audit.texts.domain.state import State as TextState
from ringfence_audit.translation.application.translator import Translation, count_unreadable_from_zero
from ringfence_audit.translation.domain.links import link_in, tenant_in
from ringfence_audit.translation.domain.state import State as TranslationState

HEAVY = frozenset(
    {
        "GetAnswer",
        "GetBooks",
        "GetReport",
        "ListLeaves",
        "ListReads",
        "ListUnprovenTransfers",
        "Search",
        "VerifySources",
    }
)
SOURCES = ("identity", "custody", "payment-instruction")
DIGEST_FORMAT = 11
"""10 did not know of which platform who is erased or held is, 9 knew no books, 8 did not know who was erased and who is
held, 7 had the leaves of accounts instead of what they say, 6 did not know who may copy the log, 5 had no state leaves,
3 had all files that payment-instruction has named, 1 was the log's state before its modules had their own.
"""
OF_LEAVES = link_in, tenant_in
"""Whose a leaf says that a payment is, and of which platform it says what it says."""


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
    models = IndexModel(), ProofModel(), BundleModel(), BooksModel()
    core = await EventSourced.open(runtime, EventCodec(events.EVENTS), state, models)
    for name in (BundleModel.name, BooksModel.name):
        _defer(core, core.projectors[name])
    for name in (IndexModel.name, ProofModel.name):
        _defer(core, core.projectors[name], *events.OF_SOURCES, events.SourcesPassed)
    take_over = TakeOver(core.writer, log, Translation(translation), TileModel(), TextRows(), parties)
    leadership = core.leadership()
    vouching = _vouching(core)
    checkpointer = signing_checkpoints(runtime, core, log, leadership, vouching)
    count_unreadable_from_zero(SOURCES)
    feeds = {source: PeerFeed(runtime.peer(source)) for source in SOURCES}
    passing = evidence_passing(runtime, core, NotePassed(core.writer, log), evidence, feeds, leadership)
    marks = StoredMarks(core.store, EventCodec(events.EVENTS))
    pruned = RecordPruned(core.writer, log, TileModel())
    books = BooksModule.build(core, log, TileModel(), runtime, leadership)
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
    hear = partial(of_identity.catch_up, HEAR_SECONDS)
    keys = RunReader(core.store, lambda: stated_index(log.signed.state_leaf) if log.signed else NO_INDEX)
    rights = Rights(standing, lambda: log.head("identity").position, hear, runtime.clock.now_ns)
    heavily = runtime.heavy.run
    shown = partial(shown_by, core, log, translation, rights, keys, books, heavily)
    disclosing = _disclosing(core, log, parties, feeds, runtime.peer("identity"), heavily, rights, keys)
    within = partial(guarded, disclosure_pb2_grpc.DisclosureServiceServicer, rights=rights)
    # Whoever begins to lead goes on where the log stands by then.
    following, follows = zip(*(follow(each, partial(_taken_over, log, each.source)) for each in followers), strict=True)
    return Assembly(
        servicers=[
            _audit(core, log, evidence, feeds, marks, heavily, rights, keys, shown),
            disclosure.served(disclosing, within),
            taken_over(LogStanding(core.writer, log)),
            core.feed(leadership),
        ],
        standing=Standing(standing.is_suspended, ended_by(standing.endings), hear),
        tasks=[
            *core.tasks({follower.source: follower.ring for follower in followers}),
            Task("checkpoints", checkpointer.run),
            Task("evidence", passing.run),
            books.task,
            _compaction(core),
            *texts.tasks(core.store, pruned, parties, leadership, queries_of(core), OF_LEAVES, runtime.clock.now_ns),
            *following,
        ],
        everywhere=_over_https(runtime, core, log, standing, rights, keys, translation, shown, disclosing),
        checks=[
            *core.checks(),
            Check("checkpoints", checkpointer.problem),
            Check("witnesses", LogWitnessed(log).problem, serves_on=True),
            books.check,
            *chain.from_iterable(follows),
        ],
        leadership=leadership,
    )


def _compaction(core: EventSourced) -> Task:
    compacting = Compacting(StoredRunFiles(core.store))
    core.writer.subscribe(compacting.note)
    return Task("compaction", compacting.run, vital=False)


def _vouching(core: EventSourced) -> Vouching:
    index = core.projectors[IndexModel.name]
    return Vouching(RunReader(core.store), lambda: index.reached(core.writer.head.position))


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
    feeds: Mapping[str, PeerFeed],
    marks: StoredMarks,
    heavily: InThreads,
    rights: Rights,
    keys: RunReader,
    shown: Callable[[Looks], Shown],
) -> Servicer:
    looks = looks_of(core, log, RecordRead(core.writer, log, TileModel()), rights, heavily)
    record_read, queries, texts = looks.record_read, queries_of(core), TextReader(core.store)
    search, *answering = shown(looks)
    servicer = joined(
        audit_pb2_grpc.AuditServiceServicer,
        LogServicer(looks, queries, feeds, marks, texts, heavily, search.listed),
        AnswerServicer(looks, Answering(keys, queries), texts, heavily),
        EvidenceServicer(record_read, FindingsReader(core.store), evidence, core.projectors[ProofModel.name], heavily),
        BindingServicer(record_read),
        *answering,
    )
    return Servicer(
        audit_pb2_grpc.add_AuditServiceServicer_to_server,
        guarded(audit_pb2_grpc.AuditServiceServicer, servicer, rights),
        "ringfence.audit.v1.AuditService",
        heavy=HEAVY,
    )


def _over_https(
    runtime: Runtime[AuditSettings],
    core: EventSourced,
    log: LogState,
    standing: StandingState,
    rights: Rights,
    keys: RunReader,
    translation: TranslationState,
    shown: Callable[[Looks], Shown],
    disclosing: DisclosureServicer,
) -> list[Task]:
    record_read, queries = RecordRead(core.writer, log, TileModel()), queries_of(core)

    def methods(record_view: RecordRead) -> Methods:
        search, _, reports, books, reads = shown(looks_of(core, log, record_view, rights, runtime.heavy.run))
        of_log = books.GetBooks, books.every, reports.GetReport, reads.ListReads, search.Search
        return Methods(*of_log, disclosing.LookUp, disclosing.Disclose)

    served: list[Task] = []
    if runtime.settings.tiles_listen is not None:
        from ringfence_audit.tiles import module as tiles  # late: where they are served

        served += tiles.tasks(runtime, core, log, standing, record_read, queries, TileReader(core.store).tile)
    if runtime.settings.console_listen is not None:
        from ringfence_audit.console import module as console  # late: where it is served

        read_by_pages = runtime, core, log, standing, rights, record_read, queries, keys, TextReader(core.store)
        served += console.tasks(*read_by_pages, methods, translation.book_keys)
    return served


def _disclosing(
    core: EventSourced,
    log: LogState,
    parties: TextState,
    feeds: Mapping[str, PeerFeed],
    identity: Peer,
    heavily: InThreads,
    rights: Rights,
    keys: RunReader,
) -> DisclosureServicer:
    queries = queries_of(core)
    looks = looks_of(core, log, RecordRead(core.writer, log, TileModel()), rights, heavily)
    search = search_of(core, looks, queries, keys, heavily)
    whereabouts = Whereabouts(LimitedQueries(keys, queries).spans, search.caught_up)
    of_log = core, log, TileModel(), TextRows(), parties, queries
    return disclosure.servicer(*of_log, feeds, identity, whereabouts, heavily)


async def _taken_over(log: LogState, source: str) -> Head:
    return _cursor(log, source)


def _cursor(log: LogState, source: str) -> Head:
    head = log.head(source)
    return Head(head.epoch, head.position, head.hash)


def verify(settings: AuditSettings, compare: bool) -> RebuildReport:
    """Builds the log and its index from events alone; with `compare` checks them against what is stored instead."""
    with opened_store(settings) as store:
        return rebuild(store, settings.log_origin, compare=compare)


def rebuild(store: EventStore, origin: str, *, compare: bool) -> RebuildReport:
    """Verifies the chain, replays the tree and its checkpoints; with `compare` also rebuilds the tables beside.

    Without, it fills those of the search index, the entry bundles and the books anew: only answers stand on them.

    `chain` is 1 where a stored event was changed, `tree` is 1 where leaves do not lead to a recorded root or
    checkpoint, `state` where the newest stored digest is not met; the others count rows that differ.
    """
    answering = (IndexModel(), BundleModel(), BooksModel())
    state, models = (
        states(LogState(origin), TranslationState(), EvidenceState(), StandingState(), TextState()),
        (TileModel(), ProofModel(), *answering) if compare else answering,
    )
    try:
        report = rebuild_state(store, EventCodec(events.EVENTS), state, models, compare=compare)
    except LogTampered:
        return RebuildReport(events=0, differences={"tree": 1})
    differences = dict(report.differences)
    return report if differences["chain"] else replace(report, differences={"tree": 0} | differences)


SERVICE = Service(
    name="audit",
    settings=AuditSettings,
    assemble=assemble,
    migrations=migrations,
    rebuild=verify,
    commands={**COMMANDS, "erasures": erasures.COMMAND},
)
