"""The log's keys as facts of the log: the leaf that announces one (`audit.key.v1`), the one that ends another.

Every checkpoint over a leaf that announces a key is signed by that key, and by the one before as long as it is not over
the leaf that ends that one (`audit.key_ended.v1`). Before a key ends, a checkpoint over its successor's announcement
was published that it has signed: whoever knows the old key alone learns the new one from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ringfence_audit.log.domain.checkpoint import base64_bytes, read_vkey
from ringfence_audit.log.domain.events import KeyRotationOrdered
from ringfence_audit.log.domain.leaf import Value, decode, encode

KEY_KIND, KEY_ENDED_KIND = "audit.key.v1", "audit.key_ended.v1"


@dataclass(frozen=True, slots=True)
class Rotation:
    """A key has taken another's place, or takes it while both sign.

    `index` is that of the leaf that announces it. What follows is empty while both sign: the leaf that ends the key
    before, its index, and the newest checkpoint that this key has signed, with its size.
    """

    index: int
    leaf: bytes
    end_index: int = 0
    end_leaf: bytes = b""
    last_size: int = 0
    last_note: str = ""

    @property
    def vkey(self) -> str:
        """The key that it is about."""
        return str(decode(self.leaf)[1]["vkey"])

    @property
    def previous(self) -> str:
        """The key whose place it takes."""
        return str(decode(self.leaf)[1]["previous"])

    @property
    def until_ns(self) -> int:
        """When the key before is to end, UTC."""
        until = decode(self.leaf)[1]["until_ns"]
        assert isinstance(until, int)
        return until


def key_leaf(size: int, vkey: str, previous: str, until_ns: int, time_ns: int) -> bytes:
    """Encodes that a key signs from here on, and until when the one before is to sign beside; `size` is the index."""
    return _leaf(KEY_KIND, size, vkey, time_ns, {"previous": previous, "until_ns": until_ns})


def key_ended_leaf(size: int, vkey: str, time_ns: int) -> bytes:
    """Encodes that a key signs no checkpoint over this leaf, whose index is `size`."""
    return _leaf(KEY_ENDED_KIND, size, vkey, time_ns, {})


def signing_ids(rotations: Sequence[Rotation], note: str, ordered: KeyRotationOrdered | None) -> tuple[bytes, ...]:
    """Gives the ids of the keys that sign the next checkpoint, the oldest first.

    While no key was announced it is that of the last one, whose note this is; of a log that was put back, and has
    signed nothing since, the one that was ordered with it; none for a log's first.
    """
    if rotations:
        newest = rotations[-1]
        return tuple(map(key_id, (newest.vkey,) if newest.end_leaf else (newest.previous, newest.vkey)))
    line = note.partition("\n\n")[2].partition("\n")[0]
    if line:
        return (base64_bytes(line.rpartition(" ")[2])[:4],)
    return (key_id(ordered.vkey),) if ordered else ()


def due_leaf(
    rotations: Sequence[Rotation],
    ordered: KeyRotationOrdered | None,
    previous: str,
    size: int,
    signed_size: int,
    time_ns: int,
) -> bytes | None:
    """Gives the leaf that the log's keys make due, if any: one ends, or what was ordered is announced.

    `previous` is the newest key that signs now, empty while what is ordered cannot be announced. A key ends when its
    time is over, or another rotation that can be carried out waits; never before it has signed over its successor's
    announcement.
    """
    if rotations and not rotations[-1].end_leaf:
        under_way = rotations[-1]
        is_over = bool(ordered and previous) or under_way.until_ns <= time_ns
        return key_ended_leaf(size, under_way.previous, time_ns) if is_over and signed_size > under_way.index else None
    if ordered is None or not previous:
        return None
    return key_leaf(size, ordered.vkey, previous, time_ns + ordered.overlap_seconds * 10**9, time_ns)


def key_id(vkey: str) -> bytes:
    """Gives the id that a vkey of this log has."""
    return bytes.fromhex(vkey.split("+")[1])


def saved_keys(rotations: Sequence[Rotation], ordered: KeyRotationOrdered | None) -> list[Any]:
    """Gives what a snapshot keeps of them, as JSON has it."""
    kept = [
        [each.index, each.leaf.hex(), each.end_index, each.end_leaf.hex(), each.last_size, each.last_note]
        for each in rotations
    ]
    return [kept, ordered and [ordered.vkey, ordered.overlap_seconds]]


def restored_keys(kept: Sequence[Any]) -> tuple[tuple[Rotation, ...], KeyRotationOrdered | None]:
    """Takes up what `saved_keys` gave; raises ValueError or TypeError where it is something else."""
    rotations, ordered = kept
    return (
        tuple(
            Rotation(index, bytes.fromhex(leaf), end_index, bytes.fromhex(end_leaf), last_size, last_note)
            for index, leaf, end_index, end_leaf, last_size, last_note in rotations
        ),
        KeyRotationOrdered(*ordered) if ordered else None,
    )


def has_signed(rotations: Sequence[Rotation], vkey: str) -> bool:
    """Tells whether a key is one of those that the log has had, or has."""
    public_key = read_vkey(vkey)[2]
    return any(public_key in (read_vkey(each.vkey)[2], read_vkey(each.previous)[2]) for each in rotations)


def _leaf(kind: str, size: int, vkey: str, time_ns: int, more: dict[str, Value]) -> bytes:
    return encode(kind, {"size": size, "vkey": vkey, "time_ns": time_ns, **more})
