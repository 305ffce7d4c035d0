"""Publishes outward notifications from the feed, so that none is lost between commit and publish."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec
import nats
import structlog

from ringfence_kernel.feed.doorbell import Doorbell
from ringfence_kernel.feed.pulling import POLL_SECONDS, Pulling
from ringfence_kernel.store import EventStore, Head, load_cursor, save_cursor
from ringfence_kernel.store.codec import open_envelope
from ringfence_kernel.values.errors import StoreUnavailable
from ringfence_kernel.values.pacing import let_others_work
from ringfence_kernel.values.recorded import Recorded

log = structlog.get_logger(__name__)

CURSOR = "notifications"
PAGE_EVENTS = 200
GATHER_SECONDS = 0.05
"""Pause after a page that was not full: what is committed meanwhile comes in one page."""
SENT_AT_ONCE = 16
"""So many are handed to NATS before others on the event loop have their turn."""
ACKNOWLEDGED_SECONDS = 2.0
"""So long a page waits for its last acknowledgement; then it is published again."""
RING_SECONDS = 0.01
"""Pause after a ring: what is committed meanwhile rings once."""
SAVE_SECONDS = 1.0
"""While there is always something to publish, its cursor is stored so often."""
REMEMBERED_COMMITS = 1_000


class Notification(msgspec.Struct, frozen=True):
    """What outsiders learn from NATS: that something happened and where to read it, never what."""

    source: str
    epoch: int
    position: int
    stream: str
    topic: str


@dataclass(frozen=True, slots=True)
class News:
    """What is said of one event."""

    position: int
    stream: bytes
    topic: str
    traceparent: str


@dataclass(slots=True)
class Publisher:
    """Rings the doorbell after commits, and publishes one notification per event of the service's own feed.

    The two go their own ways: a ring never waits for a notification to be acknowledged. What this process has just
    committed is published from memory; the store is read for what is not there, after a start or an outage.
    """

    doorbell: Doorbell
    store: EventStore
    _head: Head | None = None
    _pulling: Pulling = field(default_factory=lambda: Pulling(PAGE_EVENTS, gather_seconds=GATHER_SECONDS))
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _committed: deque[tuple[Head, list[News]]] = field(default_factory=lambda: deque(maxlen=REMEMBERED_COMMITS))
    _cursor: Head | None = None
    _saved: Head | None = None
    _saved_at: float = 0.0

    def ring(self, head: Head | None = None, recorded: Sequence[Recorded] = ()) -> None:
        """Tells that events were committed: these, up to `head`, where the caller knows."""
        self._head = head
        if head is not None and recorded:
            news = [News(each.position, each.stream, each.event.TOPIC, each.traceparent) for each in recorded]
            self._committed.append((head, news))
        self._pulling.ring()
        self._news.set()

    async def run(self) -> None:
        """Rings and publishes until cancelled; waits while NATS or the store is away."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._ring())
            group.create_task(self._notify_until_cancelled())

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

    async def _notify_until_cancelled(self) -> None:
        self._cursor = None
        try:
            await self._pulling.run(self._notify)
        finally:
            with suppress(StoreUnavailable, TimeoutError):
                async with asyncio.timeout(SAVE_SECONDS):
                    await self._keep_cursor()

    async def _notify(self) -> int | None:
        """Publishes a page; None while NATS or the store is away."""
        try:
            return await self._publish_page()
        except (OSError, nats.errors.Error, StoreUnavailable) as error:
            log.info("notifications_wait", error=type(error).__name__)
            await asyncio.sleep(POLL_SECONDS)
            return None

    async def _publish_page(self) -> int:
        """Publishes a page, and stores the cursor from time to time; returns how many events it had."""
        if self._cursor is None:
            self._cursor = self._saved = await asyncio.to_thread(load_cursor, self.store, CURSOR)
        recalled = self._recalled(self._cursor)
        page, reached = recalled if recalled else await asyncio.to_thread(self._read, self._cursor)
        await self._publish_all(reached.epoch, page)
        self._cursor = reached
        if not page or time.monotonic() - self._saved_at >= SAVE_SECONDS:
            await self._keep_cursor()
        return len(page)

    async def _publish_all(self, epoch: int, page: Sequence[News]) -> None:
        """Publishes in order on one connection, but not one after the other's acknowledgement, and not all at once."""
        sent: list[asyncio.Future[None]] = []
        try:
            for start in range(0, len(page), SENT_AT_ONCE):
                for news in page[start:][:SENT_AT_ONCE]:
                    sent.append(await self._publish(epoch, news))
                await let_others_work()
            async with asyncio.timeout(ACKNOWLEDGED_SECONDS):
                await asyncio.gather(*sent)
        finally:
            for each in sent:
                each.cancel()

    async def _keep_cursor(self) -> None:
        """Stores the cursor, if it has moved; what comes after the stored one is published again after a start."""
        if self._cursor is not None and self._cursor != self._saved:
            await asyncio.to_thread(self._save, self._cursor)
            self._saved, self._saved_at = self._cursor, time.monotonic()

    def _recalled(self, cursor: Head) -> tuple[list[News], Head] | None:
        """Returns what this process has committed right after the cursor, and the head then; None for a gap."""
        page, reached = list[News](), cursor
        while self._committed and len(page) < PAGE_EVENTS and self._committed[0][1][0].position <= reached.position + 1:
            head, news = self._committed.popleft()
            if head.position > reached.position:
                page += [each for each in news if each.position > reached.position]
                reached = head
        return (page, reached) if page else None

    def _read(self, cursor: Head) -> tuple[list[News], Head]:
        """Reads a page after the cursor from the store."""
        page = self.store.read(cursor.position, PAGE_EVENTS)
        if not page:
            return [], cursor
        news = [News(each.position, each.stream, each.topic, open_envelope(each.state).traceparent) for each in page]
        return news, Head(self.store.head().epoch, page[-1].position, page[-1].hash)

    async def _publish(self, epoch: int, news: News) -> asyncio.Future[None]:
        source = self.doorbell.service
        note = Notification(source, epoch, news.position, news.stream.hex(), news.topic)
        message_id = f"{source}:{epoch}:{news.position}"
        topic = news.topic.replace(".", "_")
        return await self.doorbell.notify(topic, msgspec.json.encode(note), message_id, news.traceparent)

    def _save(self, cursor: Head) -> None:
        with self.store.connection() as connection, connection.transaction():
            # JetStream drops what comes twice, so the cursor may lag behind after a crash.
            connection.execute("SET LOCAL synchronous_commit = off")
            save_cursor(connection, CURSOR, cursor)
