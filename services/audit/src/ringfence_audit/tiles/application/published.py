"""What is published: the newest checkpoint with its cosignatures, and the tiles and entries that it covers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from ringfence_kernel.access.caller import Caller, calling
from ringfence_kernel.access.refusals import PrincipalSuspended
from ringfence_kernel.rpc.admission import Admission
from ringfence_kernel.sealing.bounded_cache import BoundedCache
from ringfence_kernel.service.heavy import InThreads

from ringfence_audit.log.domain.errors import LogDamaged
from ringfence_audit.log.domain.merkle import HASH_BYTES, TILE_HEIGHT, fold
from ringfence_audit.log.domain.reads import COPYING
from ringfence_audit.log.domain.state import SignedHead
from ringfence_audit.tiles.application.ports import Bundles, RecordRead, Tile
from ringfence_audit.tiles.domain.errors import EntriesNotOpen
from ringfence_audit.tiles.domain.paths import WIDTH, TilePath

TILES_AT_ONCE, TILE_THREADS = 32, 2
"""So many reads of tiles by whoever comes wait or run, in so many threads, which are no other work's."""
CHECKED_TILES = 1_024
"""At 8 KiB each: 8 MiB."""
BUNDLES_AT_ONCE = 4
"""A bundle may have 16 MB; half as many at once are one reader's at most."""


@dataclass(slots=True)
class Newest:
    """The newest checkpoint that is committed, in a process that leads as in one that stands by.

    `signed` is what the state has, and counts only while `is_settled` tells that all of the state is committed.
    """

    signed: Callable[[], SignedHead | None]
    is_settled: Callable[[], bool]
    _seen: SignedHead | None = None

    def __call__(self) -> SignedHead | None:
        """Gives it, None where there is none yet."""
        self.look()
        return self._seen

    def look(self) -> None:
        """Takes note of what is committed now."""
        if self.is_settled():
            self._seen = self.signed()


@dataclass(frozen=True, slots=True)
class PublishedTiles:
    """Hash tiles for anybody: they show no fact.

    Whoever reads may keep one for good: a full one is compared with the hash above it before it is given.
    """

    newest: Newest
    tile: Tile
    room: Admission = field(default_factory=lambda: Admission(TILES_AT_ONCE))
    threads: Executor = field(default_factory=lambda: ThreadPoolExecutor(TILE_THREADS, "tiles"))
    checked: BoundedCache[tuple[int, int], bytes] = field(default_factory=lambda: BoundedCache(CHECKED_TILES))
    """Full tiles that were compared."""

    async def checkpoint(self) -> str | None:
        """Gives the signed note."""
        signed = self.newest()
        return signed.note if signed else None

    async def hashes(self, path: TilePath) -> bytes | None:
        """Gives the hashes of a tile that the checkpoint covers, None where it does not.

        Raises Overloaded, and LogDamaged where what is stored is shorter or another.
        """
        signed = self.newest()
        if signed is None or path.end > signed.size >> (TILE_HEIGHT * path.level):
            return None
        at = path.level, path.index
        found = self.checked.get(at)
        if found is None:
            found = await self._in_thread(path)
            if path.width == WIDTH:
                self.checked.put(at, found)
        return found[: path.width * HASH_BYTES]

    async def _in_thread(self, path: TilePath) -> bytes:
        """Reads a tile; its place is held until the thread is done, whether or not anybody waits for it."""
        self.room.enter()
        try:
            work = self.threads.submit(self._whole, path)
        except BaseException:
            self.room.leave()
            raise
        loop = asyncio.get_running_loop()

        def leave(done: Future[bytes]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self.room.leave)

        work.add_done_callback(leave)
        return await asyncio.shield(asyncio.wrap_future(work))

    def _whole(self, path: TilePath) -> bytes:
        found = self.tile(path.level, path.index)
        is_whole = len(found) >= path.width * HASH_BYTES
        if is_whole and path.width == WIDTH:
            above, slot = divmod(path.index, WIDTH)
            end = (slot + 1) * HASH_BYTES
            is_whole = fold(found) == self.tile(path.level + 1, above)[end - HASH_BYTES : end]
        if not is_whole:
            raise LogDamaged(tile=f"{path.level}/{path.index}")
        return found


@dataclass(frozen=True, slots=True)
class PublishedEntries:
    """Entries for who may copy the log, each read a leaf before it is answered."""

    newest: Newest
    bundles: Bundles
    may_copy: Callable[[bytes, bytes], bool]
    is_suspended: Callable[[bytes], bool]
    record_read: RecordRead
    heavily: InThreads
    room: Admission = field(default_factory=lambda: Admission(BUNDLES_AT_ONCE))

    async def bundle(self, reader: Caller, path: TilePath) -> bytes | None:
        """Gives the entries under a tile that the checkpoint covers, None where it does not.

        Raises EntriesNotOpen, PrincipalSuspended, Overloaded, NotLeader, LogDamaged.
        """
        with self.room.slot(), self.room.share(reader.spiffe_id), calling(reader):
            self._require(reader)
            signed = self.newest()
            if signed is None or path.end > signed.size:
                return None
            first = path.index * WIDTH
            await self.record_read(reader.subject, COPYING, {"from_index": first, "limit": path.width})
            self._require(reader)
            return await self.heavily(self.bundles.bundle, first, path.width)

    def _require(self, reader: Caller) -> None:
        if not self.may_copy(reader.subject, reader.certificate_sha256):
            raise EntriesNotOpen
        if self.is_suspended(reader.subject):
            raise PrincipalSuspended
