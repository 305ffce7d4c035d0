"""Serves a service's own feed to the workloads that the proto names."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from ringfence_protos.common.v1 import feed_pb2, feed_pb2_grpc

from ringfence_kernel import store
from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.values.errors import InvalidArgument

MAX_LIMIT = 10_000
DEFAULT_LIMIT = 1_000
LOOK_SECONDS = 10.0
"""So often a reader that has everything is answered from the store all the same: another hand may write there."""


class FeedServicer(feed_pb2_grpc.FeedServiceServicer):
    """FeedService over an event store."""

    def __init__(
        self,
        source: str,
        event_store: store.EventStore,
        committed: Callable[[], store.Head | None] = lambda: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Serves `event_store` under the name `source`.

        `committed` tells where the feed stands if nobody but this process can commit, else None.
        """
        self._source = source
        self._store = event_store
        self._committed, self._now = committed, now
        self._looked: dict[bytes, float] = {}

    async def Read(self, request: feed_pb2.ReadRequest, context: Any) -> feed_pb2.ReadResponse:
        """Returns a page of events and the head at that time; see the proto for bounds."""
        if request.limit > MAX_LIMIT or request.after >= 2**63:
            raise InvalidArgument(f"limit is at most {MAX_LIMIT}, after below 2^63", field="limit")
        limit = request.limit or DEFAULT_LIMIT
        known = self._committed()
        if known is not None and request.after == known.position and known.hash and not self._is_to_look():
            return feed_pb2.ReadResponse(head=self._head(known))
        return await asyncio.to_thread(self._page, request.after, limit)

    def _page(self, after: int, limit: int) -> feed_pb2.ReadResponse:
        page, head = self._store.read_with_head(after, limit)
        return feed_pb2.ReadResponse(
            events=[
                feed_pb2.FeedEvent(
                    position=event.position,
                    stream_id=event.stream,
                    version=event.version,
                    topic=event.topic,
                    state=event.state,
                    hash=event.hash,
                )
                for event in page
            ],
            head=self._head(head),
        )

    async def Head(self, request: feed_pb2.HeadRequest, context: Any) -> feed_pb2.HeadResponse:
        """Returns the head of the feed."""
        return feed_pb2.HeadResponse(head=self._head(await asyncio.to_thread(self._store.head)))

    def _is_to_look(self) -> bool:
        """Tells whether it is time to answer this reader from the store, and notes that."""
        try:
            reader = current_caller().subject
        except LookupError:
            reader = b""
        now = self._now()
        is_due = now - self._looked.get(reader, -LOOK_SECONDS) >= LOOK_SECONDS
        if is_due:
            self._looked[reader] = now
        return is_due

    def _head(self, head: store.Head) -> feed_pb2.FeedHead:
        return feed_pb2.FeedHead(source=self._source, epoch=head.epoch, position=head.position, hash=head.hash)
