"""Reads leaves back from the log's own events, and never believes an event that breaks the chain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from ringfence_kernel.store import GENESIS, EventStore, StoredEvent, chain_hash
from ringfence_kernel.store.codec import EventCodec, UnknownTopic

from ringfence_audit.log.application.ports import StoredPage
from ringfence_audit.log.domain.bundles import BundleMalformed
from ringfence_audit.log.domain.errors import LogDamaged
from ringfence_audit.log.domain.events import Growth, leaves_of

PAGE_EVENTS = 200


class ChainedLeaves:
    """Leaves by page, with the chain checked over every event that is read; every call blocks."""

    def __init__(self, store: EventStore, codec: EventCodec) -> None:
        self._store = store
        self._codec = codec

    def of_pages(self, pages: Sequence[StoredPage]) -> Iterator[tuple[StoredPage, list[bytes]]]:
        """Yields pages, in order, with their leaves; raises LogDamaged where an event is not what was committed.

        Their events are read together, a few megabytes at a time.
        """
        done = 0
        while done < len(pages):
            found = self._store.read_at([page.position for page in pages[done:]])
            if not found:
                raise LogDamaged(position=str(pages[done].position))
            for page, (event, before) in zip(pages[done:], found, strict=False):
                if event.position != page.position or event.hash != _chained_to(before, event):
                    raise LogDamaged(position=str(page.position))
                yield page, self._leaves_of(page, event)
            done += len(found)

    def walk(self, pages: Sequence[StoredPage], after: int) -> Iterator[tuple[StoredPage, list[bytes]]]:
        """Yields consecutive pages with their leaves, checking every event after a position as it goes."""
        events = self._chained(after, pages[-1].position if pages else after)
        for page in pages:
            event = next(each for each in events if each.position == page.position)
            yield page, self._leaves_of(page, event)

    def check_after(self, position: int) -> None:
        """Checks every event after a position, to the head of the log's feed; raises LogDamaged."""
        head = self._store.head()
        last, digest = position, head.hash
        for event in self._chained(position, head.position):
            last, digest = event.position, event.hash
        if (last, digest) != (head.position, head.hash):
            raise LogDamaged(position=str(last))

    def _leaves_of(self, page: StoredPage, event: StoredEvent) -> list[bytes]:
        leaves = self._leaves(event)
        if len(leaves) != page.count:
            raise LogDamaged(position=str(event.position))
        return leaves

    def _leaves(self, stored: StoredEvent) -> list[bytes]:
        try:
            event, _ = self._codec.decode(stored.topic, stored.state)
            return leaves_of(event) if isinstance(event, Growth) else []
        except (msgspec.MsgspecError, UnknownTopic, BundleMalformed) as error:
            raise LogDamaged(position=str(stored.position)) from error

    def _chained(self, after: int, through: int) -> Iterator[StoredEvent]:
        previous = self._store.read(after - 1, 1)[0].hash if after else GENESIS
        while after < through:
            page = self._store.read(after, min(PAGE_EVENTS, through - after))
            if not page:
                raise LogDamaged(position=str(after + 1))
            for event in page:
                after += 1
                previous = _chained_to(previous, event)
                if event.position != after or event.hash != previous:
                    raise LogDamaged(position=str(after))
                yield event


def _chained_to(previous: bytes, event: StoredEvent) -> bytes:
    """Gives the hash that an event has behind another one with this hash."""
    return chain_hash(previous, event.position, event.stream, event.version, event.topic, event.state)
