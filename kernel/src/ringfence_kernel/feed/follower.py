"""Follows another service's feed: every event once, in order, or a loud stop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from ringfence_protos.common.v1 import feed_pb2

from ringfence_kernel.feed.halts import FeedFork, FeedHalt
from ringfence_kernel.feed.hearing import Hearing
from ringfence_kernel.feed.pulling import POLL_SECONDS, Pulling
from ringfence_kernel.store import Head, StoredEvent, chain_hash
from ringfence_kernel.telemetry import tracing
from ringfence_kernel.telemetry.gauges import Gauges
from ringfence_kernel.values.errors import DomainError

log = structlog.get_logger(__name__)

PAGE_EVENTS = 1_000
UNHEARD_LOOKS = 2.0
"""A source that has not answered for so many times the longest pause between two looks is away."""
HALTED = "ringfence.feed.halted"
LAG_EVENTS, LAG_DURATION = "ringfence.feed.lag.events", "ringfence.feed.lag.duration"


@dataclass(frozen=True, slots=True)
class Looking:
    """How long news may take to be found, in seconds: where its ring is lost, and while no ring can come."""

    lost_seconds: float
    unheard_seconds: float


URGENT = Looking(lost_seconds=1.5, unheard_seconds=0.2)
"""What nobody may act against for two seconds, whatever happens to NATS."""
FOR_THE_RECORD = Looking(lost_seconds=3.0, unheard_seconds=1.0)
"""What is only written down."""


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Verified events of one source, in order, and the cursor to store with their result."""

    source: str
    events: list[StoredEvent]
    cursor: Head


class FeedReader(Protocol):
    """Fetches a page of the source's feed; raises any exception while the source is away."""

    async def __call__(self, request: feed_pb2.ReadRequest) -> feed_pb2.ReadResponse:
        """Returns the events after `request.after`."""


@dataclass(slots=True)
class Follower:
    """Pulls on a ring of the doorbell, and unasked as `looking` has it: more often while it `hears` no rings.

    `handle` commits the page's result and `page.cursor` in one transaction; when it raises, the same page comes again.
    A fork, or an event that `handle` does not know, halts the follower until the process is started anew: `halted` says
    why, and so do the service's health, the metric and the log. After a fork `first_difference`, of who keeps more than
    the cursor, finds the first position at which the feed is not what was taken over; None where it is all the same.
    """

    source: str
    read: FeedReader
    handle: Callable[[FeedPage], Awaitable[None]]
    cursor: Head
    poll_seconds: float = POLL_SECONDS
    looking: Looking = URGENT
    first_difference: Callable[[], Awaitable[int | None]] | None = None
    hears: Callable[[], bool] | None = None
    hearing: Hearing | None = None
    """Learns when the source was last heard to its end, where somebody relies on that."""
    halted: str = ""
    lag: int = 0
    _pulling: Pulling = field(init=False)
    _pulls: int = 0
    _current: int = 0
    """The last pull after which all was taken in that the source had when it was asked."""
    _pulled: asyncio.Condition = field(default_factory=asyncio.Condition)
    _heard_at: float | None = None
    """When a page was last taken in, or following began; None while this process does not follow."""
    _last_answer: float | None = None
    """When a page was last taken in since following began."""

    def __post_init__(self) -> None:
        """Begins to hear rings."""
        self._pulling = Pulling(
            PAGE_EVENTS,
            self.poll_seconds,
            longest_poll_seconds=max(self.poll_seconds, self.looking.lost_seconds),
            unheard_poll_seconds=self.looking.unheard_seconds,
            hears=self.hears,
        )

    def ring(self) -> None:
        """Tells the follower that there is news; may be called at any time on its event loop."""
        self._pulling.ring()

    async def catch_up(self, seconds: float) -> bool:
        """Tells, after at most so many seconds, whether all is taken in that the source had when this was called.

        At once where the source has not been heard for long: an outage makes nobody wait.
        """
        if self._is_away():
            return False
        wanted = self._pulls + 1
        self.ring()
        try:
            async with asyncio.timeout(seconds), self._pulled:
                await self._pulled.wait_for(lambda: bool(self.halted) or self._current >= wanted)
        except TimeoutError:
            return False
        return self._current >= wanted

    @property
    def follows(self) -> bool:
        """Tells whether this process follows now, so that the source is asked often enough."""
        return self._heard_at is not None

    @property
    def is_unheard(self) -> bool:
        """Tells whether this process follows, and the source has not answered for too long."""
        return self._heard_at is not None and time.monotonic() - self._heard_at > self._longest_seconds

    @property
    def _longest_seconds(self) -> float:
        return UNHEARD_LOOKS * max(self.poll_seconds, self.looking.lost_seconds)

    def _is_away(self) -> bool:
        """Tells whether the source has not answered since following began, or for too long."""
        return self._last_answer is None or time.monotonic() - self._last_answer > self._longest_seconds

    async def run(self) -> None:
        """Follows until cancelled, or until something halts it."""
        if self.halted:
            return
        self._measure(0)
        self._heard_at, self._last_answer = time.monotonic(), None
        if self.hearing is not None:
            self.hearing.begin()
        try:
            await self._pulling.run(self._step)
        except asyncio.CancelledError:
            self._heard_at = self._last_answer = None
            raise
        except FeedHalt as halt:
            self.halted = f"{halt.reason}: {halt}"
            self._measure(1)
            await self._tell()
            log.critical(halt.event, source=self.source, position=self.cursor.position, detail=str(halt))
            if isinstance(halt, FeedFork) and self.first_difference is not None:
                await self._locate(self.first_difference)

    async def _locate(self, first_difference: Callable[[], Awaitable[int | None]]) -> None:
        """Names the first event that differs; asks again while the source is away."""
        while True:
            try:
                position = await first_difference()
                break
            except Exception as error:
                log.warning("feed_waits", source=self.source, exc_info=error)
                await asyncio.sleep(self.poll_seconds)
        if position is not None:
            self.halted += f"; the first event of {self.source} that differs is at position {position}"
            log.critical("feed_fork_located", source=self.source, position=position)

    async def _step(self) -> int | None:
        """Pulls a page, or returns None: whatever keeps it from being taken in is tried again. Raises FeedHalt."""
        try:
            return await self.pull()
        except FeedHalt:
            raise
        except DomainError as error:
            log.warning("feed_waits", source=self.source, reason=error.reason)
        except Exception as error:
            log.warning("feed_waits", source=self.source, exc_info=error)
        return None

    def _measure(self, halted: int) -> None:
        meaning = "1 where following a source has ended, 0 otherwise."
        gauge = tracing.meter().create_gauge(HALTED, unit="1", description=meaning)
        gauge.set(halted, {"ringfence.source": self.source})

    def gauge(self, gauges: Gauges) -> None:
        """Has the lag measured by telemetry, as long as this process follows."""
        source = {"ringfence.source": self.source}

        def events() -> list[tuple[float, dict[str, str]]]:
            return [] if self._heard_at is None else [(self.lag, source)]

        def seconds() -> list[tuple[float, dict[str, str]]]:
            return [] if self._heard_at is None else [(time.monotonic() - self._heard_at, source)]

        gauges.observe(LAG_EVENTS, "{event}", "Events of a source that are not taken in.", events)
        gauges.observe(LAG_DURATION, "s", "Time since a source was last heard and followed.", seconds)

    async def pull(self) -> int:
        """Fetches, verifies and handles one page; returns how many events it had. Raises FeedHalt."""
        self._pulls += 1
        asked_ns = self.hearing.ask() if self.hearing else 0
        response = await self.read(feed_pb2.ReadRequest(after=self.cursor.position, limit=PAGE_EVENTS))
        page = verify(self.source, self.cursor, response)
        self.lag = response.head.position - self.cursor.position
        if page.events:
            await self.handle(page)
            self.cursor = page.cursor
            self.lag = response.head.position - self.cursor.position
        if not self.lag:
            self._current = self._pulls
            await self._tell()
        if self._heard_at is not None:
            self._heard_at = self._last_answer = time.monotonic()
        if self.hearing and not self.lag:
            self.hearing.heard(asked_ns)
        return len(page.events)

    async def _tell(self) -> None:
        """Wakes who waits for news to be taken in."""
        async with self._pulled:
            self._pulled.notify_all()


def verify(source: str, cursor: Head, response: feed_pb2.ReadResponse) -> FeedPage:
    """Returns the page when it continues the cursor event by event; raises FeedFork otherwise.

    A cursor at the very beginning follows whatever epoch the feed is in.
    """
    head = response.head
    if head.source != source:
        raise FeedFork(f"the feed says it is {head.source!r}, not {source!r}")
    if head.epoch != cursor.epoch and cursor.position > 0:
        raise FeedFork(f"the feed is in epoch {head.epoch}, the cursor in {cursor.epoch}")
    if head.position < cursor.position:
        raise FeedFork(f"the feed ends at {head.position}, the cursor stands at {cursor.position}")
    previous, position = cursor.hash, cursor.position
    events = []
    for event in response.events:
        position += 1
        previous = chain_hash(previous, position, event.stream_id, event.version, event.topic, event.state)
        if event.position != position or event.hash != previous:
            raise FeedFork(f"the event at position {position} does not continue the chain")
        events.append(StoredEvent(position, event.stream_id, event.version, event.topic, event.state, previous))
    if not events and head.position == cursor.position and head.hash != cursor.hash:
        raise FeedFork(f"the feed has another event at position {position}")
    return FeedPage(source, events, Head(head.epoch, position, previous))
