"""Who follows custody for its days takes those over, and nothing else, whatever else custody publishes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from ringfence_kernel.calendars.following import calendar_facts
from ringfence_kernel.calendars.noted import BusinessDayNoted, CalendarYearNoted
from ringfence_kernel.feed import EventUnknown
from ringfence_kernel.store import StoredEvent
from ringfence_kernel.store.codec import Envelope

YEAR = {
    "calendar": "TARGET", "year": 2027, "closed_days": bytes(4), "working_weekends": b"", "document_sha256": bytes(32),
    "proposer": bytes(16), "confirmer": bytes(16),
}  # fmt: skip
DAY = {"calendar": "TARGET", "day": 20833, "previous_day": 0, "opened_ns": 1, "stepped": False}


def stored(topic: str, **fields: Any) -> StoredEvent:
    """Returns an event as custody's feed has it."""
    state = msgspec.msgpack.encode(Envelope(1, 1, "", msgspec.Raw(msgspec.msgpack.encode(fields))))
    return StoredEvent(1, bytes(16), 1, topic, state, bytes(32))


def test_years_and_days_are_taken_over() -> None:
    """In order; transfers say nothing of days, and nor does what only a later release of custody publishes."""
    page = [
        stored("CalendarYear.v1", **YEAR),
        stored("TransfersCreated.v1", number=1),
        stored("SafeguardingSigned.v1", day=20833),
        stored("BusinessDayOpened.v1", **DAY),
    ]
    assert calendar_facts(page) == [
        CalendarYearNoted("TARGET", 2027, bytes(4), b"", bytes(32)),
        BusinessDayNoted("TARGET", 20833),
    ]


@pytest.mark.parametrize(
    "event",
    [
        stored("CalendarYear.v2", **YEAR),
        stored("BusinessDayOpened.v2", **DAY),
        stored("BusinessDayOpened.v1", **DAY, half=True),
    ],
    ids=["year", "day", "field"],
)
def test_what_is_said_of_days_and_not_described_halts(event: StoredEvent) -> None:
    """Another version, or another field, of a calendar's own topics is neither guessed nor passed over."""
    with pytest.raises(EventUnknown):
        calendar_facts([event])
