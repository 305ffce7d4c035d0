"""The log's state: the right edge of its tree, how far each source is taken over, and the latest signed checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import ClassVar, Protocol

from ringfence_kernel.writing.journal import Journal

from ringfence_audit.domain.accounts import Accounts
from ringfence_audit.domain.checkpoint import Checkpoint, SourceHead, note_heads
from ringfence_audit.domain.events import CheckpointSigned, LeavesAppended, ReadRecorded
from ringfence_audit.domain.leaf import pack, unpack
from ringfence_audit.domain.merkle import Frontier, Tile, leaf_hashes
from ringfence_audit.domain.page import Page

GENESIS = bytes(32)


class LogTampered(Exception):
    """Stored events of the log do not lead to the tree head that was recorded with them: the log must not go on."""


class Committed(Protocol):
    """An event as the store gives it back."""

    @property
    def event(self) -> object:
        """The event itself."""


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A signed checkpoint and what it commits to."""

    size: int
    root: bytes
    note: str
    heads: tuple[SourceHead, ...]


@dataclass(slots=True)
class Log:
    """What the log holds in memory, a few tiles and heads whatever its size."""

    digest_format: ClassVar[int] = 1
    origin: str
    frontier: Frontier = field(default_factory=Frontier)
    heads: dict[str, SourceHead] = field(default_factory=dict)
    signed: SignedHead | None = None
    unsigned: dict[int, bytes] = field(default_factory=dict)
    """The root at every size since the latest checkpoint: a checkpoint must be of one of these."""
    accounts: Accounts = field(default_factory=Accounts)
    """What leaves have said of accounts. Not undone with a failed commit: the same leaves come again."""

    def head(self, source: str) -> SourceHead:
        """Gives how far a source is taken over; one never followed stands at the beginning of epoch 1."""
        return self.heads.get(source, SourceHead(source, 1, 0, GENESIS))

    def checkpoint(self) -> Checkpoint:
        """Gives the head to sign next."""
        return Checkpoint(self.origin, self.frontier.size, self.frontier.root(), tuple(self.heads.values()))

    def append_page(self, page: Page, hashes: bytes, journal: Journal) -> tuple[LeavesAppended, list[Tile]]:
        """Appends a page of leaves, whose hashes the caller has computed; gives the event and the tiles it changed."""
        first_leaf = self.frontier.size
        journal.put(self.heads, page.head.source, page.head)
        tiles = self._extend(hashes, journal)
        event = LeavesAppended(
            page.head.source,
            page.head.epoch,
            page.first,
            page.head.position,
            page.head.hash,
            page.earliest_ns,
            page.latest_ns,
            first_leaf,
            len(page.leaves),
            pack(page.leaves),
            self.unsigned[self.frontier.size],
        )
        return event, tiles

    def append_read(self, leaf: bytes, journal: Journal) -> tuple[ReadRecorded, list[Tile]]:
        """Appends the leaf of a read; gives the event and the tiles it changed."""
        first_leaf = self.frontier.size
        tiles = self._extend(leaf_hashes([leaf]), journal)
        return ReadRecorded(first_leaf, leaf, self.unsigned[self.frontier.size]), tiles

    def sign(self, event: CheckpointSigned, journal: Journal) -> None:
        """Takes in a signed checkpoint; raises LogTampered where the log never had that head."""
        if self.unsigned.get(event.size) != event.root:
            raise LogTampered(f"the checkpoint at size {event.size} is of another log")
        journal.call(setattr, self, "signed", self.signed)
        self.signed = SignedHead(event.size, event.root, event.note, note_heads(event.note))
        for size in [size for size in self.unsigned if size <= event.size]:
            journal.remove(self.unsigned, size)

    def apply(self, recorded: Committed, journal: Journal) -> None:
        """Takes in a committed event; raises LogTampered where its leaves do not lead to its root."""
        event = recorded.event
        if isinstance(event, CheckpointSigned):
            self.sign(event, journal)
            return
        if isinstance(event, LeavesAppended):
            head = SourceHead(event.source, event.epoch, event.last, event.hash)
            journal.put(self.heads, event.source, head)
            leaves = list(unpack(event.leaves))
            self.accounts.learn(leaves)
        elif isinstance(event, ReadRecorded):
            leaves = [event.leaf]
        else:
            raise TypeError(f"{type(event).__name__} is no event of the log")
        first_leaf = self.frontier.size
        self._extend(leaf_hashes(leaves), journal)
        if event.first_leaf != first_leaf or self.unsigned[self.frontier.size] != event.root:
            raise LogTampered(f"the leaves from index {event.first_leaf} do not lead to the recorded tree head")

    def digest(self) -> bytes:
        """Gives a hash of the whole state."""
        lines = [self.checkpoint().text(), self.signed.note if self.signed else ""]
        return sha256("\n".join(lines).encode()).digest()

    def _extend(self, hashes: bytes, journal: Journal) -> list[Tile]:
        journal.call(setattr, self, "frontier", self.frontier)
        self.frontier, tiles = self.frontier.extended(hashes)
        journal.put(self.unsigned, self.frontier.size, self.frontier.root())
        return tiles
