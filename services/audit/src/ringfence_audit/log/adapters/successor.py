"""Begins a log that takes the place of another: one event, before anything else is in it."""

from __future__ import annotations

import re
import time
from functools import partial

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from ringfence_kernel.store import EventStore, NewEvent, VersionConflict
from ringfence_kernel.store.codec import EventCodec

from ringfence_audit.log.adapters.tile_model import TileModel
from ringfence_audit.log.application.ports import StoredPage
from ringfence_audit.log.domain.checkpoint import ED25519, Checkpoint, NoteKey, base64_bytes, base64_text, read_vkey
from ringfence_audit.log.domain.events import EVENTS
from ringfence_audit.log.domain.state import State

_HEAD = re.compile(r"([^\n]+)\n(0|[1-9][0-9]{0,18})\n([A-Za-z0-9+/]{43}=)\n(?:[^\n]+\n)*")


class CannotBegin(Exception):
    """What stands in the way of this log taking the other's place."""


def begin_successor(store: EventStore, origin: str, note: str, vkey: str) -> Checkpoint:
    """Records as the log's first leaf that it goes on where another ended, by that one's last checkpoint.

    The checkpoint has to be signed by the key, a vkey of the other log's name. Blocks; raises CannotBegin where it is
    not, where both have one origin, or where the log has begun.
    """
    checkpoint, note = _verified(note, vkey)
    if checkpoint.origin == origin:
        raise CannotBegin("a log does not take its own place: RINGFENCE_LOG_ORIGIN names the new one")
    state = State(origin)
    now_ns = time.time_ns()
    event, tiles = state.append_succession(checkpoint, note, now_ns)
    begun = NewEvent(state.stream, 1, *EventCodec(EVENTS).encode(event, now_ns))
    page = StoredPage(first_leaf=0, count=1, position=1, earliest_ns=now_ns, latest_ns=now_ns)
    try:
        store.append(0, [begun], [partial(TileModel().save, tiles=tiles, page=page)])
    except VersionConflict:
        raise CannotBegin("the log has begun: it takes another's place with its first leaf or not at all") from None
    return checkpoint


def _verified(note: str, vkey: str) -> tuple[Checkpoint, str]:
    """Returns the checkpoint, and its note with the one signature that was verified."""
    text, separator, signatures = note.rpartition("\n\n")
    head = _HEAD.fullmatch(f"{text}\n")
    if not separator or head is None:
        raise CannotBegin("the file is no checkpoint")
    key = _key(vkey)
    for line in signatures.splitlines():
        if line.startswith(f"\u2014 {key.name} "):
            content = base64_bytes(line.rpartition(" ")[2])
            try:
                Ed25519PublicKey.from_public_bytes(key.public_key).verify(content[4:], f"{text}\n".encode())
            except InvalidSignature:
                continue
            root, size = base64_bytes(head[3]), int(head[2])
            if content[:4] == key.key_id and key.name == head[1] and size < 1 << 63 and base64_text(root) == head[3]:
                return Checkpoint(head[1], size, root), key.signed(f"{text}\n", content[4:])
    raise CannotBegin(f"the checkpoint is not signed by {key.name}")


def _key(vkey: str) -> NoteKey:
    try:
        name, algorithm, public_key = read_vkey(vkey.strip())
        if bytes([algorithm]) != ED25519:
            raise ValueError("it is of another kind")
        return NoteKey(name, public_key)
    except ValueError as error:
        raise CannotBegin(f"the key is not an Ed25519 note key: {error}") from None
