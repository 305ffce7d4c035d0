"""From a page of a source's feed to pages of the log, each ready to be appended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from opentelemetry import trace
from ringfence_kernel.feed import EventUnknown, FeedFork, FeedPage
from ringfence_kernel.store import StoredEvent
from ringfence_kernel.store.codec import open_envelope
from ringfence_kernel.telemetry import tracing as telemetry

from ringfence_audit.log.application.ports import Translation
from ringfence_audit.log.domain.checkpoint import SourceHead
from ringfence_audit.log.domain.page import MAX_PAGE_EVENTS, ClosedPage, SourceEvent, Translated, close_page, prepared

MOST_LINKS = 16
PAGE_BYTES = 1 << 20
"""Bytes of leaves in one page, unless a single event of the source needs more."""


def remaining(head: SourceHead, feed: FeedPage) -> list[StoredEvent]:
    """Gives the events of a page that the log does not have; raises FeedFork where they do not go on from its head."""
    events = [event for event in feed.events if event.position > head.position]
    known = [event for event in feed.events if event.position == head.position]
    if feed.cursor.epoch != head.epoch or (known and known[0].hash != head.hash):
        raise FeedFork(f"{feed.source} has another event at position {head.position} than the log")
    if events and events[0].position != head.position + 1:
        raise FeedFork(f"{feed.source} goes on at {events[0].position}, the log stands at {head.position}")
    return events


def pages_of(
    head: SourceHead, events: Sequence[StoredEvent], translation: Translation, *, deflating: bool
) -> Iterator[ClosedPage]:
    """Translates events and closes pages of bounded size; yields each with the hashes of its leaves, and deflated.

    Raises EventUnknown where translation does, after the pages of all events before.
    """
    batch: list[Translated] = []
    size = 0
    try:
        for translated in translation.translate(head.source, map(_source_event, events)):
            added = sum(map(len, translated.leaves))
            if batch and (size + added > PAGE_BYTES or len(batch) == MAX_PAGE_EVENTS):
                page = close_page(head, batch)
                yield prepared(page, deflating=deflating)
                head, batch, size = page.head, [], 0
            batch.append(translated)
            size += added
    except EventUnknown:
        if batch:
            yield prepared(close_page(head, batch), deflating=deflating)
        raise
    if batch:
        yield prepared(close_page(head, batch), deflating=deflating)


def as_far_as_known(pages: Iterator[ClosedPage]) -> tuple[list[ClosedPage], EventUnknown | None]:
    """Gives the pages, and what ends them where an event is unknown."""
    found: list[ClosedPage] = []
    try:
        for page in pages:
            found.append(page)
    except EventUnknown as unknown:
        return found, unknown
    return found, None


def links(events: Sequence[StoredEvent]) -> list[trace.Link]:
    """Gives links to the traces in which the first events were made; those that cannot be read have none."""
    found = []
    for event in events[:MOST_LINKS]:
        try:
            link = telemetry.link_from(open_envelope(event.state).traceparent)
        except msgspec.MsgspecError:
            continue
        if link is not None:
            found.append(link)
    return found


def _source_event(stored: StoredEvent) -> SourceEvent:
    try:
        time_ns = open_envelope(stored.state).recorded_at_ns
    except msgspec.MsgspecError:
        time_ns = 0
    return SourceEvent(stored.position, stored.stream, stored.version, stored.topic, stored.state, stored.hash, time_ns)
