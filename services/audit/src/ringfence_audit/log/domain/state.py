"""The log's state: the right edge of its tree, how far each source is taken over, and the latest signed checkpoint."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import ClassVar, TypeVar

from ringfence_kernel.values.ids import external_id
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.journal import Journal

from ringfence_audit.log.domain.books import NO_BOOKS, Books, books_leaf
from ringfence_audit.log.domain.bundles import BundleMalformed
from ringfence_audit.log.domain.checkpoint import Checkpoint, SourceHead, is_note_of, note_heads
from ringfence_audit.log.domain.errors import CheckpointPending
from ringfence_audit.log.domain.events import (
    OF_TREE,
    BooksRecorded,
    CheckpointSigned,
    FormatAdopted,
    Growth,
    KeyRecorded,
    KeyRotationOrdered,
    LapseRecorded,
    LeavesAppended,
    LeavesDeflated,
    Own,
    ReadRecorded,
    StateRecorded,
    SuccessionRecorded,
    Taken,
    leaves_of,
)
from ringfence_audit.log.domain.keys import (
    KEY_KIND,
    Rotation,
    due_leaf,
    key_id,
    restored_keys,
    saved_keys,
    signing_ids,
)
from ringfence_audit.log.domain.lapse import LAPSE_KIND, lapse_ended_leaf, lapse_leaf
from ringfence_audit.log.domain.leaf import Value, decode, prefix
from ringfence_audit.log.domain.merkle import Frontier, Tile, leaf_hashes
from ringfence_audit.log.domain.own_leaves import OWN_EVENTS
from ringfence_audit.log.domain.page import ClosedPage
from ringfence_audit.log.domain.reads import is_copying
from ringfence_audit.log.domain.state_leaf import (
    NO_INDEX,
    IndexHead,
    statable,
    state_leaf,
    stated_heads,
    stated_policy,
)
from ringfence_audit.log.domain.succession import succession_leaf

OwnT = TypeVar("OwnT", bound=Own)

GENESIS = bytes(32)
SAVED_FORMAT, SAVED_HEAD_BYTES = 4, 40
UNSIGNED_SIZES = 16_384
"""For how many of the newest sizes a checkpoint can be recorded. A smaller number would refuse stored events."""
HEADS_IN_LINES, HEADS_IN_LEAVES = 1, 2
"""Formats: checkpoints with a line for each source, and checkpoints over a state leaf."""


class LogTampered(Exception):
    """Stored events of the log do not lead to the tree head that was recorded with them: the log must not go on."""


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A signed checkpoint and what it commits to."""

    size: int
    root: bytes
    note: str
    heads: tuple[SourceHead, ...]
    state_leaf: bytes
    """The last leaf under it; empty in the format that has none."""


@dataclass(frozen=True, slots=True)
class LogPosition:
    """Where the log stood when a read was recorded: its size in leaves, and its latest signed checkpoint if any."""

    size: int
    signed: SignedHead | None
    heads: Mapping[str, SourceHead]
    rotations: tuple[Rotation, ...] = ()

    def signed_head(self) -> SignedHead:
        """Gives the latest checkpoint; raises CheckpointPending where there was none yet."""
        if self.signed is None:
            raise CheckpointPending("no checkpoint has been signed yet")
        return self.signed


@dataclass(slots=True)
class State:
    """What the log holds in memory, a few tiles and heads whatever its size."""

    EVENTS: ClassVar[tuple[type, ...]] = OF_TREE
    origin: str
    frontier: Frontier = field(default_factory=Frontier)
    heads: dict[str, SourceHead] = field(default_factory=dict)
    signed: SignedHead | None = None
    unsigned: deque[tuple[int, bytes]] = field(default_factory=deque)
    """(size, root) at the newest sizes since the latest checkpoint, ascending: a checkpoint must be of one of these."""
    stated: deque[tuple[int, bytes]] = field(default_factory=deque)
    """(size, leaf) at the newest sizes that end with a state leaf, since the latest checkpoint, ascending."""
    format: int = 0
    """What the log's checkpoints look like; 0 while it has none, and then its first one decides."""
    rotations: tuple[Rotation, ...] = ()
    """How the log's keys have followed one another; while there is none it has the key that it began with."""
    ordered: KeyRotationOrdered | None = None
    """The rotation that was ordered last, until its key is announced."""
    lapsed: int | None = None
    """Index of the leaf that says that checkpoints over it may lack their quorum; None while none may."""
    books: Books = NO_BOOKS
    news_size: int = 0
    """The size after the newest leaf that calls for a checkpoint: not a state, nor that somebody has copied the log."""
    _computed: tuple[object, Frontier] | None = field(default=None, compare=False)
    """The event that was made last, and the edge after it: it need not be hashed again to be applied."""

    @property
    def stream(self) -> bytes:
        """The one stream of the log's events."""
        return external_id("audit.log", b"", self.origin)

    def head(self, source: str) -> SourceHead:
        """Gives how far a source is taken over; one never followed stands at the beginning of epoch 1."""
        return self.heads.get(source, SourceHead(source, 1, 0, GENESIS))

    @property
    def is_due(self) -> bool:
        """Tells whether there is something to sign: there is news since the log's latest checkpoint."""
        return self.news_size > (self.signed.size if self.signed else 0)

    def is_stated(self, policy_sha256: bytes = b"") -> bool:
        """Tells whether the log can be signed as it is: it ends with a state under this policy, if it needs a state."""
        if self.format == HEADS_IN_LINES:
            return True
        size, leaf = self.stated[-1] if self.stated else (0, b"")
        return size > 0 and size == self.frontier.size and stated_policy(leaf) == policy_sha256

    def checkpoint(self) -> Checkpoint:
        """Gives the head to sign next."""
        heads = tuple(self.heads.values()) if self.format == HEADS_IN_LINES else ()
        return Checkpoint(self.origin, self.frontier.size, self.frontier.root(), heads)

    def covers(self, checkpoint: Checkpoint) -> bool:
        """Tells whether a checkpoint can be recorded: the log had that head, not too many appends ago."""
        return (checkpoint.size, checkpoint.root) in self.unsigned

    @property
    def signing_ids(self) -> tuple[bytes, ...]:
        """Ids of the keys that sign the next checkpoint, the oldest first; none before the first one."""
        return signing_ids(self.rotations, self.signed.note if self.signed else "", self.ordered)

    def position(self) -> LogPosition:
        """Gives where the log stands."""
        return LogPosition(self.frontier.size, self.signed, dict(self.heads), self.rotations)

    @property
    def is_deflating(self) -> bool:
        """Tells whether the log deflates its leaves: one that may be taken back by the release before does not.

        That cannot read a log with a state leaf, whether or not a checkpoint is over it yet.
        """
        return self.format == HEADS_IN_LEAVES or (not self.format and bool(self.stated))

    def append_page(self, closed: ClosedPage) -> tuple[Taken, list[Tile]]:
        """Gives the event that appends a page, and the tiles that it changes."""
        frontier, tiles = self.frontier.extended(closed.hashes)
        page, head = closed.page, closed.page.head
        of_source = head.source, head.epoch, page.first, head.position, head.hash, page.earliest_ns, page.latest_ns
        of_log = self.frontier.size, len(page.leaves)
        event: Taken
        if closed.deflated and self.is_deflating:
            event = LeavesDeflated(*of_source, *of_log, closed.deflated, frontier.root())
        else:
            event = LeavesAppended(*of_source, *of_log, closed.bundle, frontier.root())
        self._computed = event, frontier
        return event, tiles

    def append_read(self, leaf: bytes) -> tuple[ReadRecorded, list[Tile]]:
        """Gives the event that appends the leaf of a read, and the tiles that it changes."""
        return self._append_own(ReadRecorded, leaf)

    def append_state(
        self, time_ns: int, policy_sha256: bytes = b"", index: IndexHead = NO_INDEX
    ) -> tuple[StateRecorded, list[Tile]]:
        """Gives the event that appends what the log knows now, and the tiles that it changes.

        An index that is ahead of the log is none of it, nor is one that nobody could compute again.
        """
        size = self.frontier.size
        known = statable(index, size)
        return self._append_own(
            StateRecorded, state_leaf(size, self.heads, time_ns, policy_sha256, known, self.books.head)
        )

    def append_key(self, previous: str, time_ns: int) -> tuple[KeyRecorded, list[Tile]] | None:
        """Gives the event that announces or ends a key, and the tiles that it changes, where one of them is due.

        `previous` is the newest vkey that signs now, empty while what was ordered cannot be announced.
        """
        signed_size = self.signed.size if self.signed else 0
        leaf = due_leaf(self.rotations, self.ordered, previous, self.frontier.size, signed_size, time_ns)
        return None if leaf is None else self._append_own(KeyRecorded, leaf)

    def append_lapse(self, missing: Sequence[str], time_ns: int) -> tuple[LapseRecorded, list[Tile]]:
        """Gives the event that begins a lapse, or ends it where nobody is missing, and the tiles that it changes."""
        size = self.frontier.size
        leaf = lapse_leaf(size, missing, time_ns) if missing else lapse_ended_leaf(size, time_ns)
        return self._append_own(LapseRecorded, leaf)

    def append_books(self, stated: Mapping[str, Value], time_ns: int) -> tuple[BooksRecorded, list[Tile]]:
        """Gives the event that states what books come to where custody has closed them, and the tiles it changes."""
        return self._append_own(BooksRecorded, books_leaf(stated, time_ns))

    def append_succession(
        self, checkpoint: Checkpoint, note: str, time_ns: int
    ) -> tuple[SuccessionRecorded, list[Tile]]:
        """Gives the event that begins the log in another's place, and the tiles that it changes."""
        return self._append_own(SuccessionRecorded, succession_leaf(checkpoint, note, time_ns))

    def append_again(self, leaf: bytes) -> tuple[Growth, list[Tile]]:
        """Gives the event that a leaf of the log's own was appended by, and the tiles that it changes.

        Raises ValueError where it is none.
        """
        kind = decode(leaf)[0]
        if event := OWN_EVENTS.get(kind):
            return self._append_own(event, leaf)
        raise ValueError(f"no event of the log holds a {kind} leaf alone")

    def _append_own(self, kind: Callable[[int, bytes, bytes], OwnT], leaf: bytes) -> tuple[OwnT, list[Tile]]:
        frontier, tiles = self.frontier.extended(leaf_hashes([leaf]))
        event = kind(self.frontier.size, leaf, frontier.root())
        self._computed = event, frontier
        return event, tiles

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in an event; raises LogTampered where its leaves do not lead to its root, or it signs another log."""
        event = recorded.event
        if isinstance(event, Growth):
            self._extend(event, journal)
        if isinstance(event, CheckpointSigned):
            self._sign(event, journal)
        elif isinstance(event, Taken):
            journal.put(self.heads, event.source, SourceHead(event.source, event.epoch, event.last, event.hash))
        elif isinstance(event, StateRecorded):
            _push(self.stated, (self.frontier.size, event.leaf), journal)
        elif isinstance(event, KeyRecorded):
            self._turn(event, journal)
        elif isinstance(event, LapseRecorded):
            journal.call(setattr, self, "lapsed", self.lapsed)
            self.lapsed = event.first_leaf if event.leaf.startswith(prefix(LAPSE_KIND)) else None
        elif isinstance(event, BooksRecorded):
            journal.call(setattr, self, "books", self.books)
            self.books = self.books.after(event.leaf)
        elif isinstance(event, KeyRotationOrdered):
            journal.call(setattr, self, "ordered", self.ordered)
            signs = self.signed is not None and key_id(event.vkey) in self.signing_ids[-1:]
            self.ordered = None if signs else event
        elif isinstance(event, FormatAdopted):
            journal.call(setattr, self, "format", self.format)
            self.format = event.format
        elif not isinstance(event, Growth):
            raise TypeError(f"{type(event).__name__} is no event of the log")

    def digest(self) -> bytes:
        """Gives a hash of the whole state."""
        head = Checkpoint(self.origin, self.frontier.size, self.frontier.root(), tuple(self.heads.values()))
        hashed = sha256(f"{self.format}\n{head.text()}".encode())
        hashed.update(self.signed.note.encode() if self.signed else b"")
        for size, stated in (*self.unsigned, *self.stated):
            hashed.update(size.to_bytes(8, "big") + stated)
        if self.rotations or self.ordered:
            hashed.update(json.dumps(saved_keys(self.rotations, self.ordered)).encode())
        if self.lapsed is not None:
            hashed.update(f"lapsed {self.lapsed}".encode())
        hashed.update(self.books.head.root)
        return hashed.digest()

    def save(self) -> Sequence[tuple[str, bytes]]:
        """Gives the sections of a snapshot: a few kilobytes a level of the tree, and the unsigned heads."""
        rest = {
            "format": SAVED_FORMAT,
            "origin": self.origin,
            "size": self.frontier.size,
            "levels": len(self.frontier.tiles),
            "heads": [(head.source, head.epoch, head.position, head.hash.hex()) for head in self.heads.values()],
            "signed": None,
            "log_format": self.format,
            "news_size": self.news_size,
            "stated": [(size, leaf.hex()) for size, leaf in self.stated],
            "keys": saved_keys(self.rotations, self.ordered),
            "lapsed": self.lapsed,
            "books": self.books.saved(),
        }
        if self.signed:
            rest["signed"] = self.signed.size, self.signed.root.hex(), self.signed.note, self.signed.state_leaf.hex()
        return [
            ("rest", json.dumps(rest).encode()),
            *((f"tile {level}", tile) for level, tile in enumerate(self.frontier.tiles)),
            ("unsigned", b"".join(size.to_bytes(8, "big") + root for size, root in self.unsigned)),
        ]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` gave; raises ValueError or LookupError for another format or another log."""
        rest = json.loads(bytes(sections["rest"]))
        if (rest["format"], rest["origin"]) != (SAVED_FORMAT, self.origin):
            raise ValueError(f"a log of format {rest['format']} and origin {rest['origin']}")
        tiles = tuple(bytes(sections[f"tile {level}"]) for level in range(rest["levels"]))
        packed = bytes(sections["unsigned"])
        records = [packed[at : at + SAVED_HEAD_BYTES] for at in range(0, len(packed), SAVED_HEAD_BYTES)]
        self.unsigned = deque((int.from_bytes(each[:8], "big"), each[8:]) for each in records)
        self.frontier = Frontier(rest["size"], tiles)
        heads = [SourceHead(source, epoch, at, bytes.fromhex(digest)) for source, epoch, at, digest in rest["heads"]]
        self.heads = {head.source: head for head in heads}
        self.format, self.news_size = rest["log_format"], rest["news_size"]
        self.stated = deque((size, bytes.fromhex(leaf)) for size, leaf in rest["stated"])
        self.rotations, self.ordered = restored_keys(rest["keys"])
        self.lapsed, self.books = rest["lapsed"], Books.restored(rest["books"])
        self.signed = None
        if rest["signed"]:
            size, root, note, leaf = rest["signed"]
            self.signed = _signed_head(CheckpointSigned(size, bytes.fromhex(root), note), bytes.fromhex(leaf))

    def _extend(self, event: Growth, journal: Journal) -> None:
        if self._computed is not None and self._computed[0] is event:
            frontier = self._computed[1]
        else:
            try:
                frontier, _ = self.frontier.extended(leaf_hashes(leaves_of(event)))
            except BundleMalformed as error:
                raise LogTampered(f"the leaves from index {event.first_leaf} cannot be read: {error}") from error
            if event.first_leaf != self.frontier.size or event.root != frontier.root():
                raise LogTampered(f"the leaves from index {event.first_leaf} do not lead to the recorded tree head")
        journal.call(setattr, self, "frontier", self.frontier)
        self.frontier = frontier
        if not isinstance(event, StateRecorded) and not (isinstance(event, ReadRecorded) and is_copying(event.leaf)):
            journal.call(setattr, self, "news_size", self.news_size)
            self.news_size = frontier.size
        _push(self.unsigned, (frontier.size, event.root), journal)

    def _turn(self, event: KeyRecorded, journal: Journal) -> None:
        for name in ("rotations", "ordered"):
            journal.call(setattr, self, name, getattr(self, name))
        if event.leaf.startswith(prefix(KEY_KIND)):
            self.rotations, self.ordered = (*self.rotations, Rotation(event.first_leaf, event.leaf)), None
            return
        if not self.rotations:
            raise LogTampered(f"the leaf {event.first_leaf} ends a key that nothing has followed")
        *before, under_way = self.rotations
        # What was put back from a mirror has the leaves of its past alone, and no checkpoint.
        size, note = (self.signed.size, self.signed.note) if self.signed else (0, "")
        ended = replace(under_way, end_index=event.first_leaf, end_leaf=event.leaf, last_size=size, last_note=note)
        self.rotations = (*before, ended)

    def _sign(self, event: CheckpointSigned, journal: Journal) -> None:
        if (event.size, event.root) not in self.unsigned:
            raise LogTampered(f"the checkpoint at size {event.size} is of another log, or was outrun")
        if not is_note_of(event.note, self.origin, event.size, event.root):
            raise LogTampered(f"the checkpoint at size {event.size} has the note of another")
        leaf = next((leaf for size, leaf in self.stated if size == event.size), b"")
        if self.signed is None and self.ordered is not None:
            # The key that a log was put back with signs now, and is in its note.
            journal.call(setattr, self, "ordered", self.ordered)
            self.ordered = None
        journal.call(setattr, self, "signed", self.signed)
        self.signed = _signed_head(event, leaf)
        if not self.format:
            journal.call(setattr, self, "format", self.format)
            self.format = HEADS_IN_LEAVES if leaf else HEADS_IN_LINES
        for kept in (self.unsigned, self.stated):
            while kept and kept[0][0] <= event.size:
                journal.call(kept.appendleft, kept.popleft())


def _push(kept: deque[tuple[int, bytes]], entry: tuple[int, bytes], journal: Journal) -> None:
    kept.append(entry)
    journal.call(kept.pop)
    if len(kept) > UNSIGNED_SIZES:
        journal.call(kept.appendleft, kept.popleft())


def _signed_head(event: CheckpointSigned, leaf: bytes) -> SignedHead:
    heads = stated_heads(leaf) if leaf else note_heads(event.note)
    return SignedHead(event.size, event.root, event.note, heads, leaf)
