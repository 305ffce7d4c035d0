"""Follows custody for its calendars and days alone.

Custody decides them and follows others itself, so no order of upgrades suits both ways: what else custody publishes is
passed over, described here or not, since it says nothing of days. A calendar's own topic, field or code that is not
described halts this follower as it does any other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import msgspec
from ringfence_protos.custody.v1 import events_pb2

from ringfence_kernel.calendars.noted import BusinessDayNoted, CalendarYearNoted
from ringfence_kernel.feed import EventUnknown, FeedPage
from ringfence_kernel.feed.facts import taking_over
from ringfence_kernel.feed.published import described, require_known
from ringfence_kernel.store import StoredEvent
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.store.recorder import Within
from ringfence_kernel.writing.writer import GroupWriter, Unit

CURSOR = "follower:custody"
Noted: TypeAlias = CalendarYearNoted | BusinessDayNoted


@dataclass(frozen=True, slots=True)
class CalendarYear:
    """The fields of custody's published event."""

    TOPIC: ClassVar[str] = "CalendarYear.v1"
    calendar: str
    year: int
    closed_days: bytes
    working_weekends: bytes
    document_sha256: bytes
    proposer: bytes
    confirmer: bytes

    def noted(self) -> Noted:
        """Returns what is kept of it."""
        return CalendarYearNoted(
            self.calendar, self.year, self.closed_days, self.working_weekends, self.document_sha256
        )


@dataclass(frozen=True, slots=True)
class BusinessDayOpened:
    """The fields of custody's published event."""

    TOPIC: ClassVar[str] = "BusinessDayOpened.v1"
    calendar: str
    day: int
    previous_day: int
    opened_ns: int
    stepped: bool

    def noted(self) -> Noted:
        """Returns what is kept of it."""
        return BusinessDayNoted(self.calendar, self.day)


_CODEC = EventCodec((CalendarYear, BusinessDayOpened))
_PUBLISHED = described(events_pb2.DESCRIPTOR)
_NAMES = frozenset(topic.partition(".")[0] for topic in _CODEC.topics)


def calendar_facts(events: Iterable[StoredEvent]) -> list[Noted]:
    """Returns what events say of calendars and days.

    Raises EventUnknown for a version, a field or a code of theirs that is not described.
    """
    facts: list[Noted] = []
    for stored in events:
        if stored.topic.partition(".")[0] not in _NAMES:
            continue
        if stored.topic not in _CODEC.topics:
            raise EventUnknown(f"custody has published {stored.topic}, which is not described")
        event, envelope = _CODEC.decode(stored.topic, stored.state)
        require_known(_PUBLISHED[stored.topic], msgspec.msgpack.decode(envelope.fields))
        facts.append(event.noted())
    return facts


def take_over_days(writer: GroupWriter) -> Callable[[FeedPage], Awaitable[None]]:
    """Returns the handler of custody's pages: what they say of days, and the cursor, in one transaction."""

    async def note(facts: Sequence[Noted], save_cursor: Within) -> None:
        def command(unit: Unit) -> None:
            for fact in facts:
                unit.record(fact.stream, fact)
            unit.commit_also(save_cursor)

        await writer.commit(command, weight=1 + len(facts))

    return taking_over(calendar_facts, note, CURSOR)
