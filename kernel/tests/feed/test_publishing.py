"""How a page of notifications is handed over: in order, a few at a time, and all of it again after a failure."""

from __future__ import annotations

import asyncio

import pytest
from ringfence_kernel.feed import Doorbell, Publisher
from ringfence_kernel.feed import publisher as feed_publisher
from ringfence_kernel.feed.publisher import SENT_AT_ONCE
from ringfence_kernel.store import EventStore, load_cursor

from ..tally import fill

EVENTS = 5 * SENT_AT_ONCE + 3


class Noting(Doorbell):
    """A doorbell that notes what is handed over, and acknowledges it when it is let go; fails where it is told to."""

    def __init__(self) -> None:
        """Acknowledges nothing yet."""
        super().__init__("custody", "", None)
        self.sent: list[int] = []
        self.acknowledging = asyncio.Event()
        self.failing = False

    async def ring(self, epoch: int, position: int) -> None:
        """Says nothing."""

    async def notify(self, topic: str, payload: bytes, message_id: str, traceparent: str = "") -> asyncio.Future[None]:
        """Notes the position."""
        self.sent.append(int(message_id.rpartition(":")[2]))
        return asyncio.ensure_future(self._acknowledge())

    async def _acknowledge(self) -> None:
        if self.failing:
            raise ConnectionError
        await self.acknowledging.wait()


async def until(doorbell: Noting, count: int) -> None:
    """Waits until so many were handed over."""
    async with asyncio.timeout(10):
        while len(doorbell.sent) < count:
            await asyncio.sleep(0.001)


async def test_a_page_is_handed_over_a_few_at_a_time_and_in_order(store: EventStore) -> None:
    """Others on the event loop have their turn on the way; nothing waits for an acknowledgement before the next."""
    doorbell, seen = Noting(), set[int]()
    await asyncio.to_thread(fill, store, EVENTS)
    task = asyncio.create_task(Publisher(doorbell, store).run())
    async with asyncio.timeout(10):
        while len(doorbell.sent) < EVENTS:
            seen.add(len(doorbell.sent))
            await asyncio.sleep(0)
    assert doorbell.sent == list(range(1, EVENTS + 1))
    assert {SENT_AT_ONCE, 2 * SENT_AT_ONCE, 5 * SENT_AT_ONCE} <= seen
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_page_that_failed_is_handed_over_again(store: EventStore) -> None:
    """While NATS is away the cursor stays; when it is back all of the page comes, and then the cursor is kept."""
    doorbell = Noting()
    doorbell.failing = True
    doorbell.acknowledging.set()
    head = await asyncio.to_thread(fill, store, EVENTS)
    task = asyncio.create_task(Publisher(doorbell, store).run())
    await until(doorbell, EVENTS)
    assert (await asyncio.to_thread(load_cursor, store, "notifications")).position == 0
    doorbell.failing = False
    doorbell.sent.clear()
    await until(doorbell, EVENTS)
    assert doorbell.sent == list(range(1, EVENTS + 1))
    async with asyncio.timeout(10):
        while (await asyncio.to_thread(load_cursor, store, "notifications")).position != head.position:
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_page_that_nobody_acknowledges_is_handed_over_again(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers may be lost with the connection: the wait is bounded, and the cursor stays until all are there."""
    monkeypatch.setattr(feed_publisher, "ACKNOWLEDGED_SECONDS", 0.05)
    doorbell = Noting()
    await asyncio.to_thread(fill, store, 3)
    task = asyncio.create_task(Publisher(doorbell, store).run())
    await until(doorbell, 6)
    assert doorbell.sent[:6] == [1, 2, 3, 1, 2, 3]
    assert (await asyncio.to_thread(load_cursor, store, "notifications")).position == 0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
