"""Streams that a state has let go of."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import pytest
from ringfence_kernel.store import EventStore, NewEvent
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.values.clock import ManualClock
from ringfence_kernel.values.errors import StoreUnavailable
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.journal import Journal
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ..tally import CODEC, STREAM, Counted, Tally, TooMuch


class Closing(Tally):
    """Counters that are let go of at ten: what is closed stands in the table alone."""

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Counts, and closes a counter that has come to ten."""
        super().apply(recorded, journal)
        if self.counters[recorded.event.name] >= 10:
            journal.remove(self.counters, recorded.event.name)
            journal.end(recorded.stream)


def test_a_store_that_is_away_while_an_event_is_taken_in_breaks_nothing(store: EventStore) -> None:
    """A state that reads what has left memory may find the store away: it is asked again, and all is there once."""

    class Reading(Tally):
        """Reads the store before the second event, which is away the first time."""

        is_away = True

        def apply(self, recorded: Recorded, journal: Journal) -> None:
            """Counts, and counts again once the store is there."""
            super().apply(recorded, journal)
            if recorded.position == 2 and self.is_away:
                self.is_away = False
                raise StoreUnavailable

    rows = [NewEvent(STREAM, version, *CODEC.encode(Counted("a", 1), 1_000, "")) for version in (1, 2, 3)]
    store.append(0, rows)
    writer = GroupWriter(store, CODEC, Reading(), ManualClock(1_000))
    with pytest.raises(StoreUnavailable):
        writer.load()
    assert (writer.head.position, writer.versions) == (1, {STREAM: 1})
    assert writer.load() == 2
    assert (writer.state.counters, writer.versions) == ({"a": 3}, {STREAM: 3})


async def test_versions_of_ended_streams_are_let_go(store: EventStore) -> None:
    """A stream that the state has let go of costs no memory once that is committed, and goes on where it was told."""
    writer = GroupWriter(store, CODEC, Closing(), ManualClock(1_000))
    writer.load()
    running = asyncio.create_task(writer.run())

    def close(unit: Unit) -> None:
        unit.record(STREAM, Counted("a", 4))
        unit.record(STREAM, Counted("a", 6))

    def refuse(unit: Unit) -> None:
        close(unit)
        raise TooMuch

    with pytest.raises(TooMuch):
        await writer.commit(refuse)
    await writer.commit(lambda unit: unit.record(STREAM, Counted("a", 0)))
    assert writer.versions == {STREAM: 1}
    await writer.commit(close)
    assert writer.versions == {}

    def go_on(unit: Unit) -> None:
        unit.resume(STREAM, 3)
        unit.journal.resume(STREAM)
        unit.record(STREAM, Counted("a", 1))

    await writer.commit(go_on)
    assert writer.versions == {STREAM: 4}
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    again = GroupWriter(store, CODEC, Closing(), ManualClock(1_000))
    again.load()
    assert (again.versions, again.state.digest()) == ({STREAM: 4}, writer.state.digest())
    assert [each.version for each in store.replay_streams(CODEC, [STREAM])] == [1, 2, 3, 4]
    assert list(store.replay_streams(CODEC, [b"q" * 16])) == []


def test_a_stream_is_replayed_where_its_first_event_is_of_a_kind(store: EventStore) -> None:
    """In order, and beside others; of a stream that another kind has begun nothing, whatever came after."""

    class Other(Counted):
        """Another kind."""

        TOPIC: ClassVar[str] = "Other.v1"

    codec = EventCodec([Counted, Other])
    begun, foreign = b"b" * 16, b"f" * 16
    kinds = [(begun, Counted), (foreign, Other), (begun, Other), (foreign, Counted), (begun, Counted)]
    versions = {begun: 0, foreign: 0}
    for position, (stream, kind) in enumerate(kinds):
        versions[stream] += 1
        store.append(position, [NewEvent(stream, versions[stream], *codec.encode(kind("a", position), 1_000, ""))])
    found = [(each.position, each.version) for each in store.replay_begun_by(codec, begun, Counted)]
    assert found == [(1, 1), (3, 2), (5, 3)]
    assert list(store.replay_begun_by(codec, foreign, Counted)) == []
    assert list(store.replay_begun_by(codec, b"n" * 16, Counted)) == []
