"""What a feed is answered from: memory where nobody else can have committed, the store now and then all the same."""

from __future__ import annotations

import psycopg
import pytest
from ringfence_kernel.access.caller import Caller, calling
from ringfence_kernel.feed.server import LOOK_SECONDS, FeedServicer
from ringfence_kernel.store import EventStore, Head
from ringfence_local_stack.servers.database import Database
from ringfence_protos.common.v1 import feed_pb2

from ..tally import fill

EVENTS = 3


class Served:
    """A feed of three events, read by names at a time that passes by hand; counts how often the store is read."""

    def __init__(self, store: EventStore) -> None:
        """Starts as a leader that has just committed the last of them."""
        self.store, self.head, self.now, self.reads = store, store.head(), 0.0, 0
        self.leads = True
        self.servicer = FeedServicer("source", store, lambda: self.head if self.leads else None, lambda: self.now)
        read = store.read_with_head

        def counted(after: int, limit: int) -> object:
            self.reads += 1
            return read(after, limit)

        self._counted = counted

    async def read(self, after: int, name: str = "reader") -> feed_pb2.ReadResponse:
        """Reads as somebody."""
        with calling(Caller(f"spiffe://test/{name}", name, name.encode(), "")):
            return await self.servicer.Read(feed_pb2.ReadRequest(after=after), None)


@pytest.fixture
def served(store: EventStore, monkeypatch: pytest.MonkeyPatch) -> Served:
    """A feed in this process."""
    fill(store, EVENTS)
    made = Served(store)
    monkeypatch.setattr(store, "read_with_head", made._counted)
    return made


async def test_who_has_everything_is_told_so_from_memory(served: Served) -> None:
    """Where the feed stands is the same as the store says; each reader's first question is answered from there."""
    from_store = await served.read(EVENTS)
    from_memory = await served.read(EVENTS)
    assert from_store == from_memory
    assert (served.reads, len((await served.read(0)).events), served.reads) == (1, EVENTS, 2)
    await served.read(EVENTS, "another")
    assert served.reads == 3


@pytest.mark.parametrize("why", ["it does not lead", "it does not know the hash", "the reader is ahead"])
async def test_what_memory_does_not_know_is_read(served: Served, why: str) -> None:
    """A standby, a leader that has just begun, and a reader of a store that has gone back."""
    await served.read(EVENTS)
    served.leads = why != "it does not lead"
    if why == "it does not know the hash":
        served.head = Head(served.head.epoch, EVENTS, b"")
    await served.read(EVENTS + (why == "the reader is ahead"))
    assert served.reads == 2


async def test_what_another_hand_writes_is_seen_after_a_while(served: Served, migrated: Database) -> None:
    """Nothing but this process can commit, and yet its memory is not taken for the store for ever."""
    await served.read(EVENTS)
    with psycopg.connect(migrated.owner_conninfo, autocommit=True) as connection:
        connection.execute("UPDATE feed_head SET hash = sha256('another')")
    assert (await served.read(EVENTS)).head.hash == served.head.hash
    served.now += LOOK_SECONDS
    assert (await served.read(EVENTS)).head.hash != served.head.hash
