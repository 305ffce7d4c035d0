"""Copies of real events: what a running service has recorded, once more under fresh ids.

Fields are taken by their published names (docs/formats.md) and kept in their stored form, so that a copy is what the
service itself would have written, in whatever format that is today.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec
from ringfence_kernel.store import EventStore, NewEvent, StoredEvent
from ringfence_kernel.store.codec import Envelope, open_envelope
from ringfence_kernel.values.ids import ID_BYTES
from ringfence_local_stack.servers.database import Database

EVENTS_PER_COMMIT = 4_000
BYTES_PER_COMMIT = 8 * 2**20
PAGE_EVENTS = 1_000

Fields = dict[str, Any]
Ids = Mapping[bytes, bytes]
_encode = msgspec.msgpack.Encoder().encode


class PatternMissing(Exception):
    """The service records what is copied in another way than it did; this filling has to follow."""


@dataclass(frozen=True)
class Pattern:
    """One real event; `told` are its fields, of which those in `fresh` are drawn anew in every copy."""

    stored: StoredEvent
    envelope: Envelope
    told: Fields
    fresh: frozenset[str]
    ids: frozenset[str]

    def copy(self, ids: Ids, now_ns: int) -> NewEvent:
        """Returns the event with other ids in the place of the pattern's, that of its stream among them."""
        fields = dict(self.told)
        for name in self.fresh:
            fields[name] = random_like(fields[name])
        for name in self.ids:
            fields[name] = renamed(fields[name], ids)
        state = _encode(Envelope(self.envelope.format, now_ns, self.envelope.traceparent, msgspec.Raw(_encode(fields))))
        return NewEvent(ids[self.stored.stream], self.stored.version, self.stored.topic, state)


def pattern(stored: StoredEvent, fresh: Collection[str], ids: Collection[bytes]) -> Pattern:
    """Returns an event to copy: fields named in `fresh` are drawn anew, and all that hold one of the ids renamed."""
    envelope = open_envelope(stored.state)
    told = msgspec.msgpack.decode(envelope.fields)
    known, drawn = set(ids), {name for name in told if name in fresh}
    renaming = {name for name, value in told.items() if name not in drawn and not known.isdisjoint(_slots(value))}
    return Pattern(stored, envelope, told, frozenset(drawn), frozenset(renaming))


def random_like(value: Any) -> Any:
    """Returns random bytes in the place of bytes, as many; texts and numbers stay."""
    if isinstance(value, bytes):
        return os.urandom(len(value))
    if isinstance(value, dict):
        return {key: random_like(each) for key, each in value.items()}
    if isinstance(value, list):
        return _random_row(value)
    return value


def _random_row(values: list[Any]) -> list[Any]:
    """Draws the bytes of a whole column at once."""
    if not all(isinstance(each, bytes) for each in values):
        return [random_like(each) for each in values]
    drawn, at, row = os.urandom(sum(map(len, values))), 0, []
    for each in values:
        row.append(drawn[at : at + len(each)])
        at += len(each)
    return row


def renamed(column: bytes, ids: Ids) -> bytes:
    """Returns a column of ids with those that are known replaced."""
    return b"".join([ids.get(each, each) for each in _slots(column)])


def _slots(value: Any) -> list[bytes]:
    if not isinstance(value, bytes) or len(value) % ID_BYTES:
        return []
    return [value[at : at + ID_BYTES] for at in range(0, len(value), ID_BYTES)]


@contextmanager
def opened(database: Database) -> Iterator[EventStore]:
    """Lends the store of a service, under the service's own role."""
    store = EventStore(database.app_conninfo)
    try:
        yield store
    finally:
        store.close()


def require_stream(event: StoredEvent, stream: bytes) -> None:
    """Raises PatternMissing unless an event stands in the stream that copies of it would be given one like."""
    if event.stream != stream:
        raise PatternMissing(f"{event.topic} stands in another stream than it would be copied to")


def recorded(store: EventStore) -> list[tuple[StoredEvent, Fields]]:
    """Returns all events of a store, few as they are, with their fields."""
    events: list[StoredEvent] = []
    while page := store.read(events[-1].position if events else 0, PAGE_EVENTS):
        events += page
    return [(each, msgspec.msgpack.decode(open_envelope(each.state).fields)) for each in events]


def append(store: EventStore, events: Iterable[NewEvent]) -> None:
    """Appends events after what the store holds, many per commit."""
    head, left = store.head(), iter(events)
    while some := list(_page(left)):
        head = store.append(head.position, some)


def _page(events: Iterator[NewEvent]) -> Iterator[NewEvent]:
    size = 0
    for event in islice(events, EVENTS_PER_COMMIT):
        yield event
        size += len(event.state)
        if size >= BYTES_PER_COMMIT:
            return
