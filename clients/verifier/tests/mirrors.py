"""A log that grows, whoever serves it as tiles and lies about it, and a mirror of it: for tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from ringfence_verifier import VerifierKey
from ringfence_verifier.mirror.copy import Copy
from ringfence_verifier.mirror.pulling import Following, Source, SourceAway, _NotThere
from ringfence_verifier.mirror.store import Store
from ringfence_verifier.tiles import read_tile_path
from ringfence_verifier.witness.keys import make_keys, read_keys
from ringfence_verifier.witness.seen import Seen

from .answers import _postings, cover, record
from .notes import ORIGIN, Signer, base64, leaf, tree_hash

NAME = "mirror.example/m1"
NOW = 1_800_000_000


@dataclass
class Log:
    """A log of one source, written by docs/formats.md; every checkpoint is over a state."""

    leaves: list[bytes] = field(default_factory=list)
    signer: Signer = field(default_factory=Signer)
    position: int = 0
    hash: bytes = bytes(32)
    policy: bytes = b""
    """SHA-256 of the policy that its states name from now on."""

    def page(self, *leaves_per_event: int, omitted: int = 0) -> None:
        """Appends events with so many leaves each, and their page leaf, which may say that there are more."""
        first, previous, records = self.position + 1, self.hash, b""
        for count in leaves_per_event:
            self.position += 1
            number = self.position.to_bytes(8, "big")
            for ordinal in range(count):
                key = sha256(b"%d %d" % (self.position % 50, ordinal)).digest()[:16]
                fields = {"source": "custody", "position": self.position, "ordinal": ordinal, "transfer_id": key}
                self.leaves.append(leaf("custody.transfer.v1", **fields))
            chained = self.hash + number + bytes(16) + number + (8).to_bytes(8, "big") + b"Topic.v1"
            self.hash = sha256(chained + sha256(b"state").digest()).digest()
            records += bytes(16) + number + sha256(b"state").digest()
            records += (count + omitted).to_bytes(4, "big") + b"\x08Topic.v1"
        self.leaves.append(
            leaf(
                "audit.page.v1", source="custody", epoch=1, first=first, last=self.position,
                previous_hash=previous, hash=self.hash, events=records,
            )
        )  # fmt: skip

    def state(self, index_size: int = 0, index_root: bytes = b"") -> None:
        """Appends what the log knows."""
        head = b"\x07custody" + (1).to_bytes(8, "big") + self.position.to_bytes(8, "big") + self.hash
        true = b"".join(
            record(first, count, _postings(tuple(self.leaves[first : first + count])))
            for first, count in cover(index_size)
        )
        named = {"policy_sha256": self.policy} if self.policy else {}
        self.leaves.append(
            leaf(
                "audit.state.v1", **named, size=len(self.leaves), sources=head if self.position else b"", time_ns=1,
                index_size=index_size, index_root=index_root or sha256(true).digest(),
                books_size=0, books_root=bytes(32),
            )
        )  # fmt: skip

    def grow(self, events: int, index_size: int = 0) -> int:
        """Appends a page of events with two leaves each, and a state; gives the size."""
        self.page(*[2] * events)
        self.state(index_size)
        return len(self.leaves)

    def note(self, size: int | None = None, leaves: list[bytes] | None = None) -> str:
        """Signs the head over the first leaves, or over others."""
        shown = (self.leaves if leaves is None else leaves)[:size]
        return self.signer.note(ORIGIN, str(len(shown)), base64(tree_hash(shown)))

    def get(self, path: str, size: int | None = None) -> bytes | None:
        """Answers as C2SP tlog-tiles has it, at a size."""
        shown = self.leaves[:size]
        if path == "checkpoint":
            return self.note(size).encode()
        tile = read_tile_path(path)
        if tile is None:
            return None
        level, index, width, of_entries = tile
        first, span = index * 256 ** (level + 1), 256**level
        end = first + width * span
        if end > len(shown):
            return None
        if of_entries:
            return b"".join(len(each).to_bytes(2, "big") + each for each in shown[first:end])
        return b"".join(tree_hash(shown[at : at + span]) for at in range(first, end, span))


Lie = Callable[[str, bytes], bytes]


@dataclass
class Shown(Source):
    """A log that is served in this process, as of a size, and as it is lied about."""

    url: str = "https://log.example"
    log: Log = field(default_factory=Log)
    size: int | None = None
    lie: Lie = lambda path, content: content
    asked: list[str] = field(default_factory=list)
    away: str = ""

    def _get(self, path: str, most: int) -> bytes:
        self.asked.append(path)
        if self.away and path.startswith(self.away):
            raise SourceAway(f"{path}: away")
        found = self.log.get(path, self.size)
        if found is None:
            raise _NotThere(f"{path}: 404")
        assert len(found) <= most
        return self.lie(path, found)


def made(folder: Path) -> Path:
    """Makes a mirror's folder."""
    folder.mkdir()
    make_keys(folder, NAME)
    Store.make(folder)
    Seen.make(folder, NAME)
    return folder


def opened(folder: Path, log: Log) -> Copy:
    """Opens the copy of a log, as a process does that starts."""
    seen = Seen(folder)
    return Copy(Store(folder), seen, read_keys(folder, seen.name), [VerifierKey.parse(log.signer.vkey)], lambda: NOW)


def following(folder: Path, log: Log, lie: Lie | None = None) -> Following:
    """A mirror that pulls."""
    source = Shown(log=log)
    if lie is not None:
        source.lie = lie
    return Following(opened(folder, log), source, folder)
