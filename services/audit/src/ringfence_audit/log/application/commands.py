"""The commands of the log; each is committed when it returns."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from ringfence_kernel.feed import FeedPage
from ringfence_kernel.telemetry import tracing as telemetry
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_audit.log.application.anchoring import Anchoring
from ringfence_audit.log.application.pages import as_far_as_known, links, pages_of, remaining
from ringfence_audit.log.application.ports import Index, Signer, StoredPage, TileRows, Translation
from ringfence_audit.log.application.publishing import Publishing
from ringfence_audit.log.domain.checkpoint import Checkpoint, SourceHead
from ringfence_audit.log.domain.errors import CheckpointOutrun, TakenOverElsewhere
from ringfence_audit.log.domain.events import CheckpointSigned, SourcesPassed
from ringfence_audit.log.domain.leaf import Value, encode
from ringfence_audit.log.domain.merkle import Tile
from ringfence_audit.log.domain.page import ClosedPage
from ringfence_audit.log.domain.reads import READ_KIND
from ringfence_audit.log.domain.state import HEADS_IN_LINES, LogPosition, State
from ringfence_audit.log.domain.state_leaf import NO_INDEX, IndexHead

SOURCE = "ringfence.source"
"""Span attribute: the service whose events were taken over."""


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Takes over a source, page by page."""

    writer: GroupWriter
    state: State
    translation: Translation
    rows: TileRows

    async def __call__(self, feed: FeedPage) -> None:
        """Appends the leaves of a feed page and moves the source's head, all in one transaction.

        Events that the log has already are left out. Raises FeedFork where the page does not go on from the log's
        head, EventUnknown at an event that is not described, with those before it taken over, and TakenOverElsewhere
        where the log has moved meanwhile.
        """
        head = self.state.head(feed.source)
        events = remaining(head, feed)
        if not events:
            return
        with telemetry.span("take_over", links=links(events), attributes={SOURCE: feed.source}, new_trace=True):
            found = pages_of(head, events, self.translation, deflating=self.state.is_deflating)
            pages, unknown = await asyncio.to_thread(as_far_as_known, found)
            if pages:
                await self._append(head, pages)
        if unknown is not None:
            raise unknown

    async def _append(self, head: SourceHead, pages: Sequence[ClosedPage]) -> None:
        def decide(unit: Unit) -> None:
            if self.state.head(head.source) != head:
                raise TakenOverElsewhere(source=head.source)
            for closed in pages:
                event, tiles = self.state.append_page(closed)
                unit.record(self.state.stream, event)
                stored = (event.first_leaf, event.count, event.earliest_ns, event.latest_ns)
                _save(unit, self.rows, tiles, *stored)

        await self.writer.commit(decide, weight=sum(len(closed.page.leaves) for closed in pages))


@dataclass(frozen=True, slots=True)
class RecordRead:
    """Makes a read a leaf of the log before it is answered."""

    writer: GroupWriter
    state: State
    rows: TileRows

    async def __call__(self, reader: bytes, method: str, query: Mapping[str, Value | None]) -> LogPosition:
        """Appends the leaf; gives where the log stands then."""

        def decide(unit: Unit) -> LogPosition:
            fields = {f"query_{name}": value for name, value in query.items()}
            leaf = encode(READ_KIND, {**fields, "reader_id": reader, "method": method, "time_ns": unit.recorded_ns})
            event, tiles = self.state.append_read(leaf)
            unit.record(self.state.stream, event)
            _save(unit, self.rows, tiles, event.first_leaf, 1, unit.recorded_ns, unit.recorded_ns)
            return self.state.position()

        return await self.writer.commit(decide)


@dataclass(frozen=True, slots=True)
class LogStanding:
    """Tells where the log stands, for reads that show no fact and are none."""

    writer: GroupWriter
    state: State

    async def __call__(self) -> LogPosition:
        """Gives what is committed."""
        return await self.writer.commit(lambda unit: self.state.position())


@dataclass(frozen=True, slots=True)
class SignCheckpoint:
    """Has the log's committed head signed, and records the checkpoint."""

    writer: GroupWriter
    state: State
    rows: TileRows
    signer: Signer
    anchoring: Anchoring
    publishing: Publishing
    index: Index

    async def __call__(self) -> None:
        """Signs the head if the log has grown since the last one, after the leaf that states what the log knows.

        One that has not grown is compared with what it has signed. Raises CheckpointOutrun, LogRolledBack, AnchorMoved,
        WitnessesMissing, and what anchoring and signing raise.
        """
        index = await self.index() if await self.writer.commit(lambda unit: self._lacks_state()) else NO_INDEX
        is_due, head = await self.writer.commit(partial(self._head, index=index))
        if not is_due:
            await self.anchoring.compare(head)
            return
        await self.anchoring.advance(head)
        note = await self.signer.sign(head.text())
        await self.record(head, await self.publishing.cosigned(head, note))

    def _lacks_state(self) -> bool:
        return self.state.is_due and not self.state.is_stated(self.publishing.policy.sha256)

    def _head(self, unit: Unit, index: IndexHead) -> tuple[bool, Checkpoint]:
        """Gives whether there is something to sign, which then ends with what the log knows, and the head."""
        if not self.state.is_due:
            return False, self.state.checkpoint()
        if self._lacks_state():
            policy = self.publishing.policy.sha256
            event, tiles = self.state.append_state(unit.recorded_ns, policy, index)
            unit.record(self.state.stream, event)
            _save(unit, self.rows, tiles, event.first_leaf, 1, unit.recorded_ns, unit.recorded_ns)
        return True, self.state.checkpoint()

    async def record(self, checkpoint: Checkpoint, note: str) -> None:
        """Records a signed checkpoint, unless a larger one was recorded meanwhile; raises CheckpointOutrun."""

        def decide(unit: Unit) -> None:
            if self.state.signed is None or self.state.signed.size < checkpoint.size:
                if not self.state.covers(checkpoint):
                    raise CheckpointOutrun(size=str(checkpoint.size))
                unit.record(self.state.stream, CheckpointSigned(checkpoint.size, checkpoint.root, note))

        await self.writer.commit(decide)


@dataclass(frozen=True, slots=True)
class NotePassed:
    """Records that the log has passed custody and payment-instruction."""

    writer: GroupWriter
    state: State

    @property
    def may_record(self) -> bool:
        """Tells whether the log is of today's format: one that is not may be taken back by the release before."""
        return self.state.format != HEADS_IN_LINES

    async def size(self) -> int:
        """Gives the size of the log that is committed."""
        return await self.writer.commit(lambda unit: self.state.frontier.size)

    async def __call__(self, size: int, custody: SourceHead, payment_instruction: SourceHead) -> bool:
        """Records that all is in the log that both had committed when it had a size, unless it is not yet.

        They are where they stood after that. Returns False while the log has not come there. One that has begun a new
        epoch since is to be asked again: then nothing is recorded.
        """

        def decide(unit: Unit) -> bool:
            seen = (custody, payment_instruction)
            logged = [self.state.head(each.source) for each in seen]
            if any(now.epoch != then.epoch for now, then in zip(logged, seen, strict=True)):
                return any(now.epoch > then.epoch for now, then in zip(logged, seen, strict=True))
            if any(now.position < then.position for now, then in zip(logged, seen, strict=True)):
                return False
            unit.record(self.state.stream, SourcesPassed(size, custody.position, payment_instruction.position))
            return True

        return await self.writer.commit(decide)


def _save(
    unit: Unit, rows: TileRows, tiles: Sequence[Tile], first_leaf: int, count: int, earliest_ns: int, latest_ns: int
) -> None:
    """Writes tiles and page of the event recorded last in the same transaction."""
    page = StoredPage(first_leaf, count, unit.recorded[-1].position, earliest_ns, latest_ns)
    unit.commit_also(partial(rows.save, tiles=tiles, page=page))
