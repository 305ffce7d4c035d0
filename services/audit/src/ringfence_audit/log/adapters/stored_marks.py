"""Reads how far sources were taken over back from the log's own events."""

from __future__ import annotations

from ringfence_kernel.store import EventStore
from ringfence_kernel.store.codec import EventCodec

from ringfence_audit.log.application.ports import Mark
from ringfence_audit.log.domain.checkpoint import SourceHead, note_heads
from ringfence_audit.log.domain.events import CheckpointSigned, StateRecorded, Taken, leaves_of
from ringfence_audit.log.domain.state_leaf import stated_heads

PAGE_EVENTS = 16


class StoredMarks:
    """Pages, states and checkpoints of the log; every call blocks."""

    def __init__(self, store: EventStore, codec: EventCodec) -> None:
        self._store = store
        self._codec = codec

    def end(self) -> int:
        """Gives the position after the newest event."""
        return self._store.head().position + 1

    def first(self, source: str, start: int, end: int) -> Mark | None:
        """Gives the first page of a source, or what states all of them, from `start` and before `end`."""
        while start < end:
            page = self._store.read(start - 1, min(PAGE_EVENTS, end - start))
            if not page:
                return None
            for stored in page:
                event, _ = self._codec.decode(stored.topic, stored.state)
                if isinstance(event, Taken) and event.source == source:
                    head = SourceHead(source, event.epoch, event.last, event.hash)
                    return Mark(stored.position, head, leaves_of(event)[-1])
                for head in _heads(event):
                    if head.source == source:
                        return Mark(stored.position, head, b"")
            start = page[-1].position + 1
        return None


def _heads(event: object) -> tuple[SourceHead, ...]:
    if isinstance(event, StateRecorded):
        return stated_heads(event.leaf)
    return note_heads(event.note) if isinstance(event, CheckpointSigned) else ()
