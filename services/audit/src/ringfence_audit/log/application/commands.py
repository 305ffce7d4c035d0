"""The commands of the log; each is committed when it returns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from ringfence_kernel.feed import FeedPage
from ringfence_kernel.telemetry import logs
from ringfence_kernel.telemetry import tracing as telemetry
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_audit.log.application.anchoring import Anchoring
from ringfence_audit.log.application.pages import as_far_as_known, links, pages_of, remaining
from ringfence_audit.log.application.ports import Index, Signer, StoredPage, TileRows, Translation
from ringfence_audit.log.application.publishing import Cosigned, Publishing
from ringfence_audit.log.application.rotating import Rotating
from ringfence_audit.log.application.seeing import recorded_sight
from ringfence_audit.log.application.texts import Erased, TextRows
from ringfence_audit.log.domain.checkpoint import Checkpoint, SourceHead
from ringfence_audit.log.domain.errors import CheckpointOutrun, LogRolledBack, TakenOverElsewhere, WitnessesMissing
from ringfence_audit.log.domain.events import CheckpointSigned, KeyRecorded, LapseRecorded, SourcesPassed, StateRecorded
from ringfence_audit.log.domain.leaf import Value, encode
from ringfence_audit.log.domain.merkle import Tile
from ringfence_audit.log.domain.page import ClosedPage, Page
from ringfence_audit.log.domain.reads import PRUNED_KIND, READ_KIND
from ringfence_audit.log.domain.state import HEADS_IN_LINES, LogPosition, State
from ringfence_audit.log.domain.state_leaf import NO_INDEX, IndexHead

_LOG = logs.get(__name__)
SOURCE = "ringfence.source"
"""Span attribute: the service whose events were taken over."""


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Takes over a source, page by page."""

    writer: GroupWriter
    state: State
    translation: Translation
    rows: TileRows
    texts: TextRows
    parties: Erased

    async def __call__(self, feed: FeedPage) -> None:
        """Appends the leaves of a feed page and moves the source's head, all in one transaction.

        Events that the log has already are left out. Raises FeedFork where the page does not go on from the log's
        head, EventUnknown at an event that is not described, with those before it taken over, and TakenOverElsewhere
        where the log has moved meanwhile. What leaves commit to stands beside them; with a leaf that somebody was
        erased all of it goes that is about him.
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
                before = len(self.parties.erased)
                event, tiles = self.state.append_page(closed)
                unit.record(self.state.stream, event)
                stored = (event.first_leaf, event.count, event.earliest_ns, event.latest_ns)
                _save(unit, self.rows, tiles, *stored)
                self._keep(unit, closed.page, event.first_leaf, before)

        await self.writer.commit(decide, weight=sum(len(closed.page.leaves) for closed in pages))

    def _keep(self, unit: Unit, page: Page, first_leaf: int, before: int) -> None:
        """Writes a page's texts; takes away what is about whom it says to be erased, who were `before` until then."""
        erased = self.parties.erased
        if page.texts or page.links:
            save = partial(self.texts.save, texts=page.texts, links=page.links)
            unit.commit_also(partial(save, first_leaf=first_leaf, erased=erased.keys()))
        if len(erased) > before:
            unit.commit_also(partial(self.texts.erase, parties=list(islice(erased, before, None))))


@dataclass(frozen=True, slots=True)
class RecordRead:
    """Makes a read a leaf of the log before it is answered."""

    writer: GroupWriter
    state: State
    rows: TileRows

    async def __call__(
        self, reader: bytes, method: str, query: Mapping[str, Value | None], page: str | None = None
    ) -> LogPosition:
        """Appends the leaf, with the grant that is read by and the page that is looked at, if any.

        Gives where the log stands then.
        """
        sight = recorded_sight()

        def decide(unit: Unit) -> LogPosition:
            fields = {f"query_{name}": value for name, value in query.items()}
            who = {"reader_id": reader, "method": method, "page": page, "time_ns": unit.recorded_ns}
            leaf = encode(READ_KIND, {**fields, **sight, **who})
            event, tiles = self.state.append_read(leaf)
            unit.record(self.state.stream, event)
            _save(unit, self.rows, tiles, event.first_leaf, 1, unit.recorded_ns, unit.recorded_ns)
            return self.state.position()

        return await self.writer.commit(decide)


@dataclass(frozen=True, slots=True)
class RecordPruned:
    """Makes it a leaf of the log that texts beside it are not kept any more."""

    writer: GroupWriter
    state: State
    rows: TileRows

    async def __call__(self, stated: Mapping[str, Value], prune: Callable[[Any], None]) -> None:
        """Appends the leaf, and has `prune` take the texts away in the same transaction."""

        def decide(unit: Unit) -> None:
            event, tiles = self.state.append_read(encode(PRUNED_KIND, {**stated, "time_ns": unit.recorded_ns}))
            unit.record(self.state.stream, event)
            _save(unit, self.rows, tiles, event.first_leaf, 1, unit.recorded_ns, unit.recorded_ns)
            unit.commit_also(prune)

        await self.writer.commit(decide)


@dataclass(frozen=True, slots=True)
class RecordBooks:
    """Makes what books come to a leaf of the log, where it is of today's format."""

    writer: GroupWriter
    state: State
    rows: TileRows

    async def __call__(self, closing: int, stated: Mapping[str, Value]) -> bool:
        """Appends the leaf about custody's leaf at an index; does nothing where it has one, or a later one has.

        Returns False in a log that may be taken back by the release before, which cannot read it.
        """

        def decide(unit: Unit) -> bool:
            if not self.state.is_deflating:
                return False
            if closing >= self.state.books.size:
                event, tiles = self.state.append_books({**stated, "closing": closing}, unit.recorded_ns)
                unit.record(self.state.stream, event)
                _save(unit, self.rows, tiles, event.first_leaf, 1, unit.recorded_ns, unit.recorded_ns)
            return True

        return await self.writer.commit(decide)


@dataclass(frozen=True, slots=True)
class LogStanding:
    """Tells where the log stands, for reads that show no fact and are none."""

    writer: GroupWriter
    state: State

    async def __call__(self) -> LogPosition:
        """Gives what is committed."""
        return await self.writer.commit(lambda unit: self.state.position())

    def expected(self) -> LogPosition:
        """Gives what will be committed once the group under way is, if it is: nothing to answer by."""
        return self.state.position()


@dataclass(frozen=True, slots=True)
class LogWitnessed:
    """Tells whether what is published has its quorum."""

    state: State

    async def problem(self) -> str | None:
        """Gives what is wrong, or None: a probe of health."""
        return None if self.state.lapsed is None else "checkpoints are published without a quorum of witnesses"


@dataclass(frozen=True, slots=True)
class SignCheckpoint:
    """Has the log's committed head signed, and records the checkpoint."""

    writer: GroupWriter
    state: State
    rows: TileRows
    signer: Signer
    anchoring: Anchoring
    publishing: Publishing
    rotating: Rotating
    index: Index

    async def __call__(self) -> None:
        """Signs the head if the log has grown since the last one, after the leaf that states what the log knows.

        One that has not grown is compared with what it has signed. Raises CheckpointOutrun, LogRolledBack, AnchorMoved,
        WitnessesMissing, and what anchoring and signing raise.
        """
        # Who was heard late is kept too, and who has come round.
        await self.anchoring.keep_disputes(self.state.origin, self.publishing.disputed_by)
        previous = await self.rotating.previous()
        lacks_state = await self.writer.commit(partial(self._lacks_state, previous=previous))
        index = await self.index() if lacks_state else NO_INDEX
        is_due, head, key_ids = await self.writer.commit(partial(self._head, previous=previous, index=index))
        is_held = self.anchoring.is_held
        await (self.anchoring.advance(head) if is_due else self.anchoring.compare(head))
        if not is_held:
            self.publishing.remember(self.anchoring.disputed_by)
        if is_due:
            note = await self.signer.sign(head.text(), key_ids)
            cosigned = await self._cosigned(head, note)
            await self._require_quorum(head, cosigned)
            await self.record(head, cosigned.note)
            await self._end_lapse(cosigned)
        elif self.state.lapsed is not None and self.state.signed is not None:
            # Nothing is new: is there a quorum for what was published without one?
            signed = self.state.signed
            published = Checkpoint(self.state.origin, signed.size, signed.root)
            await self._end_lapse(await self._cosigned(published, signed.note))

    async def _require_quorum(self, due: Checkpoint, cosigned: Cosigned) -> None:
        """Raises WitnessesMissing where a checkpoint may not be published.

        Where it might without a quorum, the log first owns up to it, in a leaf that the next checkpoint is over.
        """
        if not cosigned.missing:
            return
        is_open = self.publishing.is_open and self.state.format != HEADS_IN_LINES
        lapsed = self.state.lapsed
        if is_open and lapsed is None:
            await self._record_lapse(cosigned.missing)
        if not is_open or lapsed is None or lapsed >= due.size:
            missing = ", ".join(cosigned.missing)
            raise WitnessesMissing(f"without {missing} there is no quorum", size=str(due.size))

    async def _end_lapse(self, cosigned: Cosigned) -> None:
        if self.state.lapsed is not None and not cosigned.missing:
            await self._record_lapse(())

    async def _record_lapse(self, missing: Sequence[str]) -> None:
        def decide(unit: Unit) -> None:
            if (self.state.lapsed is None) is bool(missing):
                self._record_own(unit, *self.state.append_lapse(missing, unit.recorded_ns))

        await self.writer.commit(decide)
        _LOG.critical("witness_quorum_lapsed" if missing else "witness_quorum_is_back", missing=", ".join(missing))

    async def _cosigned(self, due: Checkpoint, note: str) -> Cosigned:
        try:
            return await self.publishing.cosigned(due, note)
        except LogRolledBack:
            await self.anchoring.keep_disputes(due.origin, self.publishing.disputed_by)
            raise

    def _lacks_state(self, unit: Unit, previous: str) -> bool:
        is_stated = self.state.is_stated(self.publishing.policy.sha256)
        return (self.state.is_due and not is_stated) or self._key(unit, previous) is not None

    def _key(self, unit: Unit, previous: str) -> tuple[KeyRecorded, list[Tile]] | None:
        return self.state.append_key(self.rotating.still(previous), unit.recorded_ns)

    def _head(self, unit: Unit, previous: str, index: IndexHead) -> tuple[bool, Checkpoint, tuple[bytes, ...]]:
        """Gives whether there is something to sign, the head, and the ids of the keys to sign by.

        What is signed ends with what the log knows, after what it has to say of its keys.
        """
        if turn := self._key(unit, previous):
            self._record_own(unit, *turn)
        if not self.state.is_due:
            return False, self.state.checkpoint(), ()
        policy = self.publishing.policy.sha256
        if not self.state.is_stated(policy):
            self._record_own(unit, *self.state.append_state(unit.recorded_ns, policy, index))
        return True, self.state.checkpoint(), self.state.signing_ids

    def _record_own(
        self, unit: Unit, event: KeyRecorded | StateRecorded | LapseRecorded, tiles: Sequence[Tile]
    ) -> None:
        unit.record(self.state.stream, event)
        _save(unit, self.rows, tiles, event.first_leaf, 1, unit.recorded_ns, unit.recorded_ns)

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
