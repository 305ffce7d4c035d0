"""Verifies a whole log: its root, and that it took over every event of every source, each exactly once and in order.

After the leaves of some events of a source stands a page leaf (`audit.page.v1`). It lists those events with the digest
of each and the number of leaves each was given. From it the source's own hash chain is computed again, so that an event
left out, added, reordered, or given no leaf or other than the stated number shows without asking the source. What the
leaves say of an event, and that they say all of it, is the log's word: only the event itself, whose digest the page
has, can show otherwise. Now and then the log states what it knows (`audit.state.v1`), under every checkpoint at least:
that has to be what its leaves have shown up to there, and its index what they lead to: a posting that is hidden, added
or elsewhere than its leaf shows there (docs/formats.md, index). So are the books that it states of custody's closings.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256

from ringfence_verifier.books import BooksAudit, ClosedBooks
from ringfence_verifier.errors import VerificationError
from ringfence_verifier.index import IndexHash
from ringfence_verifier.key_succession import KEY_ENDED_KIND, KEY_KIND, KeySuccession, LogKey
from ringfence_verifier.leaf import Fact, read_leaf
from ringfence_verifier.note import Checkpoint, SourceHead
from ringfence_verifier.proofs import TreeHash
from ringfence_verifier.state import STATE_KIND, StatedPolicy, read_state

PAGE_KIND = "audit.page.v1"
SUCCESSION_KIND = "audit.succession.v1"
OWN_KINDS = "audit."
SAVED_FORMAT = 4
"""3 had no policies, 2 no books, 1 no index."""
_RECORD_BYTES = 16 + 8 + 32 + 4


@dataclass(frozen=True)
class Predecessor:
    """What a log commits to as the end of another: origin, size, root, and the signed note, which is not verified."""

    origin: str
    size: int
    root: bytes
    note: str


@dataclass(frozen=True)
class LogSummary:
    """What a verified log holds: leaves by kind, and the head of each source as its own leaves prove it."""

    size: int
    root: bytes
    leaves_by_kind: dict[str, int]
    source_heads: tuple[SourceHead, ...]
    predecessor: Predecessor | None = None
    """The log in whose place this one stands, if there is one."""
    keys: tuple[LogKey, ...] = ()
    """The keys that its leaves name, the oldest first; none while it has the one that it began with."""
    books: tuple[ClosedBooks, ...] = ()
    """The newest books that custody has closed of each platform and currency, as far as the log states them."""
    unstated_books: int = 0
    """Closings of custody that the log has not stated: it does within seconds."""
    policies: tuple[StatedPolicy, ...] = ()
    """The witness policies that its states name, the oldest first: one where it has never changed."""

    def require_policy_kept(self, policy_sha256: bytes) -> None:
        """Demands that a policy by which the log has published is still the one; raises VerificationError.

        It names the leaf from which on it is another. A reader's own policy, which the log never stated, is not asked.
        """
        newest = self.policies[-1] if self.policies else StatedPolicy(0, b"")
        if newest.sha256 != policy_sha256 and any(each.sha256 == policy_sha256 for each in self.policies):
            raise VerificationError(
                f"leaf {newest.first}: from here on the log publishes by {newest}, no more by {policy_sha256.hex()}"
            )

    def keys_from(self, vkey: str) -> KeySuccession:
        """Gives how the log's leaves say that its keys followed one another, from one of them on.

        Raises VerificationError where they name others only.
        """
        known = KeySuccession.of(vkey)
        if not self.keys:
            return known
        at = next((at for at, each in enumerate(self.keys) if each.vkey == known.newest), None)
        if at is None:
            raise VerificationError("the log's leaves name other keys than the one that is given")
        return KeySuccession((replace(self.keys[at], first=0), *self.keys[at + 1 :]))


def verify_log(leaves: Iterable[bytes], checkpoint: Checkpoint) -> LogSummary:
    """Checks every leaf below the checkpoint's size against its root, and each source's chain against its head.

    Takes the leaves in order of the log and reads no further than the checkpoint. Raises VerificationError at the first
    leaf that contradicts what stands before it, or at the end where root or heads differ.
    """
    audit = LogAudit()
    remaining = checkpoint.size
    for leaf in leaves:
        if not remaining:
            break
        audit.add(leaf)
        remaining -= 1
    return audit.finish(checkpoint)


@dataclass(frozen=True)
class _Event:
    position: int
    leaves: int
    hash: bytes


@dataclass
class _Source:
    """What was read of one source: its chain hashes from position `before` on, and leaves waiting for their page."""

    epoch: int = 0
    before: int = 0
    hashes: list[bytes] = field(default_factory=lambda: [bytes(32)])
    waiting: Counter[int] = field(default_factory=Counter)
    last_waiting: int = 0

    @property
    def position(self) -> int:
        """The last position that a page has listed."""
        return self.before + len(self.hashes) - 1


class LogAudit:
    """Reads a log leaf by leaf in constant memory, apart from a chain hash per source event, `IndexHash` and accounts.

    What was read can be saved and gone on from, by whoever saved it: it is believed as far as the next checkpoint bears
    it out, whose root and source heads it has to lead to.
    """

    def __init__(self) -> None:
        self._tree = TreeHash()
        self._index = IndexHash()
        self._books = BooksAudit()
        self._sources: defaultdict[str, _Source] = defaultdict(_Source)
        self._kinds: Counter[str] = Counter()
        self._stated_size = 0
        self._predecessor: Predecessor | None = None
        self._keys: tuple[LogKey, ...] = ()
        self._policies: tuple[StatedPolicy, ...] = ()

    @classmethod
    def restored(cls, saved: str) -> LogAudit:
        """Goes on from what `saved` gave; raises VerificationError where it is something else."""
        audit = cls()
        try:
            said = json.loads(saved)
            if said["format"] != SAVED_FORMAT:
                raise VerificationError("what was read before is saved in another format")
            audit._tree = TreeHash.restored(int(said["size"]), [bytes.fromhex(each) for each in said["tree"]])
            audit._index = IndexHash.restored(audit._tree.size, said["index"])
            audit._books = BooksAudit.restored(said["books"])
            audit._stated_size = int(said["stated_size"])
            audit._kinds.update({str(kind): int(count) for kind, count in said["kinds"].items()})
            if said["predecessor"]:
                origin, size, root, note = map(str, said["predecessor"])
                audit._predecessor = Predecessor(origin, int(size), bytes.fromhex(root), note)
            audit._keys = tuple(LogKey(str(vkey), int(first), last) for vkey, first, last in said.get("keys", ()))
            audit._policies = tuple(StatedPolicy(int(first), bytes.fromhex(each)) for first, each in said["policies"])
            for name, (epoch, position, digest) in said["sources"].items():
                audit._sources[name] = _Source(int(epoch), int(position), [bytes.fromhex(digest)])
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError, zlib.error) as error:
            raise VerificationError("what was read before is saved in no form that is known") from error
        return audit

    @property
    def size(self) -> int:
        """How many leaves were read."""
        return self._tree.size

    @property
    def keys(self) -> KeySuccession | None:
        """The log's keys as its leaves name them, the oldest first; None while it has the one that it began with."""
        return KeySuccession(self._keys) if self._keys else None

    def saved(self) -> str:
        """Gives what was read, after `finish`, as JSON.

        Most of it is what the index goes on from, about 90 bytes for each leaf of an unfinished range of 2^20 leaves.
        """
        sources = {head.source: (head.epoch, head.position, head.hash.hex()) for head in self._heads()}
        ended = self._predecessor
        said = {
            "format": SAVED_FORMAT,
            "size": self.size,
            "tree": [each.hex() for each in self._tree.stack],
            "index": self._index.saved(),
            "books": self._books.saved(),
            "stated_size": self._stated_size,
            "kinds": dict(self._kinds),
            "sources": sources,
            "predecessor": ended and (ended.origin, ended.size, ended.root.hex(), ended.note),
            "keys": [(key.vkey, key.first, key.last) for key in self._keys],
            "policies": [(each.first, each.sha256.hex()) for each in self._policies],
        }
        return f"{json.dumps(said)}\n"

    def add(self, leaf: bytes) -> None:
        """Takes the next leaf; raises VerificationError where it contradicts an earlier one."""
        fact = read_leaf(leaf)
        try:
            if fact.kind == PAGE_KIND:
                self._page(fact)
            elif fact.kind == STATE_KIND:
                self._state(fact)
            elif fact.kind == SUCCESSION_KIND:
                self._takes_place(fact)
            elif fact.kind in (KEY_KIND, KEY_ENDED_KIND):
                self._turn_key(fact)
            elif not fact.kind.startswith(OWN_KINDS):
                self._wait(fact)
            self._books.add(self._tree.size, fact)
        except VerificationError as error:
            raise VerificationError(f"leaf {self._tree.size}: {error}") from error
        self._kinds[fact.kind] += 1
        self._tree.extend([leaf])
        self._index.add(fact)

    def finish(self, checkpoint: Checkpoint) -> LogSummary:
        """Compares all that was read with a checkpoint; raises VerificationError where they differ."""
        if self._tree.size != checkpoint.size:
            raise VerificationError(f"the log ends at {self._tree.size} of {checkpoint.size} leaves")
        if self._tree.root() != checkpoint.root:
            raise VerificationError("the leaves do not lead to the checkpoint's root")
        if any(source.waiting for source in self._sources.values()):
            raise VerificationError("the log ends with leaves that belong to no page")
        heads = self._heads()
        if checkpoint.source_heads or not heads:
            if heads != checkpoint.source_heads:
                raise VerificationError("the log's source heads differ from the checkpoint's")
        elif self._stated_size != self._tree.size:
            raise VerificationError("the checkpoint is not over a leaf that states what the log knows")
        return LogSummary(
            self._tree.size,
            self._tree.root(),
            dict(self._kinds),
            heads,
            self._predecessor,
            self._keys,
            self._books.newest(),
            self._books.unstated,
            self._policies,
        )

    def _heads(self) -> tuple[SourceHead, ...]:
        return tuple(
            SourceHead(name, source.epoch, source.position, source.hashes[-1])
            for name, source in sorted(self._sources.items())
        )

    def _takes_place(self, fact: Fact) -> None:
        if self._tree.size:
            raise VerificationError("it takes another log's place, and is not the first")
        root, size = fact.content("root"), fact.integer("size")
        if size < 0 or len(root) != 32:
            raise VerificationError("it takes the place of no log that there can be")
        self._predecessor = Predecessor(fact.text("origin"), size, root, fact.text("checkpoint"))

    def _turn_key(self, fact: Fact) -> None:
        if fact.kind == KEY_KIND:
            before = KeySuccession(self._keys) if self._keys else KeySuccession.of(fact.text("previous"))
            self._keys = before.announced(fact, self._tree.size).keys
        else:
            self._keys = KeySuccession(self._keys).ended(fact, self._tree.size).keys

    def _state(self, fact: Fact) -> None:
        state = read_state(fact)
        if state.size != self._tree.size:
            raise VerificationError(f"it states what the log knew at {state.size} leaves")
        if any(source.waiting for source in self._sources.values()):
            raise VerificationError("it stands among leaves that belong to no page yet")
        if state.source_heads != self._heads():
            raise VerificationError("the source heads that it states are not those of the leaves before it")
        if state.index_root != self._index.root(state.index_size):
            raise VerificationError(
                f"the index over {state.index_size} leaves is not what it states: a posting is hidden, added or moved"
            )
        if state.books_root != self._books.root(state.books_size):
            raise VerificationError(f"the books over {state.books_size} leaves are not what it states")
        if not self._policies or self._policies[-1].sha256 != state.policy_sha256:
            self._policies = (*self._policies, StatedPolicy(self._tree.size, state.policy_sha256))
        self._stated_size = self._tree.size + 1

    def _wait(self, fact: Fact) -> None:
        source = self._sources[fact.text("source")]
        position = fact.integer("position")
        if position < source.last_waiting:
            raise VerificationError("its event's position goes backwards")
        if fact.integer("ordinal") != source.waiting[position]:
            raise VerificationError("a leaf of its event is missing before it")
        source.waiting[position] += 1
        source.last_waiting = position

    def _page(self, fact: Fact) -> None:
        source = self._sources[fact.text("source")]
        first, epoch = fact.integer("first"), fact.integer("epoch")
        if epoch != source.epoch:
            _fork(source, epoch, first)
        if first != source.position + 1 or fact.content("previous_hash") != source.hashes[-1]:
            raise VerificationError("its page does not follow the source's last one")
        for event in _events(first, source.hashes[-1], fact.content("events")):
            if not event.leaves:
                raise VerificationError(f"event {event.position} of {fact.text('source')} has no leaf at all")
            if source.waiting.pop(event.position, 0) != event.leaves:
                raise VerificationError(f"event {event.position} of {fact.text('source')} lacks leaves or has too many")
            source.hashes.append(event.hash)
        if source.waiting or source.position != fact.integer("last") or source.hashes[-1] != fact.content("hash"):
            raise VerificationError("its page's events do not lead to the page's head")
        source.last_waiting = 0


def _fork(source: _Source, epoch: int, first: int) -> None:
    """Takes a source back to the position that a new epoch goes on from."""
    if source.before and epoch > source.epoch and 1 <= first <= source.before:
        raise VerificationError("its epoch goes on from before what is saved: read the log from its beginning")
    if epoch < source.epoch or not source.before + 1 <= first <= source.position + 1:
        raise VerificationError("its epoch does not go on from a known position")
    source.epoch = epoch
    del source.hashes[first - source.before :]


def _events(position: int, previous: bytes, records: bytes) -> Iterator[_Event]:
    """Reads a page's event records and computes the source's chain over them (docs/formats.md, feed chain)."""
    at = 0
    while at < len(records):
        topic_end = at + _RECORD_BYTES + 1 + records[min(at + _RECORD_BYTES, len(records) - 1)]
        if topic_end > len(records):
            raise VerificationError("its page is cut short")
        stream, version, state_digest = records[at : at + 16], records[at + 16 : at + 24], records[at + 24 : at + 56]
        leaves = int.from_bytes(records[at + 56 : at + _RECORD_BYTES], "big")
        topic = records[at + _RECORD_BYTES + 1 : topic_end]
        chained = previous + position.to_bytes(8, "big") + stream + version
        previous = sha256(chained + len(topic).to_bytes(8, "big") + topic + state_digest).digest()
        yield _Event(position, leaves, previous)
        position, at = position + 1, topic_end
