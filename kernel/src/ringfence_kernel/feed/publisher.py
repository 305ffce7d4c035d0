"""Publishes outward notifications from the feed, so that none is lost between commit and publish."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import msgspec
import nats
import structlog

from ringfence_kernel.feed.doorbell import Doorbell
from ringfence_kernel.store import EventStore, Head, StoredEvent, load_cursor, save_cursor

log = structlog.get_logger(__name__)

CURSOR = "notifications"
POLL_SECONDS = 1.0


class Notification(msgspec.Struct, frozen=True):
    """What outsiders learn from NATS: that something happened and where to read it, never what."""

    source: str
    epoch: int
    position: int
    stream: str
    topic: str


@dataclass(slots=True)
class Publisher:
    """Reads the service's own feed after its cursor and publishes one notification per event."""

    doorbell: Doorbell
    store: EventStore
    _rung: asyncio.Event = field(default_factory=asyncio.Event)

    def ring(self) -> None:
        """Tells the publisher that events were committed."""
        self._rung.set()

    async def run(self) -> None:
        """Publishes until cancelled; waits while NATS or the store is away."""
        cursor: Head | None = None
        while True:
            self._rung.clear()
            try:
                if cursor is None:
                    cursor = await asyncio.to_thread(load_cursor, self.store, CURSOR)
                cursor, more = await self._publish_page(cursor)
                if more:
                    continue
            except (ConnectionError, TimeoutError, nats.errors.Error) as error:
                log.info("notifications_wait", error=type(error).__name__)
                await asyncio.sleep(POLL_SECONDS)
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await self._rung.wait()
            except TimeoutError:
                pass

    async def _publish_page(self, cursor: Head) -> tuple[Head, bool]:
        """Rings the doorbell, publishes a page and stores the cursor; returns it and whether there may be more."""
        page = await asyncio.to_thread(self.store.read, cursor.position, 200)
        if not page:
            return cursor, False
        await self.doorbell.ring(cursor.epoch, page[-1].position)
        for event in page:
            await self._publish(cursor.epoch, event)
        reached = Head(cursor.epoch, page[-1].position, page[-1].hash)
        await asyncio.to_thread(self._save, reached)
        return reached, True

    async def _publish(self, epoch: int, event: StoredEvent) -> None:
        source = self.doorbell.service
        note = Notification(source, epoch, event.position, event.stream.hex(), event.topic)
        message_id = f"{source}:{epoch}:{event.position}"
        await self.doorbell.notify(event.topic.replace(".", "_"), msgspec.json.encode(note), message_id)

    def _save(self, cursor: Head) -> None:
        with self.store.connection() as connection:
            save_cursor(connection, CURSOR, cursor)
