"""Finds the first event of a source that is not what the log took over from it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ringfence_kernel.store import chain_hash, chain_hash_of
from ringfence_protos.common.v1 import feed_pb2

from ringfence_audit.log.application.ports import Mark, Marks
from ringfence_audit.log.application.sources import Feed
from ringfence_audit.log.domain.checkpoint import SourceHead
from ringfence_audit.log.domain.page import PageEvents, page_events


@dataclass(frozen=True, slots=True)
class Differences:
    """Compares a source, in whose chain every hash depends on all events before, with the log's pages of it."""

    feed: Feed
    marks: Marks

    async def first(self, logged: SourceHead) -> int | None:
        """Gives the position of the first event that differs, up to where the log stands; None if all agrees.

        Asks the source for one event at each step of a bisection over the log's own positions, then for the events of
        one page. Raises SourceAway, and ValueError where the log's own events are damaged.
        """
        if await self._agrees(logged):
            return None
        mark = await self._first_mark(logged.source)
        return await self._first_event(page_events(mark.page)) if mark and mark.page else None

    async def _first_mark(self, source: str) -> Mark | None:
        """Gives the first mark with which the source does not agree: a page, for only pages take a source further."""
        agreed, end = 0, await asyncio.to_thread(self.marks.end)
        differs: Mark | None = None
        while end - agreed > 1:
            middle = (agreed + end) // 2
            mark = await asyncio.to_thread(self.marks.first, source, middle, end)
            if mark is None:
                end = middle
            elif await self._agrees(mark.head):
                agreed = mark.position
            else:
                end, differs = middle, mark
        return differs

    async def _agrees(self, head: SourceHead) -> bool:
        if head.position == 0:
            return True
        response = await self.feed.read(feed_pb2.ReadRequest(after=head.position - 1, limit=1))
        return bool(response.events) and response.events[0].hash == head.hash

    async def _first_event(self, page: PageEvents) -> int | None:
        """Compares event by event, by what the chain is made of and by the hash that the source gives."""
        events = await self._read(page)
        previous = page.previous_hash
        for position, listed in enumerate(page.events, page.first):
            digest = chain_hash_of(previous, position, listed.stream, listed.version, listed.topic, listed.state_hash)
            event = events.get(position)
            if event is None or {event.hash, _hash_after(previous, event)} != {digest}:
                return position
            previous = digest
        return None

    async def _read(self, page: PageEvents) -> dict[int, feed_pb2.FeedEvent]:
        events: dict[int, feed_pb2.FeedEvent] = {}
        after, last = page.first - 1, page.first + len(page.events) - 1
        while after < last:
            response = await self.feed.read(feed_pb2.ReadRequest(after=after, limit=last - after))
            if not response.events:
                break
            events |= {event.position: event for event in response.events}
            after = max(after + 1, response.events[-1].position)
        return events


def _hash_after(previous: bytes, event: feed_pb2.FeedEvent) -> bytes:
    return chain_hash(previous, event.position, event.stream_id, event.version, event.topic, event.state)
