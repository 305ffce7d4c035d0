"""Following a feed: everything once, in order, or a loud stop."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from ringfence_kernel.feed import EventUnknown, FeedFork, FeedPage, FeedServicer, Follower, Looking, pulling
from ringfence_kernel.projecting.projector import Projector, rebuild_and_compare
from ringfence_kernel.service import follow as follow_as_task
from ringfence_kernel.store import EventStore, Head, apply_migrations, load_cursor
from ringfence_kernel.telemetry import tracing
from ringfence_kernel.telemetry.gauges import Gauges
from ringfence_kernel.values.recorded import Recorded
from ringfence_local_stack.servers.database import Database
from ringfence_protos.common.v1 import feed_pb2
from structlog.testing import capture_logs

from ..tally import CODEC, MIGRATION, TallyModel, fill


class Source:
    """A feed served in this process, with a way to tamper with pages."""

    def __init__(self, store: EventStore) -> None:
        self.servicer = FeedServicer("source", store)
        self.tamper: Any = lambda response: None
        self.away = False

    async def __call__(self, request: feed_pb2.ReadRequest) -> feed_pb2.ReadResponse:
        if self.away:
            raise ConnectionError("away")
        request.limit = 2
        response = await self.servicer.Read(request, None)
        self.tamper(response)
        return response


@pytest.fixture
def source(store: EventStore) -> Source:
    """A feed of five events."""
    fill(store, 5)
    return Source(store)


class Result:
    """What a follower has handled."""

    def __init__(self) -> None:
        self.positions: list[int] = []
        self.fail_next = False

    async def __call__(self, page: FeedPage) -> None:
        if self.fail_next:
            self.fail_next = False
            raise ConnectionError("the commit failed")
        self.positions += [event.position for event in page.events]


async def follow(follower: Follower, until: Any) -> None:
    """Runs the follower until a condition holds."""
    task = asyncio.create_task(follower.run())
    async with asyncio.timeout(10):
        while not until():
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_every_event_comes_once_and_in_order(source: Source, store: EventStore) -> None:
    """Through failed commits, an absent source and later events, a follower handles 1, 2, 3 … each once."""
    result = Result()
    result.fail_next = True
    follower = Follower("source", source, result, Head(1, 0, bytes(32)), poll_seconds=0.05)
    await follow(follower, lambda: follower.cursor.position == 5)
    source.away = True
    fill(store, 2)
    task = asyncio.create_task(follower.run())
    await asyncio.sleep(0.15)
    assert result.positions == [1, 2, 3, 4, 5]
    source.away = False
    async with asyncio.timeout(5):
        while follower.cursor.position < 7:
            await asyncio.sleep(0.01)
    task.cancel()
    assert result.positions == [1, 2, 3, 4, 5, 6, 7]
    assert follower.cursor == store.head()


async def test_lag_is_what_is_not_taken_in_and_for_how_long(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only who follows has a lag: events that the commit has not taken, and the time since one was; not a standby."""
    monkeypatch.setattr(pulling, "FIRST_POLL_SECONDS", 60)
    reader, result = InMemoryMetricReader(), Result()
    follower = Follower("source", source, result, Head(1, 0, bytes(32)), poll_seconds=60)
    follower.gauge(Gauges(MeterProvider([reader]).get_meter("test")))
    assert reader.get_metrics_data() is None
    result.fail_next = True
    task = asyncio.create_task(follower.run())
    async with asyncio.timeout(5):
        while result.fail_next:
            await asyncio.sleep(0.01)
    of_source = {"ringfence.source": "source"}
    [(attributes, behind)] = gauges(reader)["ringfence.feed.lag.duration"]
    assert (attributes, behind > 0) == (of_source, True)
    assert gauges(reader)["ringfence.feed.lag.events"] == [(of_source, 5)]
    await asyncio.sleep(0.1)
    assert gauges(reader)["ringfence.feed.lag.duration"][0][1] >= behind + 0.1
    follower.ring()
    async with asyncio.timeout(5):
        while follower.cursor.position < 5:
            await asyncio.sleep(0.01)
    assert gauges(reader)["ringfence.feed.lag.events"] == [(of_source, 0)]
    assert gauges(reader)["ringfence.feed.lag.duration"][0][1] < behind + 0.1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert reader.get_metrics_data() is None


async def test_a_source_that_does_not_answer_is_told(source: Source) -> None:
    """By whoever follows it, beside the health and not for ever; a standby has nothing to tell."""
    looking = Looking(lost_seconds=0.15, unheard_seconds=0.15)
    follower = Follower("source", source, Result(), Head(1, 0, bytes(32)), poll_seconds=0.01, looking=looking)
    following, (_, check) = follow_as_task(follower)
    assert (check.name, check.serves_on, await check.probe()) == ("source-source", True, None)
    task = asyncio.create_task(following.run())
    for away, said in ((False, None), (True, "no answer"), (False, None)):
        source.away = away
        # Long enough to be missed; what a loaded machine adds is waited for.
        await asyncio.sleep(0.4)
        async with asyncio.timeout(60):
            while await check.probe() != said:
                await asyncio.sleep(0.01)
    source.away = True
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0.4)
    assert await check.probe() is None


async def test_ring_brings_news_before_the_timer(source: Source, store: EventStore) -> None:
    """A ring makes a follower pull at once."""
    result = Result()
    follower = Follower("source", source, result, Head(1, 0, bytes(32)), poll_seconds=60)
    task = asyncio.create_task(follower.run())
    while follower.cursor.position < 5:
        await asyncio.sleep(0.01)
    fill(store, 1)
    follower.ring()
    async with asyncio.timeout(5):
        while follower.cursor.position < 6:
            await asyncio.sleep(0.01)
    task.cancel()


def flip_state(response: feed_pb2.ReadResponse) -> None:
    """Changes one event of a page."""
    event = response.events[-1]
    event.state = event.state[:-1] + b"!"


def drop_first(response: feed_pb2.ReadResponse) -> None:
    """Leaves out an event."""
    del response.events[0]


def other_epoch(response: feed_pb2.ReadResponse) -> None:
    """Says that the feed has been forked."""
    response.head.epoch = 2


def shorter(response: feed_pb2.ReadResponse) -> None:
    """Loses the tail, as a restored database does."""
    del response.events[:]
    response.head.position = 1


def rewritten(response: feed_pb2.ReadResponse) -> None:
    """Has another event at the cursor's own position."""
    if not response.events:
        response.head.hash = b"x" * 32


def wrong_source(response: feed_pb2.ReadResponse) -> None:
    """Is another feed."""
    response.head.source = "somebody"


@pytest.mark.parametrize("tamper", [flip_state, drop_first, other_epoch, shorter, rewritten, wrong_source])
async def test_fork_halts_and_is_never_skipped(source: Source, tamper: Any) -> None:
    """A feed that does not continue what was followed halts the follower, which stays where it was."""
    result = Result()
    follower = Follower("source", source, result, Head(1, 0, bytes(32)), poll_seconds=0.02)
    await follower.pull()
    assert result.positions == [1, 2]
    source.tamper = tamper
    async with asyncio.timeout(5):
        await follower.run()
    assert follower.halted
    assert result.positions in ([1, 2], [1, 2, 3, 4, 5])
    with pytest.raises(FeedFork):
        await follower.pull()


async def test_an_event_that_nobody_knows_halts_and_is_never_skipped(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handler that has no description of an event halts the follower before it: nothing is passed over."""

    async def handle(page: FeedPage) -> None:
        raise EventUnknown("Unheard.v1 is not described")

    reader = InMemoryMetricReader()
    meter = MeterProvider([reader]).get_meter("test")
    monkeypatch.setattr(tracing, "meter", lambda: meter)
    follower = Follower("source", source, handle, Head(1, 0, bytes(32)), poll_seconds=0.02)
    with capture_logs() as lines:
        async with asyncio.timeout(5):
            await follower.run()
    assert follower.halted == "EVENT_UNKNOWN: Unheard.v1 is not described"
    assert follower.cursor.position == 0
    [line] = [line for line in lines if line["event"] == "feed_event_unknown"]
    assert (line["log_level"], line["source"]) == ("critical", "source")
    assert gauges(reader) == {"ringfence.feed.halted": [({"ringfence.source": "source"}, 1)]}


def gauges(reader: InMemoryMetricReader) -> dict[str, list[tuple[dict[str, Any], float]]]:
    """What is measured now: attributes and values by name."""
    data: Any = reader.get_metrics_data()
    return {
        metric.name: [(dict(point.attributes), point.value) for point in metric.data.data_points]
        for of_resource in data.resource_metrics
        for of_scope in of_resource.scope_metrics
        for metric in of_scope.metrics
    }


async def test_read_model_is_rebuilt_from_events_alone(store: EventStore, migrated: Database) -> None:
    """A rebuild beside the live read model finds no difference, and finds the one that is made."""
    apply_migrations(migrated.owner_conninfo, migrated.app_role, [MIGRATION])
    fill(store, 450)
    projector = Projector(store, CODEC, TallyModel())
    task = asyncio.create_task(projector.run())
    async with asyncio.timeout(20):
        await projector.reached(450)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert load_cursor(store, "projection:tally").position == 450
    assert rebuild_and_compare(store, CODEC, TallyModel()) == {"tally": 0}
    with psycopg.connect(migrated.owner_conninfo, autocommit=True) as connection:
        connection.execute("UPDATE tally SET total = 2 WHERE position = 7")
    assert rebuild_and_compare(store, CODEC, TallyModel()) == {"tally": 2}


@pytest.fixture
def tally_rows(store: EventStore, migrated: Database) -> EventStore:
    """A store of five events with the table of the read model."""
    apply_migrations(migrated.owner_conninfo, migrated.app_role, [MIGRATION])
    fill(store, 5)
    return store


class Together(TallyModel):
    """A read model that waits for others of its kind before it writes."""

    def __init__(self, barrier: threading.Barrier) -> None:
        self._barrier = barrier

    def project(self, connection: psycopg.Connection[Any], recorded: Sequence[Recorded]) -> None:
        """Waits a moment for the other, then writes."""
        try:
            self._barrier.wait(0.5)
        except threading.BrokenBarrierError:
            pass
        super().project(connection, recorded)


def test_projectors_of_two_processes_never_project_twice(tally_rows: EventStore) -> None:
    """Of two projectors that read the same page, one writes its rows."""
    model = Together(threading.Barrier(2))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        steps = [pool.submit(Projector(tally_rows, CODEC, model).step) for _ in range(2)]
        assert all(step.result() for step in steps)
    assert rebuild_and_compare(tally_rows, CODEC, TallyModel()) == {"tally": 0}


async def test_rows_of_another_process_count_as_reached(tally_rows: EventStore) -> None:
    """Whoever waits for a position is woken although another process has projected it."""
    mine, other = (Projector(tally_rows, CODEC, TallyModel()) for _ in range(2))
    task = asyncio.create_task(mine.run())
    async with asyncio.timeout(5):
        await mine.reached(5)
        fill(tally_rows, 1)
        while other.step():
            pass
        mine.ring()
        await mine.reached(6)
    task.cancel()


async def test_a_held_projector_goes_on_when_somebody_waits(tally_rows: EventStore) -> None:
    """On hold nothing is projected, until somebody waits for a position or the hold ends."""
    held = True
    projector = Projector(tally_rows, CODEC, TallyModel(), hold=lambda: held)
    task = asyncio.create_task(projector.run())
    async with asyncio.timeout(5):
        await asyncio.sleep(0.1)
        assert projector.position == 0
        await projector.reached(5)
        fill(tally_rows, 1)
        projector.ring()
        await asyncio.sleep(0.1)
        assert projector.position == 5
        held = False
        while projector.position < 6:
            await asyncio.sleep(0.01)
    task.cancel()


def test_rebuild_beside_a_working_projector_writes_nothing_live(tally_rows: EventStore) -> None:
    """Statements that a connection has prepared for the live tables go to the rebuilt ones during a comparison."""
    projector = Projector(tally_rows, CODEC, TallyModel())
    for _ in range(12):
        fill(tally_rows, 20)
        while projector.step():
            pass
        assert rebuild_and_compare(tally_rows, CODEC, TallyModel()) == {"tally": 0}


async def test_fresh_follower_takes_the_epoch_it_finds(source: Source, migrated: Database) -> None:
    """Who has followed nothing yet cannot have been forked: it starts in whatever epoch the feed is in."""
    with psycopg.connect(migrated.owner_conninfo, autocommit=True) as connection:
        connection.execute("SELECT open_epoch(5, 'restore 1')")
    follower = Follower("source", source, Result(), Head(1, 0, bytes(32)))
    while await follower.pull():
        pass
    assert (follower.cursor.epoch, follower.cursor.position) == (2, 5)
