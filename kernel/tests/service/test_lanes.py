"""Lanes of work: one at a time per stream, retried with backoff, told why they wait."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager

from ringfence_kernel.service.lanes import ATTEMPTS_BEFORE_NOTED, Lane
from ringfence_kernel.values.errors import DomainError
from structlog.testing import capture_logs


class AwayError(DomainError):
    """What the work needs is not there."""

    reason = "AWAY"


class LeaveMeAloneError(DomainError):
    """Whoever was asked wants to be left alone for a while."""

    reason = "LEAVE_ME_ALONE"
    retry_after_seconds = 0.5


class CountedWork:
    """Work that is done once per stream, unless what it needs is away."""

    def __init__(self) -> None:
        """Starts with everything there."""
        self.open: set[bytes] = set()
        self.busy: Counter[bytes] = Counter()
        self.tries: Counter[bytes] = Counter()
        self.most_at_once = 0
        self.is_away = False
        self.refusal: type[DomainError] = AwayError

    def has_work(self, stream: bytes) -> bool:
        """Tells whether the stream is not done yet."""
        return stream in self.open

    async def handle(self, stream: bytes) -> None:
        """Does it, in a moment."""
        self.tries[stream] += 1
        self.busy[stream] += 1
        self.most_at_once = max(self.most_at_once, self.busy[stream])
        await asyncio.sleep(0)
        self.busy[stream] -= 1
        if self.is_away:
            raise self.refusal
        self.open.discard(stream)


@asynccontextmanager
async def running(work: CountedWork, notes: list[tuple[bytes, str]]):
    """Runs a lane of the work."""

    async def note(stream: bytes, reason: str) -> None:
        notes.append((stream, reason))

    lane = Lane("test", work, note)
    task = asyncio.create_task(lane.run())
    yield lane
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def until_idle(lane: Lane) -> None:
    """Waits until there is nothing to do."""
    async with asyncio.timeout(5):
        while not lane.is_idle:
            await asyncio.sleep(0.01)


async def test_a_stream_is_handled_by_one_worker_at_a_time() -> None:
    """However often it is offered; other streams are handled beside it, and one without work is left alone."""
    work = CountedWork()
    work.open = {b"a", b"b"}
    async with running(work, []) as lane:
        for _ in range(3):
            for stream in (b"a", b"b", b"done"):
                lane.offer(stream)
        await until_idle(lane)
    assert (work.tries, work.most_at_once) == ({b"a": 1, b"b": 1}, 1)


async def test_what_has_no_work_any_more_is_forgotten() -> None:
    """A stream that failed and came to its end otherwise costs no memory."""
    work = CountedWork()
    work.open, work.is_away = {b"a"}, True
    async with running(work, []) as lane:
        lane.offer(b"a")
        async with asyncio.timeout(5):
            while not work.tries[b"a"]:
                await asyncio.sleep(0)
        work.open.clear()
        await until_idle(lane)
        assert lane._attempts == {}


async def test_what_keeps_failing_is_noted_and_goes_on_by_itself() -> None:
    """A hiccup is not worth a note; a reason that lasts is, and waking ends the pause."""
    work, notes = CountedWork(), []
    work.open, work.is_away = {b"a"}, True
    async with running(work, notes) as lane:
        with capture_logs() as logs:
            lane.offer(b"a")
            async with asyncio.timeout(5):
                while not notes:
                    await asyncio.sleep(0.01)
        assert [(each["reason"], each["stream"]) for each in logs if each["event"] == "work_waits"] == [("AWAY", "61")]
        assert (notes[0], work.tries[b"a"]) == ((b"a", "AWAY"), ATTEMPTS_BEFORE_NOTED)
        work.is_away = False
        lane.wake()
        await until_idle(lane)
    assert work.open == set()


async def test_who_wants_to_be_left_alone_is() -> None:
    """The pause is as long as the refusal asks for, though the lane's own would be shorter."""
    work = CountedWork()
    work.open, work.is_away, work.refusal = {b"a"}, True, LeaveMeAloneError
    async with running(work, []) as lane:
        lane.offer(b"a")
        await asyncio.sleep(0.4)
        assert work.tries[b"a"] == 1
        work.is_away = False
        await until_idle(lane)
    assert work.tries[b"a"] == 2
