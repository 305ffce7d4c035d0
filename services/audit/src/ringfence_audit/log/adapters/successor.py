"""Begins a log that takes the place of another: one event, before anything else is in it."""

from __future__ import annotations

import time
from functools import partial

from ringfence_kernel.store import EventStore, NewEvent, VersionConflict
from ringfence_kernel.store.codec import EventCodec

from ringfence_audit.log.adapters.signed_checkpoints import NoteRefused, verified
from ringfence_audit.log.adapters.tile_model import TileModel
from ringfence_audit.log.application.ports import StoredPage
from ringfence_audit.log.domain.checkpoint import Checkpoint
from ringfence_audit.log.domain.events import EVENTS
from ringfence_audit.log.domain.state import State


class CannotBegin(Exception):
    """What stands in the way of this log taking the other's place."""


def begin_successor(store: EventStore, origin: str, note: str, vkey: str) -> Checkpoint:
    """Records as the log's first leaf that it goes on where another ended, by that one's last checkpoint.

    The checkpoint has to be signed by the key, a vkey of the other log's name. Blocks; raises CannotBegin where it is
    not, where both have one origin, or where the log has begun.
    """
    try:
        checkpoint, note = verified(note, vkey)
    except NoteRefused as refused:
        raise CannotBegin(str(refused)) from None
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
