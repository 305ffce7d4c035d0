"""An audit log on real PostgreSQL, without the network around it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from opentelemetry.sdk.metrics import MeterProvider
from ringfence_audit.books.adapters.books_model import BooksModel
from ringfence_audit.books.adapters.stated_books import IndexedBooks
from ringfence_audit.books.application.comparing import Comparing
from ringfence_audit.bootstrap import states
from ringfence_audit.disclosure.application.ports import Whereabouts
from ringfence_audit.evidence.adapters.findings_reader import FindingsReader
from ringfence_audit.evidence.adapters.proof_model import ProofModel
from ringfence_audit.evidence.api.servicer import EvidenceServicer
from ringfence_audit.evidence.application.passing import Passing
from ringfence_audit.evidence.domain.state import State as EvidenceState
from ringfence_audit.index.adapters.index_model import IndexModel
from ringfence_audit.index.adapters.run_reader import RunReader
from ringfence_audit.index.api.servicer import AnswerServicer, SearchServicer
from ringfence_audit.index.application.answering import Answering
from ringfence_audit.index.application.limited import MOST_BUNDLES, LimitedQueries
from ringfence_audit.index.application.queries import Queries as SearchQueries
from ringfence_audit.index.application.vouching import Vouching
from ringfence_audit.log.adapters.bundle_model import BundleModel
from ringfence_audit.log.adapters.bundle_reader import BundleReader
from ringfence_audit.log.adapters.http_witnesses import HttpWitnesses
from ringfence_audit.log.adapters.stored_leaves import ChainedLeaves
from ringfence_audit.log.adapters.stored_marks import StoredMarks
from ringfence_audit.log.adapters.tile_model import TileModel
from ringfence_audit.log.adapters.tile_reader import TileReader
from ringfence_audit.log.api.binding import BindingServicer
from ringfence_audit.log.api.servicer import LogServicer
from ringfence_audit.log.application.anchoring import Anchoring
from ringfence_audit.log.application.checkpointer import Checkpointer
from ringfence_audit.log.application.commands import LogStanding, NotePassed, RecordRead, SignCheckpoint, TakeOver
from ringfence_audit.log.application.looks import Looks
from ringfence_audit.log.application.ports import Anchored
from ringfence_audit.log.application.publishing import Publishing
from ringfence_audit.log.application.queries import Queries
from ringfence_audit.log.application.rotating import Rotating
from ringfence_audit.log.application.views import Views
from ringfence_audit.log.domain.checkpoint import Checkpoint, NoteKey
from ringfence_audit.log.domain.errors import SigningKeyMissing
from ringfence_audit.log.domain.events import EVENTS
from ringfence_audit.log.domain.merkle import TileTree
from ringfence_audit.log.domain.sight import WHOLE, Sight
from ringfence_audit.log.domain.state import State
from ringfence_audit.log.domain.state_leaf import NO_INDEX, stated_index
from ringfence_audit.log.domain.witnesses import Policy
from ringfence_audit.migrations import migrations
from ringfence_audit.reads.api.servicer import ReadsServicer
from ringfence_audit.reads.application.register import Register
from ringfence_audit.reports.adapters.log_leaves import IndexedLeaves
from ringfence_audit.reports.api.servicer import ReportServicer
from ringfence_audit.reports.application.making import Making
from ringfence_audit.standing.api.guarding import guarded
from ringfence_audit.standing.application.rights import Rights
from ringfence_audit.standing.domain.state import State as StandingState
from ringfence_audit.texts.adapters.text_reader import TextReader
from ringfence_audit.texts.adapters.text_rows import TextRows
from ringfence_audit.texts.api.servicer import OpenedSearch
from ringfence_audit.texts.domain.state import State as TextState
from ringfence_audit.translation.application.translator import Translation
from ringfence_audit.translation.domain.state import State as TranslationState
from ringfence_kernel.access.caller import Caller, calling
from ringfence_kernel.projecting.projector import Projector
from ringfence_kernel.rpc.joining import joined
from ringfence_kernel.service.heavy import HeavyWork
from ringfence_kernel.store import EventStore, apply_migrations
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.values.clock import ManualClock
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.writing.snapshots import SnapshotFile, restore
from ringfence_kernel.writing.writer import GroupWriter
from ringfence_local_stack.pytest_plugin import FilledDatabase
from ringfence_local_stack.servers.database import Database
from ringfence_protos.audit.v1.audit_pb2_grpc import AuditServiceServicer

from .books.comparing import comparing_books
from .feeds import START_NS, SourceFeed, identifier

ORIGIN = "ringfence.test/log"


@pytest.fixture(autouse=True)
def _caller() -> Iterator[None]:
    """A regulator calls, where a test does not say who."""
    with calling(Caller("spiffe://ringfence.local/principal/x", None, identifier("regulator"), "thumbprint")):
        yield


class KeysAway(DomainError):
    """The signing key cannot be used."""

    reason = "KEYS_UNAVAILABLE"
    code = "UNAVAILABLE"


class LocalSigner:
    """Signs with keys in this process; `sealed` makes it refuse."""

    def __init__(self) -> None:
        self._private: dict[bytes, Ed25519PrivateKey] = {}
        self.keys: list[NoteKey] = []
        self.key = self.add(bytes(range(32)))
        self.sealed = False

    def add(self, seed: bytes) -> NoteKey:
        """Makes another version of the key."""
        private = Ed25519PrivateKey.from_private_bytes(seed)
        self.keys.append(NoteKey(ORIGIN, private.public_key().public_bytes_raw()))
        self._private[self.keys[-1].key_id] = private
        return self.keys[-1]

    async def sign(self, checkpoint_text: str, key_ids: Sequence[bytes] = ()) -> str:
        """Signs, or raises KeysAway, SigningKeyMissing."""
        if self.sealed:
            raise KeysAway
        by_id = {key.key_id: key for key in self.keys}
        lines = ""
        for each in key_ids or (self.keys[-1].key_id,):
            if each not in by_id:
                raise SigningKeyMissing
            lines += by_id[each].line(self._private[each].sign(checkpoint_text.encode()))
        return f"{checkpoint_text}\n{lines}"

    async def vkeys(self) -> dict[bytes, str]:
        """Gives the keys' vkeys, or raises KeysAway."""
        if self.sealed:
            raise KeysAway
        return {key.key_id: key.text() for key in self.keys}


class LocalAnchor:
    """Holds what was signed in this process; `away` makes it unreachable."""

    def __init__(self) -> None:
        self.held = Anchored(0, b"", 1)
        self.away = False
        self.reads = 0

    async def read(self, origin: str) -> Anchored:
        """Answers, or raises KeysAway."""
        if self.away:
            raise KeysAway
        self.reads += 1
        return self.held

    async def replace(self, held: Anchored, checkpoint: Checkpoint, disputed_by: frozenset[str]) -> int | None:
        """Takes a checkpoint in place of the newest, or raises KeysAway."""
        if self.away:
            raise KeysAway
        if held.version != self.held.version:
            return None
        self.held = Anchored(checkpoint.size, checkpoint.root, held.version + 1, disputed_by)
        return self.held.version


@dataclass
class Audit:
    """A running log."""

    store: EventStore
    clock: ManualClock
    standing: StandingState
    writer: GroupWriter
    log: State
    accounts: TranslationState
    take_over: TakeOver
    record_read: RecordRead
    signer: LocalSigner
    anchor: LocalAnchor
    anchoring: Anchoring
    sign_checkpoint: SignCheckpoint
    checkpointer: Checkpointer
    servicer: AuditServiceServicer
    search: Projector
    proof: Projector
    bundles: Projector
    books: Projector
    comparing: Comparing
    passing: Passing
    findings: FindingsReader
    parties: TextState
    whereabouts: Whereabouts
    replayed: int
    """Events that the start has read."""

    async def follow(self, feed: SourceFeed) -> None:
        """Takes over whatever the log does not have of a feed."""
        await self.take_over(await feed.page(self.log.head(feed.source).position))

    async def publish(self) -> None:
        """Signs the head and brings the search index up to date."""
        await self.sign_checkpoint()
        while await asyncio.to_thread(self.search.step):
            pass
        while await asyncio.to_thread(self.bundles.step):
            pass
        while await asyncio.to_thread(self.books.step):
            pass
        await self.prove()

    async def prove(self) -> None:
        """Brings the proof up to date."""
        while await asyncio.to_thread(self.proof.step):
            pass


def migrate(database: Database) -> None:
    """Makes the service's tables, for clocks that move only when told."""
    apply_migrations(database.owner_conninfo, database.app_role, migrations())
    database.let_clocks_differ()


@pytest.fixture
def audit_database(filled_database: FilledDatabase) -> Database:
    """A fresh, migrated database of the audit service."""
    return filled_database("audit", migrate)


@pytest.fixture
def audit_store(audit_database: Database) -> Iterator[EventStore]:
    """The log's event store, opened with the append-only role."""
    conninfo = audit_database.app_conninfo
    store = EventStore(conninfo, settle_seconds=10)
    yield store
    store.close()


@pytest.fixture
def restored_store(filled_database: FilledDatabase) -> Iterator[EventStore]:
    """The log's database as it was before it had anything."""
    store = EventStore(filled_database("audit", migrate).app_conninfo, settle_seconds=10)
    yield store
    store.close()


def signing(
    store: EventStore,
    writer: GroupWriter,
    log: State,
    anchor: LocalAnchor,
    policy: Policy | None,
    signer: LocalSigner | None = None,
    is_open: bool = False,
) -> SignCheckpoint:
    """What signs checkpoints, with a key of its own where none is given."""
    tree = TileTree(TileReader(store).tiles)
    anchoring, publishing = Anchoring(anchor, tree.root_under), Publishing()
    if policy is not None:
        asked = (HttpWitnesses(None), tree.proven_extension, anchoring.is_overtaken)
        publishing = Publishing(policy, *asked, is_open=is_open)
    projector = Projector(store, EventCodec(EVENTS), IndexModel())

    async def caught_up() -> None:
        while await asyncio.to_thread(projector.step):
            pass

    vouching = Vouching(RunReader(store), caught_up, patience_seconds=5.0)
    signer = signer or LocalSigner()
    return SignCheckpoint(writer, log, TileModel(), signer, anchoring, publishing, Rotating(log, signer), vouching)


def searched(store: EventStore, log: State) -> RunReader:
    """The search index, held to what the newest state says of it."""
    return RunReader(store, lambda: stated_index(log.signed.state_leaf) if log.signed else NO_INDEX)


def rights(standing: StandingState, log: State, clock: ManualClock) -> Callable[[Caller], Awaitable[Sight]]:
    """What callers are shown: everything, where the log does not know them and they claim to be nobody."""
    known = Rights(standing, lambda: log.head("identity").position, lambda: asyncio.sleep(0, True), clock.now_ns)

    async def sight(caller: Caller) -> Sight:
        is_known = caller.roles or caller.subject in standing.copyists.known
        return await known(caller) if is_known else WHOLE

    return sight


def later() -> int:
    """An hour after what feeds tell of."""
    return START_NS + 3_600 * 10**9


@asynccontextmanager
async def running(
    store: EventStore,
    feeds: list[SourceFeed],
    snapshot: SnapshotFile | None = None,
    anchor: LocalAnchor | None = None,
    policy: Policy | None = None,
    signer: LocalSigner | None = None,
    is_open: bool = False,
    most_bundles: int = MOST_BUNDLES,
) -> AsyncIterator[Audit]:
    """Starts a log over a store, as a process would, from its snapshot if there is one."""
    codec, log, translation, clock = EventCodec(EVENTS), State(ORIGIN), TranslationState(), ManualClock(START_NS)
    evidence, parties, texts, findings = EvidenceState(), TextState(), TextReader(store), FindingsReader(store)
    standing = StandingState()
    state = states(log, translation, evidence, standing, parties)
    writer = GroupWriter(store, codec, state, clock)
    if snapshot is not None:
        restore(snapshot, store, writer, state)
    replayed = writer.load()
    take_over = TakeOver(writer, log, Translation(translation), TileModel(), TextRows(), parties)
    anchor, record_read = anchor or LocalAnchor(), RecordRead(writer, log, TileModel())
    sign_checkpoint = signing(store, writer, log, anchor, policy, signer, is_open)
    search, bundles, proof = (Projector(store, codec, each()) for each in (IndexModel, BundleModel, ProofModel))
    queries = Queries(TileReader(store), ChainedLeaves(store, codec), BundleReader(store))
    of = {feed.source: feed for feed in (SourceFeed("custody"), SourceFeed("payment-instruction"), *feeds)}
    passing = Passing(evidence, NotePassed(writer, log), of["custody"], of["payment-instruction"], findings, later)
    heavy, keys = HeavyWork(MeterProvider().get_meter("test")), searched(store, log)
    looking = SearchQueries(keys, queries), LimitedQueries(keys, queries, most_bundles)
    looks = Looks(record_read, LogStanding(writer, log), clock.now_ns, heavy.run, Views(record_read))
    searching = SearchServicer(looks, *looking, search, heavy.run)
    making, marks = Making(IndexedLeaves(keys, queries, texts), translation.currencies), StoredMarks(store, codec)
    register = Register(keys, queries, texts, lambda: standing.copyists.known, standing.jurisdiction)
    reading = looks, queries, {each.source: each for each in feeds}, marks, texts, heavy.run, searching.listed
    books = Projector(store, codec, BooksModel())
    comparing, asked_books = comparing_books(books, writer, log, looks, heavy.run, IndexedBooks(keys, queries))
    servicer = joined(
        AuditServiceServicer,
        LogServicer(*reading),
        OpenedSearch(searching, texts),
        AnswerServicer(looks, Answering(keys, queries), texts, heavy.run),
        EvidenceServicer(record_read, findings, evidence, proof, heavy.run),
        ReportServicer(looks, making, searching.caught_up, heavy.run, ORIGIN),
        asked_books,
        ReadsServicer(looks, register, searching.caught_up, heavy.run),
        BindingServicer(record_read),
    )
    task = asyncio.create_task(writer.run())
    try:
        signer = cast(LocalSigner, sign_checkpoint.signer)
        yield Audit(
            *(store, clock, standing, writer, log, translation, take_over, record_read, signer, anchor),
            anchoring=sign_checkpoint.anchoring,
            sign_checkpoint=sign_checkpoint,
            checkpointer=Checkpointer(sign_checkpoint, lambda: not log.is_due),
            servicer=guarded(AuditServiceServicer, servicer, rights(standing, log, clock)),
            search=search,
            proof=proof,
            bundles=bundles,
            books=books,
            comparing=comparing,
            passing=passing,
            findings=findings,
            parties=parties,
            whereabouts=Whereabouts(looking[1].spans, searching.caught_up),
            replayed=replayed,
        )
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def custody() -> SourceFeed:
    """An empty feed of custody."""
    return SourceFeed("custody")


@pytest.fixture
def identity() -> SourceFeed:
    """An empty feed of identity."""
    return SourceFeed("identity")


@pytest.fixture
async def audit(audit_store: EventStore, custody: SourceFeed, identity: SourceFeed) -> AsyncIterator[Audit]:
    """A running log over two empty feeds."""
    async with running(audit_store, [custody, identity]) as started:
        yield started
