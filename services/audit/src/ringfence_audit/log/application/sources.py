"""Compares what the log took over from its sources with the sources themselves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from ringfence_kernel.feed import FeedFork
from ringfence_kernel.feed.follower import verify
from ringfence_kernel.store import GENESIS, Head
from ringfence_protos.common.v1 import feed_pb2

from ringfence_audit.log.domain.checkpoint import SourceHead

PAGE_EVENTS = 1_000


class SourceAway(Exception):
    """The source cannot be reached now."""


class Feed(Protocol):
    """One source's feed; raises SourceAway."""

    async def read(self, request: feed_pb2.ReadRequest) -> feed_pb2.ReadResponse:
        """Gives events after a position."""

    async def head(self) -> SourceHead:
        """Gives where the feed stands."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A source compared: `current` is None where it was away, `difference` empty where it agrees."""

    logged: SourceHead
    current: SourceHead | None
    difference: str


FirstDifference = Callable[[SourceHead], Awaitable[int | None]]
"""Finds the first position up to the logged head at which a source is not what the log took over; raises SourceAway."""


async def compare(feed: Feed, first: FirstDifference, logged: SourceHead, *, recompute: bool) -> Comparison:
    """Asks a source whether it has the logged hash at the logged position; with `recompute` reads it all again."""
    current: SourceHead | None = None
    try:
        current = await feed.head()
        if recompute:
            await _recompute(feed, logged, current)
        elif logged.position:
            await _require_hash(feed, logged)
    except SourceAway:
        return Comparison(logged, None, "")
    except FeedFork as fork:
        return Comparison(logged, current, await _located(str(fork), first, logged))
    return Comparison(logged, current, "")


async def _located(difference: str, first: FirstDifference, logged: SourceHead) -> str:
    """Adds the first event that differs, where it can be found."""
    try:
        position = await first(logged)
    except (SourceAway, ValueError):
        return difference
    if position is None:
        return difference
    return f"{difference}; the first event of {logged.source} that differs is at position {position}"


async def _require_hash(feed: Feed, logged: SourceHead) -> None:
    response = await feed.read(feed_pb2.ReadRequest(after=logged.position - 1, limit=1))
    if not response.events or response.events[0].hash != logged.hash:
        raise FeedFork(f"the feed does not have the logged event at position {logged.position}")


async def _recompute(feed: Feed, logged: SourceHead, current: SourceHead) -> None:
    """Chains every event as far as the logged position."""
    cursor = Head(current.epoch, 0, GENESIS)
    while cursor.position < logged.position:
        limit = min(PAGE_EVENTS, logged.position - cursor.position)
        page = verify(logged.source, cursor, await feed.read(feed_pb2.ReadRequest(after=cursor.position, limit=limit)))
        if not page.events:
            raise FeedFork(f"the feed ends at {cursor.position}, the log has {logged.position}")
        cursor = page.cursor
    if cursor.position and cursor.hash != logged.hash:
        raise FeedFork(f"the feed has another event at position {logged.position} than the log")
