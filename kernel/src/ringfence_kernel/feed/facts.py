"""Takes over what a service has to know of another's feed, as facts, and stops before what it does not know."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

from ringfence_kernel.feed.follower import FeedPage
from ringfence_kernel.feed.halts import EventUnknown
from ringfence_kernel.store import Head, StoredEvent, move_cursor
from ringfence_kernel.store.recorder import Within

Fact = TypeVar("Fact")
FactsOf = Callable[[Iterable[StoredEvent]], Sequence[Fact]]
"""Returns the facts in events; raises EventUnknown for a topic, field or code that is not described."""
Note = Callable[[Sequence[Fact], Within], Awaitable[None]]
"""Commits facts and, in the same transaction, the cursor after them."""


def known_part(page: FeedPage, facts_of: FactsOf[Fact]) -> tuple[FeedPage, EventUnknown | None]:
    """Returns a page as far as its events are known, and what ends it there if anything."""
    known: list[StoredEvent] = []
    for stored in page.events:
        try:
            facts_of([stored])
        except EventUnknown as unknown:
            cursor = Head(page.cursor.epoch, known[-1].position, known[-1].hash) if known else page.cursor
            return FeedPage(page.source, known, cursor), unknown
        known.append(stored)
    return page, None


def taking_over(facts_of: FactsOf[Fact], note: Note[Fact], cursor: str) -> Callable[[FeedPage], Awaitable[None]]:
    """Returns the handler of pages: facts and cursor in one transaction, of each page in one process only.

    It raises EventUnknown at an event that is not described, once those before it are taken in.
    """

    async def handle(page: FeedPage) -> None:
        before = page.cursor.position - len(page.events)
        known, unknown = known_part(page, facts_of)
        if known.events:
            await note(facts_of(known.events), lambda connection: move_cursor(connection, cursor, before, known.cursor))
        if unknown is not None:
            raise unknown

    return handle
