"""Snapshots: a state saved beside the events, so that a start replays only what came later.

A snapshot is never truth. It is a file of its own process's machine; it is used only when it is whole and the store
still holds the very event that it was taken after; anything else means a replay from the beginning. Rebuilds never use
it.

    "RFSNAP1\n" ‖ length of header, 8 bytes big-endian ‖ header (msgpack) ‖ sections ‖ SHA-256 of all before it
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol, runtime_checkable

import msgspec
import structlog

from ringfence_kernel.store import EventStore, Head
from ringfence_kernel.store.codec import open_envelope
from ringfence_kernel.store.digests import insert_digest, read_digest
from ringfence_kernel.values.errors import DomainError, StoreUnavailable
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing.writer import GroupWriter, State

log = structlog.get_logger(__name__)

MAGIC = b"RFSNAP1\n"
HASH_BYTES = 32


@runtime_checkable
class SavedState(State, Protocol):
    """A state that can be saved and taken up again."""

    def save(self) -> Sections:
        """Returns everything that events have said so far; sections may be written later, while the state goes on.

        A section that changes meanwhile must stay right for whoever replays the events after this moment.
        """

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned, into an empty state.

        Raises ValueError or LookupError for sections of another format; the state is as empty as before then.
        """


@runtime_checkable
class CheckedState(SavedState, Protocol):
    """A saved state that is not believed for being whole: the store's own digest and events have to agree with it.

    Its digest has to bind all that `restore` takes up; the store keeps one for every snapshot.
    """

    def check(self, store: EventStore, position: int) -> None:
        """Compares what was restored with what the store holds as of a position; blocks.

        Raises ValueError, which says what is not so, and StoreUnavailable.
        """


class SnapshotUnusable(Exception):
    """The file is not whole, of another format, or of another history than the store's."""


class Header(msgspec.Struct, frozen=True):
    """What a snapshot was taken of: where the feed stood, and the version of each stream."""

    epoch: int
    position: int
    hash: bytes
    versions: dict[str, int]
    sections: list[tuple[str, int]]
    """Name and bytes of each."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state as of a position."""

    header: Header
    sections: Sections
    digest: bytes = b""
    """Of a state that is checked when it is taken up again."""


def take(writer: GroupWriter, state: SavedState) -> Snapshot | None:
    """Returns a snapshot of what is committed, or None while the writer's place is unsure; between two groups only."""
    sections, head = state.save(), writer.head
    if not head.hash:
        return None
    versions = {stream.hex(): version for stream, version in writer.versions.items()}
    sizes = [(name, memoryview(content).nbytes) for name, content in sections]
    digest = state.digest() if isinstance(state, CheckedState) else b""
    return Snapshot(Header(head.epoch, head.position, head.hash, versions, sizes), sections, digest)


class SnapshotFile:
    """One service's newest snapshot."""

    def __init__(self, directory: Path, service: str) -> None:
        """Keeps it in `directory`, which must be the process's own."""
        self.path = directory / f"{service}.snapshot"
        self._lock = threading.Lock()

    def write(self, snapshot: Snapshot) -> int:
        """Replaces the file, or leaves it as it was when the power is cut; returns its size in bytes. Blocks.

        A task that is cancelled leaves its thread writing: whoever writes next waits for it.
        """
        with self._lock:
            return self._write(snapshot)

    def _write(self, snapshot: Snapshot) -> int:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        header = msgspec.msgpack.encode(snapshot.header)
        digest, size = sha256(), 0
        with open(fresh, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            contents = [memoryview(content).cast("B") for _, content in snapshot.sections]
            for part in [memoryview(MAGIC + len(header).to_bytes(8, "big") + header), *contents]:
                # Sections may change while they are written: what is hashed is what is on disk.
                for piece in _pieces(part):
                    digest.update(piece)
                    size += file.write(piece)
            size += file.write(digest.digest())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
        _sync_folder(self.path.parent)
        return size

    def read(self) -> tuple[Header, dict[str, memoryview]] | None:
        """Returns the header and sections, or None where there is no file; raises SnapshotUnusable. Blocks."""
        try:
            content = memoryview(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SnapshotUnusable(type(error).__name__) from error
        body, told = content[:-HASH_BYTES], bytes(content[-HASH_BYTES:])
        if bytes(body[: len(MAGIC)]) != MAGIC or sha256(body).digest() != told:
            raise SnapshotUnusable("the file is not whole")
        start = len(MAGIC) + 8
        at = start + int.from_bytes(body[len(MAGIC) : start], "big")
        header = msgspec.msgpack.decode(body[start:at], type=Header)
        sections = {}
        for name, size in header.sections:
            sections[name] = body[at : at + size]
            at += size
        return header, sections


@dataclass(slots=True)
class Snapshots:
    """Saves a service's state: every so often, and when it stops."""

    file: SnapshotFile
    writer: GroupWriter
    state: SavedState
    position: int = 0

    async def keep(self, pause_seconds: float) -> None:
        """Saves whenever there is news, for ever; a disk that refuses only delays it."""
        while True:
            await asyncio.sleep(pause_seconds)
            if self.writer.head.position == self.position:
                continue
            try:
                await self.save()
            except (OSError, DomainError) as error:
                log.warning("snapshot_not_written", error=type(error).__name__)

    async def save(self) -> None:
        """Saves what is committed; raises OSError and DomainError."""
        await self._write(await self.writer.between_groups(lambda: take(self.writer, self.state)))

    async def save_last(self) -> None:
        """Saves once more when the writer has stopped."""
        if self.writer.is_settled and self.writer.head.position != self.position:
            try:
                await self._write(take(self.writer, self.state))
            except (OSError, StoreUnavailable) as error:
                log.warning("snapshot_not_written", error=type(error).__name__)

    async def _write(self, snapshot: Snapshot | None) -> None:
        if snapshot is not None:
            started = time.monotonic()
            if snapshot.digest:
                # Before the file: whoever finds that finds its digest.
                digest = snapshot.header.position, snapshot.digest, self.state.digest_format
                await asyncio.to_thread(insert_digest, self.writer.store, digest)
            size = await asyncio.to_thread(self.file.write, snapshot)
            self.position = snapshot.header.position
            seconds = round(time.monotonic() - started, 3)
            log.info("snapshot_written", position=self.position, bytes=size, seconds=seconds)

    def restore(self, store: EventStore) -> None:
        """Takes up the snapshot where there is a usable one; blocks, raises StoreUnavailable."""
        self.position = restore(self.file, store, self.writer, self.state)


def restore(file: SnapshotFile, store: EventStore, writer: GroupWriter, state: SavedState) -> int:
    """Takes up the snapshot where there is a usable one; returns its position, else 0. Blocks.

    Raises StoreUnavailable.
    """
    empty = {name: memoryview(content) for name, content in state.save()} if isinstance(state, CheckedState) else {}
    try:
        found = file.read()
        if found is None:
            return 0
        header, sections = found
        last_ns = _compare(header, store)
        state.restore(sections)
        if isinstance(state, CheckedState):
            _check(state, empty, store, header.position)
    except (SnapshotUnusable, msgspec.MsgspecError, ValueError, LookupError) as error:
        log.warning("snapshot_unusable", error=type(error).__name__, detail=str(error))
        return 0
    versions = {bytes.fromhex(stream): version for stream, version in header.versions.items()}
    writer.start_from(Head(header.epoch, header.position, header.hash), versions, last_ns)
    return header.position


def _compare(header: Header, store: EventStore) -> int:
    """Returns the time of the event that the snapshot was taken after, 0 for none.

    Raises SnapshotUnusable unless the store's chain goes through it.
    """
    stored = store.read(header.position - 1, 1) if header.position else []
    if store.head().epoch != header.epoch or [(each.position, each.hash) for each in stored] != [
        (header.position, header.hash)
    ]:
        raise SnapshotUnusable("the store has another history")
    # A stream that has ended is no longer in the header.
    if any(header.versions.get(each.stream.hex(), each.version) != each.version for each in stored):
        raise SnapshotUnusable("the stream of its last event has another version")
    return open_envelope(stored[0].state).recorded_at_ns if stored else 0


def _check(state: CheckedState, empty: Mapping[str, memoryview], store: EventStore, position: int) -> None:
    """Holds a restored state to the store, and empties it where that does not agree or cannot be asked."""
    try:
        stored = read_digest(store, position, state.digest_format)
        if stored != state.digest():
            raise SnapshotUnusable(
                "the state is not the one whose digest is stored" if stored else "no digest is stored"
            )
        state.check(store, position)
    except BaseException:
        state.restore(empty)
        raise


def _pieces(content: memoryview, size: int = 1 << 20) -> Iterator[bytes]:
    return (bytes(content[at : at + size]) for at in range(0, len(content), size))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
