"""What is published: the newest checkpoint with its cosignatures, and the tiles and entries that it covers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from ringfence_kernel.access.caller import Caller, calling
from ringfence_kernel.access.refusals import PrincipalSuspended
from ringfence_kernel.rpc.admission import Admission
from ringfence_kernel.service.heavy import InThreads

from ringfence_audit.log.domain.merkle import HASH_BYTES, TILE_HEIGHT
from ringfence_audit.log.domain.reads import COPYING
from ringfence_audit.log.domain.state import SignedHead
from ringfence_audit.tiles.application.ports import Bundles, RecordRead, Tile
from ringfence_audit.tiles.domain.errors import EntriesNotOpen
from ringfence_audit.tiles.domain.paths import WIDTH, TilePath

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
    """Hash tiles for anybody: they show no fact."""

    newest: Newest
    tile: Tile

    async def checkpoint(self) -> str | None:
        """Gives the signed note."""
        signed = self.newest()
        return signed.note if signed else None

    async def hashes(self, path: TilePath) -> bytes | None:
        """Gives the hashes of a tile that the checkpoint covers, None where it does not."""
        signed = self.newest()
        if signed is None or path.end > signed.size >> (TILE_HEIGHT * path.level):
            return None
        found = await asyncio.to_thread(self.tile, path.level, path.index)
        return found[: path.width * HASH_BYTES]


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
