"""Everybody who reads the log, and what each says of what is not as it was: the text of its refusal, or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ringfence_audit.bootstrap import rebuild
from ringfence_audit.index.adapters.run_reader import RunReader
from ringfence_audit.index.application.answering import Answering
from ringfence_audit.log.adapters.bundle_reader import BundleReader
from ringfence_audit.log.adapters.stored_leaves import ChainedLeaves
from ringfence_audit.log.adapters.tile_reader import TileReader
from ringfence_audit.log.application.queries import Queries
from ringfence_audit.log.domain.bundles import BundleMalformed, unbundled
from ringfence_audit.log.domain.events import EVENTS
from ringfence_audit.log.domain.leaf import pack
from ringfence_audit.log.domain.state import LogPosition, SignedHead
from ringfence_audit.log.domain.state_leaf import stated_index
from ringfence_kernel.store import EventStore
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.writing.refusals import StateBroken
from ringfence_kernel.writing.snapshots import SnapshotFile
from ringfence_local_stack.servers.database import Database
from ringfence_verifier import (
    VerificationError,
    VerifierKey,
    verify_checkpoint,
    verify_log,
    verify_receipt,
    verify_state,
)
from ringfence_verifier.mirror.copy import Copy
from ringfence_verifier.mirror.pulling import Following, Source, SourceAway
from ringfence_verifier.mirror.store import Store
from ringfence_verifier.tiles import read_tile_path
from ringfence_verifier.witness.keys import make_keys, read_keys
from ringfence_verifier.witness.seen import Seen
from structlog.testing import capture_logs

from ..conftest import ORIGIN, LocalAnchor, LocalSigner, running
from ..feeds import SourceFeed, identifier
from ..test_audit_log import append_reads, stored_leaves

MIRROR = "mirror.example/m1"
REFUSALS = (DomainError, VerificationError, StateBroken, SourceAway)
SUBJECT = identifier("alice")


@dataclass(frozen=True)
class Honest:
    """What was known of the log before anything was done to it."""

    signed: SignedHead
    stood: LogPosition
    anchor: LocalAnchor
    custody: SourceFeed
    snapshot: SnapshotFile

    @property
    def key(self) -> str:
        """The log's public key."""
        return LocalSigner().key.text()


@dataclass
class Stored(Source):
    """The log as its tables have it, whatever the service would say of them."""

    url: str = "https://log.example"
    store: EventStore | None = field(default=None, repr=False)
    note: str = ""

    def _get(self, path: str, most: int) -> bytes:
        assert self.store is not None
        if path == "checkpoint":
            return self.note.encode()
        level, index, width, of_entries = read_tile_path(path) or (0, 0, 0, False)
        if not of_entries:
            return TileReader(self.store).tile(level, index)[: width * 32]
        with self.store.connection() as connection:
            row = connection.execute("SELECT leaves FROM bundles WHERE index = %s", (index,)).fetchone()
        try:
            return pack(unbundled(bytes(row["leaves"]))[:width]) if row else b""
        except BundleMalformed as error:
            raise SourceAway(f"{path}: {error}") from error


@contextmanager
def said() -> Iterator[list[str]]:
    """Keeps what a refusal of the block says: its reason, and what it names."""
    kept: list[str] = []
    try:
        yield kept
    except REFUSALS as error:
        while error is not None:
            named = error.metadata if isinstance(error, DomainError) else {}
            kept.append(" ".join([str(error), *(f"{name} {value}" for name, value in named.items())]))
            error = error.__cause__  # type: ignore[assignment]


def _queries(store: EventStore) -> Queries:
    return Queries(TileReader(store), ChainedLeaves(store, EventCodec(EVENTS)), BundleReader(store))


def receipt(store: EventStore, known: Honest) -> None:
    """Whoever asks for receipts, of leaves in each bundle, and verifies them."""
    for index in (3, 4, 5, 200, 259, 260, known.signed.size - 2):
        leaf, receipt = _queries(store).receipt(index, known.stood)
        verify_receipt(receipt, known.key, leaf=leaf)


def state(store: EventStore, known: Honest) -> None:
    """Whoever asks what the log knew under the checkpoint."""
    verify_state(_queries(store).state_receipt(known.signed), known.key)


def search(store: EventStore, known: Honest) -> None:
    """Whoever searches, and is given a part."""
    found = RunReader(store, lambda: stated_index(known.signed.state_leaf)).find([SUBJECT], 0, known.signed.size, 9_999)
    for _ in _queries(store).leaves_at(found.indexes):
        pass


def answer(store: EventStore, known: Honest) -> None:
    """Whoever asks for all about somebody."""
    Answering(RunReader(store), _queries(store), 10**7).answer(SUBJECT, 0, 0, known.signed)


def listing(store: EventStore, known: Honest) -> None:
    """Whoever has the service list the whole log."""
    at = 0
    while page := _queries(store).list_leaves(at, 10_000, known.stood):
        at = page[-1][0] + 1


def verify_whole_log(store: EventStore, known: Honest) -> None:
    """Whoever computes the root from all leaves (`ringfence verify log`), though the service lists them unchecked."""
    checkpoint = verify_checkpoint(known.signed.note, known.key)
    verify_log(stored_leaves(store)[: checkpoint.size], checkpoint)


def rebuilding(store: EventStore, known: Honest) -> None:
    """`rebuild --verify`."""
    differences = rebuild(store, ORIGIN, compare=True).differences
    if wrong := sorted(name for name, count in differences.items() if count):
        raise VerificationError(" ".join(wrong))


Reader = Callable[[EventStore, Honest], None]
READERS: dict[str, Reader] = {
    "receipt": receipt,
    "state": state,
    "search": search,
    "answer": answer,
    "listing": listing,
    "verify log": verify_whole_log,
    "rebuild": rebuilding,
}


def mirror(store: EventStore, known: Honest, folder: Path) -> None:
    """A mirror that has nothing yet, and believes a table no more than a server."""
    folder.mkdir()
    make_keys(folder, MIRROR)
    Store.make(folder)
    Seen.make(folder, MIRROR)
    copy = Copy(Store(folder), Seen(folder), read_keys(folder, MIRROR), [VerifierKey.parse(known.key)], lambda: 1e9)
    try:
        Following(copy, Stored(store=store, note=known.signed.note), folder).step()
    finally:
        copy.close()


async def start(store: EventStore, known: Honest) -> None:
    """The next process, which builds its state from events; it says what it shows first to whoever verifies that."""
    async with running(store, [known.custody], anchor=known.anchor) as again:
        if again.log.signed is None or again.log.signed.size < known.signed.size:
            raise VerificationError("an older checkpoint is shown than was seen")
        verify_checkpoint(again.log.signed.note, known.key)


async def sign(store: EventStore, known: Honest) -> None:
    """The next process, as it is about to sign what comes next."""
    async with running(store, [known.custody], anchor=known.anchor) as again:
        await append_reads(again, 1)
        await again.sign_checkpoint()


async def saved_start(store: EventStore, known: Honest) -> None:
    """The next process, which would go on from a saved state."""
    with capture_logs() as logged:
        async with running(store, [known.custody], known.snapshot, anchor=known.anchor):
            pass
    if reasons := [each["detail"] for each in logged if each["event"] == "snapshot_unusable"]:
        raise VerificationError(reasons[0])


Process = Callable[[EventStore, Honest], Awaitable[None]]
PROCESSES: dict[str, Process] = {"start": start, "saved start": saved_start, "sign": sign}
"""What writes comes last: those who read before have seen what is stored as it was."""


async def who_names(database: Database, known: Honest, folder: Path) -> dict[str, str]:
    """Asks everybody; returns what each of those says who has noticed something."""
    store, heard = EventStore(database.app_conninfo, settle_seconds=5), dict[str, str]()

    def read() -> None:
        for name, reader in READERS.items():
            with said() as kept:
                reader(store, known)
            heard[name] = " | ".join(kept)
        with said() as kept:
            mirror(store, known, folder / "mirror")
        heard["mirror"] = " | ".join(kept)

    try:
        await asyncio.to_thread(read)
        for name, process in PROCESSES.items():
            with said() as kept:
                await process(store, known)
            heard[name] = " | ".join(kept)
    finally:
        store.close()
    return {name: text for name, text in heard.items() if text}
