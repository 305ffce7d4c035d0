"""What the application needs from outside."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ringfence_audit.log.domain.checkpoint import Checkpoint, SourceHead
from ringfence_audit.log.domain.merkle import Tile, TileName
from ringfence_audit.log.domain.page import SourceEvent, Translated
from ringfence_audit.log.domain.state_leaf import IndexHead


@dataclass(frozen=True, slots=True)
class StoredPage:
    """Where leaves stand: the event at `position` of the log's own store holds `count` from `first_leaf` on."""

    first_leaf: int
    count: int
    position: int
    earliest_ns: int
    latest_ns: int


class TileRows(Protocol):
    """Tiles and pages, written with the event they come from."""

    def save(self, connection: Any, *, tiles: Sequence[Tile], page: StoredPage) -> None:
        """Writes inside the transaction of `connection`."""


class Tiles(Protocol):
    """Tiles and pages as they were written; every call blocks."""

    def tile(self, level: int, index: int) -> bytes:
        """Gives the hashes of a tile; empty where there is none."""

    def tiles(self, names: Collection[TileName]) -> Mapping[TileName, bytes]:
        """Gives the hashes of those tiles (level, index) that there are, read together."""

    def pages(self, from_leaf: int, limit: int) -> list[StoredPage]:
        """Gives pages in order, the first being the one that holds `from_leaf`."""

    def pages_of(self, indexes: Sequence[int]) -> list[StoredPage]:
        """Gives the pages that hold leaves, each once, in order."""

    def position_before(self, page: StoredPage) -> int:
        """Gives the position of the event that holds the page before; 0 where there is none."""

    def pages_between(self, from_leaf: int, until_leaf: int, from_ns: int, until_ns: int) -> list[StoredPage]:
        """Gives a bounded number of pages, in order, that have leaves in both ranges (halves open)."""

    def narrowed(self, leaves: range, from_ns: int, until_ns: int) -> range:
        """Gives the part of a range from its first to its last page with leaves of these times (half open)."""


class Bundles(Protocol):
    """Entry bundles, which follow the log; every call blocks."""

    def leaves(self, wanted: Mapping[int, Sequence[int]]) -> Iterator[tuple[int, Mapping[int, bytes]]]:
        """Yields leaves by their offsets in bundles, whose indexes ascend as the offsets in each do.

        Those that are not there are left out. Raises LogDamaged for a bundle that cannot be read.
        """

    def within(self, wanted: Mapping[int, Collection[int]]) -> Mapping[int, tuple[bytes, Mapping[int, bytes]]]:
        """Gives the heads of the tree over each 32 leaves of bundles, those that have them.

        Beside them are the hashes under some heads of each, by number: of the bundle's tile.
        """


class StoredLeaves(Protocol):
    """Leaves as they stand in the log's own events; every call blocks and raises LogDamaged where the chain breaks."""

    def of_pages(self, pages: Sequence[StoredPage]) -> Iterator[tuple[StoredPage, list[bytes]]]:
        """Yields pages with their leaves, checking the event of each."""

    def walk(self, pages: Sequence[StoredPage], after: int) -> Iterator[tuple[StoredPage, list[bytes]]]:
        """Yields consecutive pages with their leaves, checking every event after a position as it goes."""

    def check_after(self, position: int) -> None:
        """Checks every event after a position, to the end."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a source was taken over as of the event at `position` of the log's own store.

    `page` is the page leaf where that event took it there, empty where it only states it.
    """

    position: int
    head: SourceHead
    page: bytes


class Marks(Protocol):
    """What the log's own events tell of how far a source was taken over; every call blocks."""

    def end(self) -> int:
        """Gives the position after the log's newest event."""

    def first(self, source: str, start: int, end: int) -> Mark | None:
        """Gives the first mark of a source at the log's positions from `start` and before `end`.

        Before every checkpoint stands a mark of all sources, so that a look from anywhere soon finds one.
        """


@dataclass(frozen=True, slots=True)
class Anchored:
    """What the log has signed last, as far as is known outside of its database; nothing at version 0 and size 0.

    `disputed_by` are key names of witnesses that have seen another history, and have not cosigned this one since.
    """

    size: int
    root: bytes
    version: int
    disputed_by: frozenset[str] = frozenset()


class Anchor(Protocol):
    """Holds what the log has signed last; raises a DomainError while it cannot be asked."""

    async def read(self, origin: str) -> Anchored:
        """Returns what is anchored for the log of an origin."""

    async def replace(self, held: Anchored, checkpoint: Checkpoint, disputed_by: frozenset[str]) -> int | None:
        """Anchors a checkpoint, and who disputes the log, in place of what was held.

        Returns its version, None where what was held is not the newest.
        """


class Index(Protocol):
    """What finds leaves by their ids."""

    async def __call__(self) -> IndexHead:
        """Gives the newest head of the index that it vouches for; nothing where there is none."""


class Signer(Protocol):
    """The keys that sign checkpoints."""

    async def sign(self, checkpoint_text: str, key_ids: Sequence[bytes]) -> str:
        """Gives the note, signed by the keys of these ids in their order, by the newest where there is none.

        Raises a DomainError while a key cannot be used, SigningKeyMissing where one is not there.
        """

    async def vkeys(self) -> Mapping[bytes, str]:
        """Returns the vkeys that there are, by key id; raises a DomainError while they cannot be asked for."""


class Translation(Protocol):
    """What turns the events of a source into leaves."""

    def translate(self, source: str, events: Iterable[SourceEvent]) -> Iterator[Translated]:
        """Yields consecutive events with their leaves, one at least; changes nothing, and blocks.

        Raises EventUnknown (ringfence_kernel.feed) at the first event that is not described.
        """
