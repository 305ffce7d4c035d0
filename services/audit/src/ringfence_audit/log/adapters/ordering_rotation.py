"""Orders a rotation of the log's key: one event, while the service runs or not; the log announces the key itself."""

from __future__ import annotations

import time

from ringfence_kernel.store import EventStore, NewEvent, VersionConflict
from ringfence_kernel.store.codec import EventCodec, open_envelope

from ringfence_audit.log.adapters.carrying_over import format_of
from ringfence_audit.log.domain.checkpoint import NoteKey, base64_bytes
from ringfence_audit.log.domain.events import EVENTS, KeyRotationOrdered
from ringfence_audit.log.domain.state import HEADS_IN_LEAVES, HEADS_IN_LINES

MAX_OVERLAP_SECONDS = 366 * 86_400


class CannotRotate(Exception):
    """What stands in the way of another key for this log."""


def order_rotation(store: EventStore, origin: str, public_key: str, overlap_seconds: int) -> str:
    """Records that a key is to take the place of the one that signs; returns its vkey.

    `public_key` is 32 bytes of Ed25519 in base64, as Vault shows it. Blocks; raises CannotRotate where it is none,
    where the overlap is longer than a year, and where the log is of a format without leaves of its own, which no event
    of this kind may stand in: the release before could not read it.
    """
    try:
        vkey = NoteKey(origin, base64_bytes(public_key.strip())).text()
    except ValueError:
        raise CannotRotate("the public key is not an Ed25519 key of 32 bytes in base64") from None
    if not 0 <= overlap_seconds <= MAX_OVERLAP_SECONDS:
        raise CannotRotate("the overlap is from nothing to a year")
    codec = EventCodec(EVENTS)
    while True:
        found = format_of(store, codec)
        if found == HEADS_IN_LINES:
            raise CannotRotate("the log is of the first format: carry it over first (carry-over)")
        if found != HEADS_IN_LEAVES:
            raise CannotRotate("the log has signed nothing: it begins with the newest key that Vault has")
        (last,) = store.read(store.head().position - 1, 1)
        recorded_ns = max(time.time_ns(), open_envelope(last.state).recorded_at_ns + 1)
        ordered = KeyRotationOrdered(vkey, overlap_seconds)
        try:
            store.append(last.position, [NewEvent(last.stream, last.version + 1, *codec.encode(ordered, recorded_ns))])
        except VersionConflict:
            continue  # a process that leads has written meanwhile
        return vkey
