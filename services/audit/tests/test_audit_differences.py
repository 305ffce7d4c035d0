"""A source that was rewritten and chained anew: the log names the first event that is not what it took over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import msgspec
import psycopg
import pytest
from ringfence_audit.log.adapters.stored_marks import StoredMarks
from ringfence_audit.log.application.differences import Differences
from ringfence_audit.log.application.sources import SourceAway, compare
from ringfence_audit.log.domain.checkpoint import SourceHead
from ringfence_audit.log.domain.events import EVENTS
from ringfence_kernel.feed import FeedServicer, Follower
from ringfence_kernel.store import (
    GENESIS,
    EventStore,
    Head,
    NewEvent,
    apply_migrations,
    chain_hash,
    event_store_migrations,
)
from ringfence_kernel.store.codec import EventCodec
from ringfence_local_stack.servers.database import Database
from ringfence_protos.common.v1 import feed_pb2

from .conftest import Audit
from .feeds import BOOK, START_NS, SourceFeed, accounts_created, kyc_changed, transfers_created

SOURCE = "custody"
EVENT_COUNT = 40


class StoredSource:
    """Custody's feed out of its own PostgreSQL.

    `asked` counts the events that were read of it; so many questions for a single event as `refusals` says fail.
    """

    def __init__(self, store: EventStore, database: Database) -> None:
        self.store = store
        self._servicer = FeedServicer(SOURCE, store)
        self.database = database
        self.asked = 0
        self.refusals = 0

    async def read(self, request: feed_pb2.ReadRequest) -> feed_pb2.ReadResponse:
        """Answers as FeedService.Read does."""
        if self.refusals and request.limit == 1:
            self.refusals -= 1
            raise SourceAway("away")
        response = await self._servicer.Read(request, None)
        self.asked += len(response.events)
        return response

    async def head(self) -> SourceHead:
        """Answers as FeedService.Head does."""
        head = (await self._servicer.Head(feed_pb2.HeadRequest(), None)).head
        return SourceHead(head.source, head.epoch, head.position, head.hash)

    def add(self, count: int) -> None:
        """Commits transfers, one event each."""
        after = self.store.head().position
        for number in range(after + 1, after + count + 1):
            opened = number == 1
            topic = "AccountsCreated.v1" if opened else "TransfersCreated.v1"
            fields = accounts_created("alice", "bob") if opened else transfers_created(f"t{number}")
            self.store.append(number - 1, [NewEvent(BOOK, number, topic, _state(number, fields))])

    def rewrite(self, position: int) -> None:
        """Puts another transfer in the place of an event and chains everything after it anew, as the owner could."""
        stored = self.store.read(0, 1_000)
        previous = stored[position - 2].hash if position > 1 else GENESIS
        with psycopg.connect(self.database.owner_conninfo) as connection:
            connection.execute("ALTER TABLE stored_events DISABLE TRIGGER ALL")
            for event in stored[position - 1 :]:
                state = _state(position, transfers_created("stolen")) if event.position == position else event.state
                topic = "TransfersCreated.v1" if event.position == position else event.topic
                previous = chain_hash(previous, event.position, event.stream, event.version, topic, state)
                connection.execute(
                    "UPDATE stored_events SET topic = %s, state = %s, chain_hash = %s WHERE notification_id = %s",
                    (topic, state, previous, event.position),
                )
            connection.execute("UPDATE feed_head SET hash = %s", (previous,))

    def cut(self, position: int) -> None:
        """Takes away everything after a position, as a restore of an old copy does."""
        kept = self.store.read(position - 1, 1)[0]
        with psycopg.connect(self.database.owner_conninfo) as connection:
            connection.execute("DELETE FROM stored_events WHERE notification_id > %s", (position,))
            connection.execute("UPDATE feed_head SET position = %s, hash = %s", (position, kept.hash))


def _state(number: int, fields: object) -> bytes:
    return msgspec.msgpack.encode([1, START_NS + number * 1_000_000_000, "", fields])


@pytest.fixture
def source(database: Callable[[str], Database]) -> Iterator[StoredSource]:
    """Custody's store with events."""
    fresh = database(SOURCE)
    apply_migrations(fresh.owner_conninfo, fresh.app_role, event_store_migrations())
    store = EventStore(fresh.app_conninfo, settle_seconds=10)
    yield StoredSource(store, fresh)
    store.close()


def follower(audit: Audit, source: StoredSource) -> Follower:
    """Makes what follows custody from where the log stands, as the service does."""
    differences = Differences(source, StoredMarks(audit.store, EventCodec(EVENTS)))
    head = audit.log.head(SOURCE)
    return Follower(
        source=SOURCE,
        read=source.read,
        handle=audit.take_over,
        cursor=Head(head.epoch, head.position, head.hash),
        poll_seconds=0.05,
        first_difference=lambda: differences.first(audit.log.head(SOURCE)),
    )


async def take_over_all(audit: Audit, source: StoredSource, identity: SourceFeed) -> None:
    """Fills the log: pages of one to three events of custody, identity in between, reads, and checkpoints."""
    following, count = follower(audit, source), 0
    while count < EVENT_COUNT:
        step = min(1 + count % 3, EVENT_COUNT - count)
        source.add(step)
        count += step
        await following.pull()
        identity.add("KycChanged.v1", kyc_changed(f"party-{count}"))
        await audit.follow(identity)
        await audit.record_read(BOOK, "GetCheckpoint", {})
        if count % 4 == 0:
            await audit.sign_checkpoint()
    assert audit.log.head(SOURCE).position == EVENT_COUNT


async def halted(following: Follower) -> str:
    """Runs a follower until it has halted."""
    async with asyncio.timeout(20):
        await following.run()
    return following.halted


@pytest.mark.parametrize("position", [1, 2, 17, 23, EVENT_COUNT - 1, EVENT_COUNT])
@pytest.mark.parametrize("news", [0, 2])
async def test_a_rewritten_event_is_named_and_not_the_head(
    audit: Audit, source: StoredSource, identity: SourceFeed, position: int, news: int
) -> None:
    """Whether the source has gone on since or not, the halt names source and position, for the price of a bisection."""
    await take_over_all(audit, source, identity)
    source.rewrite(position)
    source.add(news)
    following = follower(audit, source)
    source.asked, source.refusals = 0, 2
    reason = await halted(following)
    assert reason.startswith("FEED_FORK: ")
    assert reason.endswith(f"the first event of custody that differs is at position {position}")
    assert source.asked < news + 15
    assert following.cursor.position == EVENT_COUNT
    compared = await compare(
        source,
        Differences(source, StoredMarks(audit.store, EventCodec(EVENTS))).first,
        audit.log.head(SOURCE),
        recompute=True,
    )
    assert compared.difference.endswith(f"the first event of custody that differs is at position {position}")


async def test_a_feed_that_was_cut_differs_from_its_end_on(
    audit: Audit, source: StoredSource, identity: SourceFeed
) -> None:
    """What is missing differs too, and of two changes the first is named."""
    await take_over_all(audit, source, identity)
    source.cut(30)
    assert (await halted(follower(audit, source))).endswith("that differs is at position 31")
    source.rewrite(12)
    assert (await halted(follower(audit, source))).endswith("that differs is at position 12")


async def test_new_events_that_break_the_chain_leave_the_past_as_it_is(
    audit: Audit, source: StoredSource, identity: SourceFeed
) -> None:
    """Where all that the log has agrees, nothing is added to what the halt says: it names the place already."""
    await take_over_all(audit, source, identity)
    source.add(1)
    with psycopg.connect(source.database.owner_conninfo) as connection:
        connection.execute("UPDATE stored_events SET state = 'x' WHERE notification_id = %s", (EVENT_COUNT + 1,))
    reason = await halted(follower(audit, source))
    assert reason == f"FEED_FORK: the event at position {EVENT_COUNT + 1} does not continue the chain"
