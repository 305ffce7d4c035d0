"""A log as a mirror of it serves it (C2SP tlog-tiles, tlog-mirror): nothing of it is asked of the platform."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from ringfence_verifier import Checkpoint, KeySuccession, VerificationError, verify_checkpoint
from ringfence_verifier.mirror.pulling import Source, SourceAway
from ringfence_verifier.tiles import TILE_WIDTH, ProvenTiles

from ringfence.audit import Leaf


class MirroredLog:
    """Reads a log from whoever holds a copy; what is read is believed as far as the checkpoint bears it out."""

    def __init__(self, source: Source, origin: str, keys: KeySuccession) -> None:
        """Takes the mirror's address, below which each log has its own by its origin."""
        self._source = source
        self._source.url = f"{source.url.rstrip('/')}/{sha256(origin.encode()).hexdigest()}"
        self._keys = keys
        self._tiles: ProvenTiles | None = None

    def keyed_checkpoint(self) -> tuple[str, list[str]]:
        """The mirror's checkpoint with its cosignatures, not verified; how keys follow one another its entries say."""
        try:
            note = self._source.checkpoint()
            head = shown_head(note, self._keys)
            self._tiles = ProvenTiles(head.size, head.root, self._source.tile)
        except SourceAway as away:
            raise _unread(away) from None
        return note, []

    def consistency_proof(self, from_size: int, to_size: int) -> list[bytes]:
        """The proof that the checkpoint's log extends an older one, from hash tiles; raises VerificationError."""
        if self._tiles is None or self._tiles.size != to_size:
            raise VerificationError("the mirror was not asked for a checkpoint of this size")
        try:
            return self._tiles.consistency(from_size)
        except SourceAway as away:
            raise _unread(away) from None

    def leaves(self, from_index: int, until_index: int) -> Iterator[Leaf]:
        """Entries in order of the log; raises VerificationError where the mirror does not give them."""
        for bundle in range(from_index // TILE_WIDTH, -(-until_index // TILE_WIDTH)):
            start = bundle * TILE_WIDTH
            width = min(TILE_WIDTH, until_index - start)
            try:
                entries = self._source.entries(bundle, width)
            except SourceAway as away:
                raise _unread(away) from None
            if len(entries) < width:
                raise VerificationError(f"the mirror's entries end at {start + len(entries)}")
            for at in range(max(from_index - start, 0), width):
                yield Leaf(start + at, entries[at])


def shown_head(note: str, keys: KeySuccession) -> Checkpoint:
    """Verifies a mirror's checkpoint as far as the keys that are known can tell; raises VerificationError.

    Where two were seen to sign, the older may have ended since: the entries below say whether.
    """
    try:
        return keys.verify_checkpoint(note)
    except VerificationError:
        if len(keys.keys) < 2 or keys.keys[-2].last is not None:
            raise
        return verify_checkpoint(note, keys.newest)


def _unread(away: SourceAway) -> VerificationError:
    return VerificationError(f"the mirror was not read: {away}")
