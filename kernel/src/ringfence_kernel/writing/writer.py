"""Group commit: concurrent commands are decided in order in memory and written in one transaction.

One writer owns a service's state. It drains its queue, decides every command against the state in memory, commits all
new events together, and only then answers the callers. When a commit fails, the journal takes memory back, the state
catches up with what somebody else wrote, and the same commands are decided again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import structlog

from ringfence_kernel.store import EventStore, Head, NewEvent, Timing, VersionConflict
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.store.recorder import CursorBehind, Within
from ringfence_kernel.telemetry.tracing import current_traceparent, untraced
from ringfence_kernel.values.clock import LEEWAY_NS, Clock, RisingTimes
from ringfence_kernel.values.errors import ClockWrong, DomainError, HistoryAhead, StoreUnavailable
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.command_queue import CommandQueue, Pending
from ringfence_kernel.writing.deciding import decide
from ringfence_kernel.writing.inline import InlineModel, rows_of
from ringfence_kernel.writing.journal import Journal
from ringfence_kernel.writing.onlookers import Onlookers
from ringfence_kernel.writing.progress import Progress
from ringfence_kernel.writing.refusals import EventTooLarge, StateBroken

log = structlog.get_logger(__name__)

Reply = TypeVar("Reply")

MAX_CONFLICTS = 16
MAX_STATE_BYTES = 8 * 1024 * 1024
PAUSE_SECONDS = 0.2


class State(Protocol):
    """What a service keeps in memory, built from events alone."""

    @property
    def digest_format(self) -> int:
        """Tells what a digest is made of: a release that changes that has another number."""

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event; every change goes through the journal. Never refuses a committed event."""

    def digest(self) -> bytes:
        """Returns a hash of the whole state: equal states, equal digests."""


class Unit:
    """What a command decides within: the time, the journal, and the events of the group so far.

    `now_ns` is the time to decide by, `recorded_ns` that of the events; see RisingTimes.
    """

    def __init__(self, writer: GroupWriter) -> None:
        """Starts empty, at the writer's head."""
        self._writer = writer
        self.journal = writer.journal
        self._times = RisingTimes(writer.clock, writer.last_ns)
        self.traceparent = ""
        self.events: list[NewEvent] = []
        self.recorded: list[Recorded] = []
        self.streams: set[bytes] = set()
        self.within: list[Within] = []
        self.closing: dict[Any, Callable[[Unit], None]] = {}

    @property
    def now_ns(self) -> int:
        """The time of the command, UTC nanoseconds."""
        return self._times.now_ns

    @property
    def recorded_ns(self) -> int:
        """The time of the command's events, after that of every event before."""
        return self._times.recorded_ns

    @property
    def base(self) -> int:
        """The position that the group's first event follows, as long as the group is decided."""
        return self._writer.head.position

    def begin(self, traceparent: str) -> None:
        """Turns to the next command."""
        self._times.advance()
        self.traceparent = traceparent

    def record(self, stream: bytes, event: Any) -> None:
        """Adds an event to the group and applies it to the state.

        Raises EventTooLarge beyond 8 MiB: such an event would hold up every follower for good.
        """
        writer = self._writer
        self.traceparent = self.traceparent or untraced()
        topic, state = writer.codec.encode(event, self.recorded_ns, self.traceparent)
        if len(state) > MAX_STATE_BYTES:
            raise EventTooLarge(bytes=str(len(state)))
        version = writer.versions.get(stream, 0) + 1
        self.journal.put(writer.versions, stream, version)
        position = writer.head.position + len(self.events) + 1
        recorded = Recorded(position, stream, version, event, self.recorded_ns, self.traceparent)
        self.events.append(NewEvent(stream, version, topic, state))
        self.recorded.append(recorded)
        self.streams.add(stream)
        writer.state.apply(recorded, self.journal)

    def record_all(self, stream: bytes, events: Iterable[Any]) -> None:
        """Records events of one stream, in order."""
        for event in events:
            self.record(stream, event)

    def resume(self, stream: bytes, version: int) -> None:
        """Goes on with a stream that had ended, whose newest event has this version."""
        if stream not in self._writer.versions:
            self.journal.put(self._writer.versions, stream, version)

    def commit_also(self, statements: Within) -> None:
        """Runs statements inside the group's transaction: a follower's cursor, a row of a key table."""
        self.within.append(statements)

    def before_commit(self, key: Any, close: Callable[[Unit], None]) -> None:
        """Has `close` called once per key when all commands of the group are decided, to record what they share."""
        self.closing.setdefault(key, close)


@dataclass(slots=True)
class GroupWriter:
    """The single writer of a service's events.

    While a group is being committed, the state holds what is not durable yet: a read that is answered to a caller goes
    through `submit` like a command, and is answered after the commit of its group.
    """

    store: EventStore
    codec: EventCodec
    state: State
    clock: Clock
    inline: Sequence[InlineModel] = ()
    """Tables that are written with the events; whoever opens the writer has filled them up to the head."""
    queue_weight_limit: int = 65_536
    group_weight_limit: int = 16_384
    head: Head = field(init=False)
    versions: dict[bytes, int] = field(init=False, default_factory=dict)
    journal: Journal = field(init=False, default_factory=Journal)
    progress: Progress = field(init=False, default_factory=Progress)
    last_ns: int = field(init=False, default=0)
    """The time of the last event. What is not committed, as by a clock that is wrong, leaves no trace in it."""
    is_stale: bool = field(init=False, default=False)
    """The state is behind, or is being changed by the writer's thread: nobody may look at it."""
    has_unheard: bool = field(init=False, default=False)
    """Events were read from the store since this writer leads, and no listener has heard of them."""
    _thread: ThreadPoolExecutor = field(init=False)
    _queue: CommandQueue = field(init=False)
    _listeners: list[Callable[[list[Recorded]], None]] = field(init=False, default_factory=list)
    _onlookers: Onlookers = field(init=False, default_factory=Onlookers)
    _refusal: type[DomainError] | None = field(init=False, default=None)
    _unit: Unit | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Stands at the beginning until `load` is called."""
        self.head = Head(1, 0, bytes(32))
        self._queue = CommandQueue(self.queue_weight_limit, self.group_weight_limit)
        # A thread of its own: what else blocks in threads, reads above all, never holds up a commit.
        self._thread = ThreadPoolExecutor(1, "writer")

    def subscribe(self, listener: Callable[[list[Recorded]], None]) -> None:
        """Calls `listener` on the event loop with the events of every commit, in order; what it raises is logged."""
        self._listeners.append(listener)

    @property
    def is_settled(self) -> bool:
        """Tells whether the state holds exactly what is known to be committed: nothing is being decided or in doubt."""
        return not (self.is_stale or self.journal.mark())

    def start_from(self, head: Head, versions: dict[bytes, int], last_ns: int) -> None:
        """Stands at `head` with a state that was restored; `load` takes in what came later."""
        self.head, self.versions, self.last_ns = head, versions, last_ns

    def load(self) -> int:
        """Builds the state from all events that are not in it yet; blocks; returns how many there were.

        Raises StoreUnavailable, and StateBroken for an event that cannot be taken in.
        """
        start = self.head.position
        for recorded in self.store.replay(self.codec, self.head.position):
            try:
                self.state.apply(recorded, self.journal)
            except StoreUnavailable:
                # Where a state reads what has left memory: taken back, and taken in when the store is there again.
                self.journal.rollback()
                raise
            except Exception as error:
                raise StateBroken(f"event {recorded.position}") from error
            self.versions[recorded.stream] = recorded.version
            self._settle()
            self.last_ns = max(self.last_ns, recorded.recorded_at_ns)
            self.head, self.has_unheard = Head(self.head.epoch, recorded.position, b""), True
        head = self.store.head()
        # Another writer may have added more since the last page; the next append will tell.
        self.head = head if head.position == self.head.position else Head(head.epoch, self.head.position, b"")
        return self.head.position - start

    async def commit(self, command: Callable[[Unit], Reply], *, weight: int = 1) -> Reply:
        """Decides and commits a command under the caller's trace; returns its reply after that, or raises its refusal.

        The command must be a pure decision on the state and the unit: it may be called more than once. Raises
        Overloaded when the queue is full, StoreUnavailable when the outcome of the commit could not be found,
        ClockWrong and HistoryAhead when it was dated wrongly, and the refusal of a writer that stands by.
        """
        if self._refusal:
            raise self._refusal
        pending = Pending(command, weight, current_traceparent())
        self._queue.put(pending)
        try:
            reply: Reply = await pending.future
            return reply
        except asyncio.CancelledError:
            self._queue.withdraw(pending)
            raise

    async def read(self, streams: Iterable[bytes], look: Callable[[], Reply]) -> Reply:
        """Returns what `look` sees of the state, always committed; it may only look at what these streams' events tell.

        Where the group under way has no events of theirs, it is not waited for. Raises as `commit`.
        """
        if self._refusal:
            raise self._refusal
        return look() if self._is_committed(streams) else await self.commit(lambda unit: look())

    def _is_committed(self, streams: Iterable[bytes]) -> bool:
        if self.is_settled:
            return True
        unit = self._unit
        return not (self.is_stale or unit is None or unit.closing) and unit.streams.isdisjoint(streams)

    async def between_groups(self, look: Callable[[], Reply]) -> Reply:
        """Returns what `look` sees of the state when all of it is committed; the writer stands still meanwhile."""
        with self._onlookers.waiting(look) as seen:
            await self.commit(lambda unit: None)
            return await seen

    def stand_by(self, refusal: type[DomainError]) -> None:
        """Refuses every command from now on, and all that wait; a group under way is still committed and answered.

        It is refused as well when another writer was first: whoever does not lead decides nothing again.
        """
        self._refusal = refusal
        for pending in self._queue.clear():
            if not pending.future.done():
                pending.future.set_exception(refusal())

    def lead(self) -> None:
        """Takes commands again; whoever calls it has caught up, and looks for what the state calls for."""
        self._refusal, self.has_unheard = None, False

    async def run(self) -> None:
        """Commits groups until cancelled; a group under way is finished first. Raises StateBroken, CursorBehind."""
        while True:
            group = await self._queue.take()
            serving = asyncio.ensure_future(self._serve(group))
            try:
                await asyncio.shield(serving)
            except asyncio.CancelledError:
                await serving
                raise
            finally:
                if not self.is_stale:
                    self._onlookers.let_look()

    async def _serve(self, group: list[Pending]) -> None:
        """Decides, commits and answers one group."""
        self.progress.begin()
        try:
            for _ in range(MAX_CONFLICTS):
                if self._refusal:
                    raise self._refusal
                if self.is_stale:
                    await self.catch_up()
                unit = self._unit = Unit(self)
                await decide(unit, group)
                if await self._write(unit):
                    self._answer(group, unit)
                    return
            raise StoreUnavailable("another writer keeps this store")
        except Exception as error:
            self.journal.rollback()
            self.is_stale = True
            if self._refusal is None:
                self.progress.fail(error.reason if isinstance(error, DomainError) else "a commit failed")
            for pending in group:
                if not pending.future.done():
                    pending.future.set_exception(error if isinstance(error, DomainError) else StoreUnavailable())
            if not isinstance(error, DomainError):
                log.exception("group_failed")
            if isinstance(error, StateBroken | CursorBehind):
                raise
            await asyncio.sleep(PAUSE_SECONDS)
        finally:
            self.progress.end()

    async def _write(self, unit: Unit) -> bool:
        """Writes the group; False when another writer was first and everything must be decided again."""
        if unit.events or unit.within:
            try:
                rows = rows_of(self.inline, unit.recorded)
                timing = Timing(self.clock, unit.recorded_ns)
                group = self.head.position, unit.events, unit.within, rows, timing
                head = await self._blocking(self.store.append, *group)
            except VersionConflict:
                log.warning("version_conflict", position=self.head.position)
                self.journal.rollback()
                self.is_stale = True
                return False
            except HistoryAhead:
                if self.last_ns - self.clock.now_ns() <= LEEWAY_NS:
                    # Not what is recorded is ahead: the clock was, and was set right meanwhile.
                    raise ClockWrong from None
                raise
            self.progress.succeed()
            self.head = head
            self.last_ns = unit.recorded_ns if unit.events else self.last_ns
        self._settle()
        return True

    def _settle(self) -> None:
        """Makes what was applied final; the versions of streams that the state let go of are let go of too."""
        for stream in self.journal.ended:
            self.versions.pop(stream, None)
        self.journal.clear()

    async def catch_up(self) -> None:
        """Takes in what others have written, never beside a running `run`; raises StoreUnavailable."""
        # Until it has ended, and also when nobody waits for the end, the state is between two positions.
        self.is_stale = True
        count = await self._blocking(self.load)
        self.is_stale = False
        if count:
            log.info("caught_up", events=count, position=self.head.position)

    def _answer(self, group: list[Pending], unit: Unit) -> None:
        """Wakes listeners and callers, in that order."""
        if unit.recorded:
            for listener in self._listeners:
                try:
                    listener(unit.recorded)
                except Exception:
                    log.exception("listener_failed")
        for pending in group:
            if pending.future.done():
                continue
            if pending.error is not None:
                pending.future.set_exception(pending.error)
            else:
                pending.future.set_result(pending.reply)

    async def _blocking(self, function: Callable[..., Reply], *arguments: Any) -> Reply:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)
