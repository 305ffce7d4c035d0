"""What has happened to the log, stored as msgpack maps by field name. All events stand in the log's one stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, TypeAlias

from ringfence_audit.log.domain.bundles import inflate, split
from ringfence_audit.log.domain.leaf import unpack


@dataclass(frozen=True, slots=True)
class LeavesAppended:
    """Consecutive events of one source were taken over: their leaves and, last, their page leaf.

    The event is also the cursor: `hash` is the source's chain hash at `last`, from where following goes on. `leaves` is
    a C2SP entry bundle whose first leaf has the index `first_leaf`; `root` is the tree head after the last.
    `earliest_ns` and `latest_ns` span the times that the leaves state.
    """

    TOPIC: ClassVar[str] = "LeavesAppended.v1"
    source: str
    epoch: int
    first: int
    last: int
    hash: bytes
    earliest_ns: int
    latest_ns: int
    first_leaf: int
    count: int
    leaves: bytes
    root: bytes


@dataclass(frozen=True, slots=True)
class LeavesDeflated:
    """The same as LeavesAppended, its leaves as a deflated entry bundle (RFC 1950): what logs of today's format write.

    A log that has not been carried over to it goes on with LeavesAppended, which the release before can read.
    """

    TOPIC: ClassVar[str] = "LeavesDeflated.v1"
    source: str
    epoch: int
    first: int
    last: int
    hash: bytes
    earliest_ns: int
    latest_ns: int
    first_leaf: int
    count: int
    deflated: bytes
    root: bytes


@dataclass(frozen=True, slots=True)
class ReadRecorded:
    """Somebody was about to be answered from the log, or texts beside it were pruned; that is a leaf itself."""

    TOPIC: ClassVar[str] = "ReadRecorded.v1"
    first_leaf: int
    leaf: bytes
    root: bytes


@dataclass(frozen=True, slots=True)
class StateRecorded:
    """The log has stated what it knows, as the leaf that its next checkpoint ends with."""

    TOPIC: ClassVar[str] = "StateRecorded.v1"
    first_leaf: int
    leaf: bytes
    root: bytes


@dataclass(frozen=True, slots=True)
class SuccessionRecorded:
    """The log takes the place of another, to whose last checkpoint its first leaf commits."""

    TOPIC: ClassVar[str] = "SuccessionRecorded.v1"
    first_leaf: int
    leaf: bytes
    root: bytes


@dataclass(frozen=True, slots=True)
class KeyRotationOrdered:
    """Somebody who keeps the log wants another key to take the place of the one that signs.

    The log announces it once Vault has it; the key before signs beside it for `overlap_seconds`. It replaces an order
    that was not carried out yet; one for the newest key that signs already takes it back. In a log that was put back
    from a mirror, and has signed nothing since, it names the key that goes on signing.
    """

    TOPIC: ClassVar[str] = "KeyRotationOrdered.v1"
    vkey: str
    overlap_seconds: int


@dataclass(frozen=True, slots=True)
class KeyRecorded:
    """The log has announced a key, or ended one, as a leaf."""

    TOPIC: ClassVar[str] = "KeyRecorded.v1"
    first_leaf: int
    leaf: bytes
    root: bytes


@dataclass(frozen=True, slots=True)
class LapseRecorded:
    """The log is about to publish without a quorum of witnesses, or has one again, as a leaf."""

    TOPIC: ClassVar[str] = "LapseRecorded.v1"
    first_leaf: int
    leaf: bytes
    root: bytes


@dataclass(frozen=True, slots=True)
class BooksRecorded:
    """Custody has closed books, and the log states what its own leaves come to, as a leaf."""

    TOPIC: ClassVar[str] = "BooksRecorded.v1"
    first_leaf: int
    leaf: bytes
    root: bytes


@dataclass(frozen=True, slots=True)
class FormatAdopted:
    """From now on the log writes the format of this number; what it has written stays as it is."""

    TOPIC: ClassVar[str] = "FormatAdopted.v1"
    format: int


@dataclass(frozen=True, slots=True)
class CheckpointSigned:
    """The head of the log at `size` was signed; `note` is the C2SP checkpoint."""

    TOPIC: ClassVar[str] = "CheckpointSigned.v1"
    size: int
    root: bytes
    note: str


@dataclass(frozen=True, slots=True)
class SourcesPassed:
    """All that custody and payment-instruction had committed when the log had `size` leaves is in the log.

    Their feeds were asked for their heads after that, and the log has come there since: `custody` and
    `payment_instruction` are those positions. No clock is in it.
    """

    TOPIC: ClassVar[str] = "SourcesPassed.v1"
    size: int
    custody: int
    payment_instruction: int


Taken: TypeAlias = LeavesAppended | LeavesDeflated
"""By these events of a source come into the log."""
Own: TypeAlias = ReadRecorded | StateRecorded | SuccessionRecorded | KeyRecorded | LapseRecorded | BooksRecorded
"""By these the log says something of itself, a leaf each."""
Growth: TypeAlias = Taken | Own
"""By these the log grows."""


def bundle_of(event: Taken) -> bytes:
    """Gives the leaves of an event as an entry bundle; raises BundleMalformed where they cannot be inflated."""
    return event.leaves if isinstance(event, LeavesAppended) else _inflated(event.deflated, event.count)


@lru_cache(4)
def _inflated(deflated: bytes, count: int) -> bytes:
    """Inflates once what several modules read, one after the other."""
    return inflate(deflated, count)


def leaves_of(event: Growth) -> list[bytes]:
    """Gives the leaves that an event of the log holds; raises BundleMalformed where deflated ones are not its count."""
    if isinstance(event, LeavesAppended):
        return list(unpack(event.leaves))
    return split(bundle_of(event), event.count) if isinstance(event, LeavesDeflated) else [event.leaf]


def leaves_beginning(event: Taken, source: str, starts: tuple[bytes, ...]) -> Iterator[bytes]:
    """Yields the leaves of a source's events that begin with one of these; most events have none, and are not split.

    Raises BundleMalformed likewise.
    """
    if event.source == source and any(start in bundle_of(event) for start in starts):
        yield from (leaf for leaf in leaves_of(event) if leaf.startswith(starts))


OF_SOURCES: tuple[type, ...] = (LeavesAppended, LeavesDeflated)
"""What a source's events come in."""
OF_TREE: tuple[type, ...] = (
    *OF_SOURCES,
    ReadRecorded,
    StateRecorded,
    SuccessionRecorded,
    KeyRecorded,
    KeyRotationOrdered,
    LapseRecorded,
    BooksRecorded,
    CheckpointSigned,
    FormatAdopted,
)
"""What the tree is made of."""
EVENTS: tuple[type, ...] = (*OF_TREE, SourcesPassed)
