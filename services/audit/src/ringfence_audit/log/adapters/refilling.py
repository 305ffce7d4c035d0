"""Puts a lost or rolled back database of the log back from a mirror: the same tree, origin and anchor."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import IO

from ringfence_kernel.store import EventStore, NewEvent, VersionConflict
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.journal import Journal

from ringfence_audit.log.adapters.mirror import Mirror, MirrorAway
from ringfence_audit.log.adapters.signed_checkpoints import NoteRefused, verified
from ringfence_audit.log.adapters.tile_model import TileModel
from ringfence_audit.log.application.ports import StoredPage
from ringfence_audit.log.domain.checkpoint import Checkpoint
from ringfence_audit.log.domain.events import EVENTS, KeyRotationOrdered, Taken
from ringfence_audit.log.domain.merkle import TILE_WIDTH, Frontier, leaf_hashes
from ringfence_audit.log.domain.refilling import Refilled, events_again
from ringfence_audit.log.domain.state import State

EVENTS_AT_ONCE = 64
BUSY = "a process of this service writes: stop all of them"


class CannotRefill(Exception):
    """Why a log cannot be put back; what was put back before stays, and is the log's."""


def refill(store: EventStore, origin: str, mirror: Mirror, vkey: str) -> Checkpoint:
    """Appends what a mirror holds beyond what is here, up to the checkpoint that it has cosigned, which is returned.

    The checkpoint has to be signed by the log's own key, a vkey; every leaf is read, and leads to its root, before
    anything is written. A log that knows of no key signs by that one from then on, whatever is newest in Vault, until
    its leaves say something else. Blocks. Raises CannotRefill, also where what is here is no beginning of it. Cut off,
    it goes on from where it was.
    """
    try:
        checkpoint, _ = verified(mirror.checkpoint(origin), vkey)
        if checkpoint.origin != origin:
            raise CannotRefill(f"the mirror's checkpoint is of {checkpoint.origin}")
        state, last_ns, version = _stands(store, origin)
        held = state.frontier
        if held.size > checkpoint.size:
            raise CannotRefill(f"{held.size} leaves are here, and the mirror has {checkpoint.size}")
        with tempfile.TemporaryFile() as file:
            _fetch(mirror, checkpoint, held, file)
            file.seek(0)
            last_ns, version = _keep_key(store, state, vkey, last_ns, version)
            _append(store, state, events_again(state, _read(file), last_ns), version)
    except (NoteRefused, MirrorAway) as error:
        raise CannotRefill(str(error)) from None
    except ValueError as error:
        raise CannotRefill(f"the leaves are not those of a log: {error}") from None
    return checkpoint


def _stands(store: EventStore, origin: str) -> tuple[State, int, int]:
    """Gives the log's state, the time of its last event, and the version of its stream."""
    state, journal, last_ns, version = State(origin), Journal(), 0, 0
    for recorded in store.replay(EventCodec(EVENTS)):
        if isinstance(recorded.event, State.EVENTS):
            state.apply(recorded, journal)
            journal.clear()
        last_ns, version = recorded.recorded_at_ns, recorded.version
    return state, last_ns, version


def _fetch(mirror: Mirror, checkpoint: Checkpoint, held: Frontier, file: IO[bytes]) -> None:
    """Writes the leaves that are not here; raises CannotRefill where all do not lead to both roots."""
    tree = Frontier()
    for first in range(0, checkpoint.size, TILE_WIDTH):
        leaves = mirror.leaves(checkpoint.origin, first, min(TILE_WIDTH, checkpoint.size - first))
        here = min(max(held.size - first, 0), len(leaves))
        tree, _ = tree.extended(leaf_hashes(leaves[:here]))
        if tree.size == held.size and tree.root() != held.root():
            raise CannotRefill(
                f"the first {held.size} leaves here are others than the mirror's: begin with an empty one"
            )
        tree, _ = tree.extended(leaf_hashes(leaves[here:]))
        for leaf in leaves[here:]:
            file.write(len(leaf).to_bytes(2, "big") + leaf)
    if tree.root() != checkpoint.root:
        raise CannotRefill("the mirror's leaves do not lead to the root that it has cosigned")


def _read(file: IO[bytes]) -> Iterator[bytes]:
    while head := file.read(2):
        yield file.read(int.from_bytes(head, "big"))


def _keep_key(store: EventStore, state: State, vkey: str, last_ns: int, version: int) -> tuple[int, int]:
    """Has the log sign by the key that it was put back with, before anything else; gives last time and version then."""
    kept = KeyRotationOrdered(vkey.strip(), 0)
    if state.signed is not None or state.rotations or state.ordered == kept:
        return last_ns, version
    last_ns, version = last_ns + 1, version + 1
    new = NewEvent(state.stream, version, *EventCodec(EVENTS).encode(kept, last_ns))
    try:
        store.append(store.head().position, [new])
    except VersionConflict:
        raise CannotRefill(BUSY) from None
    state.apply(Recorded(0, state.stream, version, kept, last_ns, ""), Journal())
    return last_ns, version


def _append(store: EventStore, state: State, refilled: Iterator[Refilled], version: int) -> None:
    codec, position = EventCodec(EVENTS), store.head().position
    while batch := list(islice(refilled, EVENTS_AT_ONCE)):
        new = [
            NewEvent(state.stream, version + number, *codec.encode(each.event, each.recorded_ns))
            for number, each in enumerate(batch, 1)
        ]
        rows = [
            partial(TileModel().save, tiles=each.tiles, page=_stored(each, position + number))
            for number, each in enumerate(batch, 1)
        ]
        try:
            position = store.append(position, new, rows).position
        except VersionConflict:
            raise CannotRefill(BUSY) from None
        version += len(batch)


def _stored(refilled: Refilled, position: int) -> StoredPage:
    event, at_ns = refilled.event, refilled.recorded_ns
    times: Sequence[int] = (at_ns, at_ns)
    if isinstance(event, Taken):
        times = event.earliest_ns, event.latest_ns
    return StoredPage(event.first_leaf, refilled.leaves, position, *times)
