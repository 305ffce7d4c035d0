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
from ringfence_kernel.values.errors import DomainError
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


def take(writer: GroupWriter, state: SavedState) -> Snapshot | None:
    """Returns a snapshot of what is committed, or None while the writer's place is unsure; between two groups only."""
    sections, head = state.save(), writer.head
    if not head.hash:
        return None
    versions = {stream.hex(): version for stream, version in writer.versions.items()}
    sizes = [(name, memoryview(content).nbytes) for name, content in sections]
    return Snapshot(Header(head.epoch, head.position, head.hash, versions, sizes), sections)


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
                await self._write(await self.writer.between_groups(lambda: take(self.writer, self.state)))
            except (OSError, DomainError) as error:
                log.warning("snapshot_not_written", error=type(error).__name__)

    async def save_last(self) -> None:
        """Saves once more when the writer has stopped."""
        if self.writer.is_settled and self.writer.head.position != self.position:
            try:
                await self._write(take(self.writer, self.state))
            except OSError as error:
                log.warning("snapshot_not_written", error=type(error).__name__)

    async def _write(self, snapshot: Snapshot | None) -> None:
        if snapshot is not None:
            started = time.monotonic()
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
    try:
        found = file.read()
        if found is None:
            return 0
        header, sections = found
        last_ns = _compare(header, store)
        state.restore(sections)
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
    return open_envelope(stored[0].state).recorded_at_ns if stored else 0


def _pieces(content: memoryview, size: int = 1 << 20) -> Iterator[bytes]:
    return (bytes(content[at : at + size]) for at in range(0, len(content), size))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
