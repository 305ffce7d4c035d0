"""Carries a log of the first format over to state leaves: one event, while the service runs or not."""

from __future__ import annotations

import time
from collections.abc import Iterator

from ringfence_kernel.store import EventStore, NewEvent, StoredEvent, VersionConflict
from ringfence_kernel.store.codec import EventCodec, open_envelope

from ringfence_audit.log.domain.events import EVENTS, CheckpointSigned, FormatAdopted, Growth, StateRecorded
from ringfence_audit.log.domain.state import HEADS_IN_LEAVES

PAGE_EVENTS = 64


def carry_over(store: EventStore) -> bool:
    """Records that from now on the log states what it knows in leaves; returns False where it does already.

    Its tree, and every checkpoint over it, stays as it is. Releases before this format cannot read on from there.
    Blocks; raises StoreUnavailable.
    """
    codec = EventCodec(EVENTS)
    while _is_of_first_format(store, codec):
        (last,) = store.read(store.head().position - 1, 1)
        recorded_ns = max(time.time_ns(), open_envelope(last.state).recorded_at_ns + 1)
        adopted = NewEvent(last.stream, last.version + 1, *codec.encode(FormatAdopted(HEADS_IN_LEAVES), recorded_ns))
        try:
            store.append(last.position, [adopted])
        except VersionConflict:
            continue  # a process that leads has written meanwhile
        return True
    return False


def _is_of_first_format(store: EventStore, codec: EventCodec) -> bool:
    """Looks back for the newest checkpoint, and whether the leaf under it is a state: there is one every second."""
    size = 0
    for stored in backwards(store, store.head().position):
        event, _ = codec.decode(stored.topic, stored.state)
        if isinstance(event, FormatAdopted) or (isinstance(event, StateRecorded) and not size):
            return False
        if isinstance(event, CheckpointSigned) and not size:
            size = event.size
        elif isinstance(event, Growth) and event.first_leaf < size:
            return not isinstance(event, StateRecorded)
    return False


def backwards(store: EventStore, end: int) -> Iterator[StoredEvent]:
    """Yields the events up to a position, the newest first; blocks, raises StoreUnavailable."""
    while end > 0:
        start = max(0, end - PAGE_EVENTS)
        page = store.read(start, end - start)
        # A page may be cut short by its bytes.
        while page and page[-1].position < end:
            page += store.read(page[-1].position, end - page[-1].position)
        yield from reversed(page)
        end = start
