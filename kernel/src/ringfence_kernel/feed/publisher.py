"""Publishes outward notifications from the feed, so that none is lost between commit and publish."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import msgspec
import nats
import structlog

from ringfence_kernel.codec import open_envelope
from ringfence_kernel.errors import StoreUnavailable
from ringfence_kernel.feed.doorbell import Doorbell
from ringfence_kernel.store import EventStore, Head, StoredEvent, load_cursor, save_cursor

log = structlog.get_logger(__name__)

CURSOR = "notifications"
PAGE_EVENTS = 200
POLL_SECONDS = 1.0
GATHER_SECONDS = 0.05
"""Pause after a page that was not full: what is committed meanwhile comes in one page."""
RING_SECONDS = 0.01
"""Pause after a ring: what is committed meanwhile rings once."""


class Notification(msgspec.Struct, frozen=True):
    """What outsiders learn from NATS: that something happened and where to read it, never what."""

    source: str
    epoch: int
    position: int
    stream: str
    topic: str


@dataclass(slots=True)
class Publisher:
    """Rings the doorbell after commits, and publishes one notification per event of the service's own feed.

    The two go their own ways: a ring never waits for a notification to be acknowledged.
    """

    doorbell: Doorbell
    store: EventStore
    _head: Head | None = None
    _rung: asyncio.Event = field(default_factory=asyncio.Event)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def ring(self, head: Head | None = None) -> None:
        """Tells the publisher that events were committed, up to `head` where the caller knows it."""
        self._head = head
        self._rung.set()
        self._news.set()

    async def run(self) -> None:
        """Rings and publishes until cancelled; waits while NATS or the store is away."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._ring())
            group.create_task(self._notify())

    async def _ring(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                head = self._head
                if head is None:
                    head = await asyncio.to_thread(self.store.head)
                await self.doorbell.ring(head.epoch, head.position)
                await asyncio.sleep(RING_SECONDS)
            except StoreUnavailable as error:
                log.info("doorbell_silent", error=error.reason)

    async def _notify(self) -> None:
        while True:
            self._rung.clear()
            try:
                count = await self._publish_page()
                if count:
                    await asyncio.sleep(0 if count >= PAGE_EVENTS else GATHER_SECONDS)
                    continue
            except (OSError, nats.errors.Error, StoreUnavailable) as error:
                log.info("notifications_wait", error=type(error).__name__)
                await asyncio.sleep(POLL_SECONDS)
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await self._rung.wait()
            except TimeoutError:
                pass

    async def _publish_page(self) -> int:
        """Publishes a page and stores the cursor; returns how many events it had."""
        cursor = await asyncio.to_thread(load_cursor, self.store, CURSOR)
        page = await asyncio.to_thread(self.store.read, cursor.position, PAGE_EVENTS)
        if not page:
            return 0
        epoch = (await asyncio.to_thread(self.store.head)).epoch
        # In order on one connection, but not one after the other's acknowledgement.
        await asyncio.gather(*(self._publish(epoch, event) for event in page))
        await asyncio.to_thread(self._save, Head(epoch, page[-1].position, page[-1].hash))
        return len(page)

    async def _publish(self, epoch: int, event: StoredEvent) -> None:
        source = self.doorbell.service
        note = Notification(source, epoch, event.position, event.stream.hex(), event.topic)
        message_id = f"{source}:{epoch}:{event.position}"
        topic, traceparent = event.topic.replace(".", "_"), open_envelope(event.state).traceparent
        await self.doorbell.notify(topic, msgspec.json.encode(note), message_id, traceparent)

    def _save(self, cursor: Head) -> None:
        with self.store.connection() as connection, connection.transaction():
            # JetStream drops what comes twice, so the cursor may lag behind after a crash.
            connection.execute("SET LOCAL synchronous_commit = off")
            save_cursor(connection, CURSOR, cursor)
