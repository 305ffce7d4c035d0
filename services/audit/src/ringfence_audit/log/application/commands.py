"""Keeps the log: takes over sources page by page, records reads, and has checkpoints signed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
from opentelemetry import trace
from ringfence_kernel.feed import FeedFork, FeedPage
from ringfence_kernel.store import StoredEvent
from ringfence_kernel.store.codec import open_envelope
from ringfence_kernel.telemetry import tracing as telemetry
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.values.ids import external_id
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_audit.log.application.ports import LogRows, StoredPage
from ringfence_audit.log.domain.checkpoint import Checkpoint, SourceHead
from ringfence_audit.log.domain.events import CheckpointSigned
from ringfence_audit.log.domain.leaf import Value, encode
from ringfence_audit.log.domain.merkle import Tile, leaf_hashes
from ringfence_audit.log.domain.page import MAX_PAGE_EVENTS, Page, SourceEvent, Translated, close_page
from ringfence_audit.log.domain.state import Log, SignedHead
from ringfence_audit.translation.application.translator import Translator
from ringfence_audit.translation.domain.accounts import Accounts

READ_KIND = "audit.read.v1"
SOURCE = "ringfence.source"
"""Span attribute: the service whose events were taken over."""
MOST_LINKS = 16
PAGE_BYTES = 1 << 20
"""Bytes of leaves in one page, unless a single event of the source needs more."""


class TakenOverElsewhere(DomainError):
    """Another process has appended to the log meanwhile; the same page comes again."""

    reason = "TAKEN_OVER_ELSEWHERE"
    code = "ABORTED"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the log stood when a read was recorded: its size in leaves, and its latest signed checkpoint if any."""

    size: int
    signed: SignedHead | None
    heads: Mapping[str, SourceHead]


class Keeper:
    """The commands of the log; every one is committed when it returns."""

    def __init__(self, writer: GroupWriter, log: Log, rows: LogRows) -> None:
        self._writer = writer
        self._log = log
        self._rows = rows
        self._stream = external_id("audit.log", b"", log.origin)

    async def take_over(self, feed: FeedPage) -> None:
        """Appends the leaves of a feed page and moves the source's head, all in one transaction.

        Events that the log has already are left out. Raises FeedFork where the page does not go on from the log's
        head, and TakenOverElsewhere where the log has moved meanwhile.
        """
        head = self._log.head(feed.source)
        events = remaining(head, feed)
        if not events:
            return
        with telemetry.span("take_over", links=links(events), attributes={SOURCE: feed.source}, new_trace=True):
            pages = await asyncio.to_thread(lambda: list(prepare(head, events, self._log.accounts)))
            await self._append(head, pages)

    async def _append(self, head: SourceHead, pages: Sequence[tuple[Page, bytes]]) -> None:
        def command(unit: Unit) -> None:
            if self._log.head(head.source) != head:
                raise TakenOverElsewhere(source=head.source)
            for page, hashes in pages:
                event, tiles = self._log.append_page(page, hashes, unit.journal)
                unit.record(self._stream, event, applied=True)
                self._save(unit, tiles, event.first_leaf, event.count, page.earliest_ns, page.latest_ns)

        weight = sum(len(page.leaves) for page, _ in pages)
        await self._writer.commit(command, weight=weight)

    async def record_read(self, reader: bytes, method: str, query: Mapping[str, Value | None]) -> Standing:
        """Appends the leaf of a read before it is answered; gives where the log stands then."""

        def command(unit: Unit) -> Standing:
            fields = {f"query_{name}": value for name, value in query.items()}
            leaf = encode(READ_KIND, {**fields, "reader_id": reader, "method": method, "time_ns": unit.now_ns})
            event, tiles = self._log.append_read(leaf, unit.journal)
            unit.record(self._stream, event, applied=True)
            self._save(unit, tiles, event.first_leaf, 1, unit.now_ns, unit.now_ns)
            return Standing(self._log.frontier.size, self._log.signed, dict(self._log.heads))

        standing: Standing = await self._writer.commit(command)
        return standing

    async def checkpoint_due(self) -> Checkpoint | None:
        """Gives the committed head that is to be signed, or None where there is no news."""

        def command(unit: Unit) -> Checkpoint | None:
            signed = self._log.signed
            news = self._log.frontier.size > (signed.size if signed else 0)
            return self._log.checkpoint() if news else None

        due: Checkpoint | None = await self._writer.commit(command)
        return due

    async def record_checkpoint(self, checkpoint: Checkpoint, note: str) -> None:
        """Records a signed checkpoint, unless a larger one was recorded meanwhile."""

        def command(unit: Unit) -> None:
            if self._log.signed is None or self._log.signed.size < checkpoint.size:
                unit.record(self._stream, CheckpointSigned(checkpoint.size, checkpoint.root, note))

        await self._writer.commit(command)

    def _save(
        self, unit: Unit, tiles: Sequence[Tile], first_leaf: int, count: int, earliest_ns: int, latest_ns: int
    ) -> None:
        page = StoredPage(first_leaf, count, unit.recorded[-1].position, earliest_ns, latest_ns)
        unit.commit_also(partial(self._rows.save, tiles=tiles, page=page))


def remaining(head: SourceHead, feed: FeedPage) -> list[StoredEvent]:
    """Gives the events of a page that the log does not have; raises FeedFork where they do not go on from its head."""
    events = [event for event in feed.events if event.position > head.position]
    known = [event for event in feed.events if event.position == head.position]
    if feed.cursor.epoch != head.epoch or (known and known[0].hash != head.hash):
        raise FeedFork(f"{feed.source} has another event at position {head.position} than the log")
    if events and events[0].position != head.position + 1:
        raise FeedFork(f"{feed.source} goes on at {events[0].position}, the log stands at {head.position}")
    return events


def prepare(head: SourceHead, events: Sequence[StoredEvent], accounts: Accounts) -> Iterator[tuple[Page, bytes]]:
    """Translates events and closes pages of bounded size; yields each with the hashes of its leaves."""
    translator = Translator(head.source, accounts)
    batch: list[Translated] = []
    size = 0
    for stored in events:
        translated = translator.translate(_source_event(stored))
        added = sum(map(len, translated.leaves))
        if batch and (size + added > PAGE_BYTES or len(batch) == MAX_PAGE_EVENTS):
            page = close_page(head, batch)
            yield page, leaf_hashes(page.leaves)
            head, batch, size = page.head, [], 0
        batch.append(translated)
        size += added
    if batch:
        page = close_page(head, batch)
        yield page, leaf_hashes(page.leaves)


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
