"""A source's feed in this process, written by docs/formats.md, and the events that tests put into it."""

from __future__ import annotations

import struct
from typing import Any

import msgspec
from ringfence_audit.log.application.sources import SourceAway
from ringfence_audit.log.domain.checkpoint import SourceHead
from ringfence_kernel.feed import FeedPage
from ringfence_kernel.feed.follower import verify
from ringfence_kernel.store import GENESIS, Head, chain_hash
from ringfence_protos.common.v1 import feed_pb2

BOOK = b"book-of-platform"
START_NS = 1_700_000_000_000_000_000


class SourceFeed:
    """Events of one source, chained; `away` makes it unreachable."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.events: list[feed_pb2.FeedEvent] = []
        self.away = False

    def add(self, topic: str, fields: Any, stream: bytes = BOOK) -> feed_pb2.FeedEvent:
        """Appends an event whose envelope says it was committed one second after the one before."""
        position = len(self.events) + 1
        state = msgspec.msgpack.encode([1, START_NS + position * 1_000_000_000, "", fields])
        return self.add_state(topic, state, stream)

    def add_state(self, topic: str, state: bytes, stream: bytes = BOOK) -> feed_pb2.FeedEvent:
        """Appends an event of any bytes."""
        position = len(self.events) + 1
        previous = self.events[-1].hash if self.events else GENESIS
        digest = chain_hash(previous, position, stream, position, topic, state)
        event = feed_pb2.FeedEvent(
            position=position, stream_id=stream, version=position, topic=topic, state=state, hash=digest
        )
        self.events.append(event)
        return event

    def answer(self, request: feed_pb2.ReadRequest) -> feed_pb2.ReadResponse:
        """Answers as FeedService.Read does."""
        page = self.events[request.after : request.after + (request.limit or 1_000)]
        return feed_pb2.ReadResponse(events=page, head=self.feed_head())

    async def read(self, request: feed_pb2.ReadRequest) -> feed_pb2.ReadResponse:
        """Answers, unless it is away."""
        if self.away:
            raise SourceAway("away")
        return self.answer(request)

    async def head(self) -> SourceHead:
        """Answers where the feed stands, unless it is away."""
        if self.away:
            raise SourceAway("away")
        head = self.feed_head()
        return SourceHead(head.source, head.epoch, head.position, head.hash)

    async def page(self, after: int = 0, limit: int = 1_000) -> FeedPage:
        """Gives a verified page, as the follower hands it on."""
        cursor = Head(1, after, self.events[after - 1].hash if after else GENESIS)
        return verify(self.source, cursor, await self.read(feed_pb2.ReadRequest(after=after, limit=limit)))

    def feed_head(self) -> feed_pb2.FeedHead:
        """Answers as FeedService.Head does."""
        last = self.events[-1] if self.events else None
        return feed_pb2.FeedHead(
            source=self.source, epoch=1, position=last.position if last else 0, hash=last.hash if last else GENESIS
        )


def identifier(text: str) -> bytes:
    """Gives a readable id of 16 bytes."""
    return text.encode().ljust(16, b".")


def kyc_changed(party: str = "party", **changes: Any) -> dict[str, Any]:
    """Gives a KycChanged.v1 event: an operator has verified a party."""
    fields = {
        "tenant": BOOK,
        "party": identifier(party),
        "before": "CHECKING",
        "after": "VERIFIED",
        "note": "",
        "decision": b"",
        "by": identifier("operator"),
    }
    return fields | changes


def accounts_created(*names: str, first_index: int = 1, owners: tuple[str, ...] = ()) -> dict[str, Any]:
    """Gives an AccountsCreated.v1 event of client accounts in EUR."""
    count = len(names)
    return {
        "first_index": first_index,
        "id": b"".join(map(identifier, names)),
        "owner_id": b"".join(map(identifier, owners)),
        "account_class": b"\x01",
        "ledger": struct.pack("<I", 978),
        "code": struct.pack("<H", 1),
        "flags": b"",
        "status": b"\x02",
        "holds": b"",
        "user_data_128": b"",
        "user_data_64": b"",
        "timestamp_ns": struct.pack(f"<{count}Q", *range(START_NS, START_NS + count)),
    }


def transfers_created(*names: str, debit: int = 1, credit: int = 2, burnt: tuple[str, ...] = ()) -> dict[str, Any]:
    """Gives a TransfersCreated.v1 event: transfer k moves 100 + k cents; the second row names a mandate."""
    count = len(names)
    mandates = [identifier("mandate") if row == 1 else bytes(16) for row in range(count)]
    return {
        "number": 1,
        "first_row": 0,
        "timestamp_ns": START_NS + 5,
        "id": b"".join(map(identifier, names)),
        "debit_account": struct.pack("<I", debit),
        "credit_account": struct.pack("<I", credit),
        "amount_minor": struct.pack(f"<{count}Q", *range(100, 100 + count)),
        "delay_ns": b"",
        "pending_id": b"",
        "user_data_128": b"".join(mandates),
        "user_data_64": b"",
        "timeout_seconds": b"",
        "code": struct.pack("<H", 7),
        "flags": b"",
        "value_date_days": struct.pack("<i", 19_000),
        "burnt": b"".join(map(identifier, burnt)),
    }
