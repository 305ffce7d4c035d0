"""Searches: what they cost, and whom they do not hold up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import psycopg
import pytest
from ringfence_audit.log.domain.errors import LogDamaged
from ringfence_kernel.access.caller import Caller, calling
from ringfence_kernel.store import EventStore
from ringfence_local_stack.servers.database import Database
from ringfence_protos.audit.v1 import audit_pb2

from .conftest import Audit
from .feeds import SourceFeed, identifier, transfers_created

CONTEXT: Any = None
PARTY = identifier("party")
SEARCHES = 40
PATIENCE_SECONDS = 15


def auditor(name: str) -> Caller:
    """Returns somebody who may search."""
    return Caller(f"spiffe://ringfence.local/principal/{name}", None, identifier(name), "thumbprint")


@pytest.fixture(autouse=True)
def _caller() -> Iterator[None]:
    """An auditor calls."""
    with calling(auditor("one")):
        yield


def search(**fields: Any) -> audit_pb2.SearchRequest:
    """Returns a search for a party."""
    return audit_pb2.SearchRequest(subject_id=PARTY, **fields)


@pytest.fixture
async def searched(audit: Audit, custody: SourceFeed) -> Audit:
    """A log in which a party was searched for often: each time is a leaf of an event of its own."""
    custody.add("TransfersCreated.v1", transfers_created("t0", "t1"))
    await audit.follow(custody)
    await audit.publish()
    for _ in range(SEARCHES):
        await audit.servicer.Search(search(), CONTEXT)
    await audit.publish()
    return audit


async def test_a_heavy_search_held_in_the_middle_holds_up_nobody_elses_read(
    searched: Audit, audit_database: Database
) -> None:
    """While one auditor's searches wait for the index, another one's receipt is there; then all are answered."""
    with psycopg.connect(audit_database.owner_conninfo) as connection:
        connection.execute("LOCK TABLE index_runs IN ACCESS EXCLUSIVE MODE")
        flood = [asyncio.create_task(searched.servicer.Search(search(), CONTEXT)) for _ in range(SEARCHES)]
        while searched.log.frontier.size < 2 * SEARCHES + 2:  # all are recorded, and now ask the index
            await asyncio.sleep(0.01)
        with calling(auditor("other")):
            receipt = searched.servicer.GetReceipt(audit_pb2.GetReceiptRequest(leaf_index=0), CONTEXT)
            found = await asyncio.wait_for(receipt, PATIENCE_SECONDS)
        assert found.leaf
        assert not any(each.done() for each in flood)
    answers = await asyncio.gather(*flood)
    assert {len(each.leaves) for each in answers} == {SEARCHES}


async def test_what_a_search_finds_is_read_together(searched: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many leaves it finds, each in an event of its own, it asks the database a few times."""
    asked: list[None] = []
    connection: Callable[[EventStore], AbstractContextManager[Any]] = EventStore.connection

    def counted(store: EventStore) -> AbstractContextManager[Any]:
        asked.append(None)
        return connection(store)

    with monkeypatch.context() as patched:
        patched.setattr(EventStore, "connection", counted)
        found = await searched.servicer.Search(search(), CONTEXT)
    assert len(found.leaves) == SEARCHES
    assert len(asked) < 10


async def test_what_was_changed_is_never_found(searched: Audit, audit_database: Database) -> None:
    """An event that is not what was committed is named, also among many that are read together for want of bundles."""
    position = searched.store.head().position - 2
    with psycopg.connect(audit_database.owner_conninfo, autocommit=True) as connection:
        connection.execute("DELETE FROM bundles")
        connection.execute("ALTER TABLE stored_events DISABLE TRIGGER ALL")
        connection.execute(
            "UPDATE stored_events SET state = set_byte(state, 40, get_byte(state, 40) # 1) WHERE notification_id = %s",
            (position,),
        )
    with pytest.raises(LogDamaged) as caught:
        await searched.servicer.Search(search(), CONTEXT)
    assert caught.value.metadata["position"] == str(position)
