"""Events from the feeds that the log follows."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from ringfence_kernel.store.codec import open_envelope
from ringfence_protos.common.v1 import feed_pb2

from ringfence_audit.disclosure.domain.errors import SourceDiffers, SourceUnreachable
from ringfence_audit.disclosure.domain.sealed import Event
from ringfence_audit.log.application.sources import Feed, SourceAway


class FeedEvents:
    """A SourceEvents over feeds, by source."""

    def __init__(self, feeds: Mapping[str, Feed]) -> None:
        self._feeds = feeds

    async def read(self, source: str, position: int) -> Event:
        """Gives the event at a position; raises SourceUnreachable, SourceDiffers."""
        feed, where = self._feeds.get(source), {"source": source, "position": str(position)}
        if feed is None:
            raise SourceDiffers(**where)
        try:
            found = (await feed.read(feed_pb2.ReadRequest(after=position - 1, limit=1))).events
        except SourceAway as error:
            raise SourceUnreachable(source=source) from error
        if not found or found[0].position != position:
            raise SourceDiffers(**where)
        event = found[0]
        try:
            fields = msgspec.msgpack.decode(open_envelope(event.state).fields)
        except (ValueError, msgspec.MsgspecError) as error:
            raise SourceDiffers(**where) from error
        if not isinstance(fields, dict):
            raise SourceDiffers(**where)
        return Event(event.topic, event.stream_id, event.version, fields)
