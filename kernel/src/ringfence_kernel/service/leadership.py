"""Several processes of one service on one database: one leads, the others follow the store and stand by."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from types import TracebackType

from ringfence_kernel.rpc.refusals import NotLeader
from ringfence_kernel.service.tasks import Task, Tasks
from ringfence_kernel.store import Lease
from ringfence_kernel.store.lease import LEASE_SECONDS
from ringfence_kernel.telemetry import logs
from ringfence_kernel.values.errors import ClockWrong, StoreUnavailable
from ringfence_kernel.writing.writer import GroupWriter

FOLLOW_SECONDS = 0.1
"""How often a standby asks for the lease and for news, in one statement."""
RETRY_SECONDS = 0.25
FITNESS_SECONDS = 0.5
"""How often a leader asks itself whether it is fit to lead."""
YIELD_SECONDS = 1.0
"""How long a process that is not fit to lead lets the others be first."""
GRACE_SECONDS = 0.5
"""How long a group that is being written may go on after the lease is lost."""
SETTLING_SECONDS = 2 * LEASE_SECONDS
"""How long a leader's tasks may take to end, until their process does."""
HAND_OVER_SECONDS = SETTLING_SECONDS + GRACE_SECONDS + 1.0
"""How long giving the lease up takes at most, where a group is being written that never ends."""

_LOG = logs.get(__name__)


class StoreWentBack(Exception):
    """The store ends before what this process has in memory: it was restored, and the memory is not its history."""


class Leadership:
    """Whether this process leads.

    A standby keeps its state up to date and refuses; it leads when it has won the lease and read what it missed. A
    leader that loses the lease refuses at once, ends its tasks, and competes again. `with leadership:` holds a call.
    """

    def __init__(self, lease: Lease, writer: GroupWriter, is_fit: Callable[[], bool] = lambda: True) -> None:
        """Begins as a standby, so that the writer refuses every command.

        A process that is not fit, as with a wrong clock, gives way to any that is, and leads where there is none.
        """
        self._lease = lease
        self._writer = writer
        self._is_fit = is_fit
        self._in_term = False
        self._running = 0
        self._idle = asyncio.Event()
        self._refuses = False
        self._is_withdrawn = self._goes_on = False
        self._leaves = asyncio.Event()
        self._has_left = asyncio.Event()
        self._term: Tasks | None = None
        self._listeners: list[Callable[[bool], Awaitable[None]]] = []
        self._first_steps: list[Callable[[], Awaitable[None]]] = []
        writer.stand_by(NotLeader)

    @property
    def is_leading(self) -> bool:
        """Tells whether this process leads now; a lease that has run out counts as lost before anybody noticed."""
        return self._in_term and self._lease.is_held

    def begin_with(self, step: Callable[[], Awaitable[None]]) -> None:
        """Takes a step at the beginning of each term: the state is current, the writer commits, no caller is answered.

        A step that raises StoreUnavailable ends the term, and this process competes again.
        """
        self._first_steps.append(step)

    def subscribe(self, listener: Callable[[bool], Awaitable[None]]) -> None:
        """Calls `listener` at the beginning and at the end of each term."""
        self._listeners.append(listener)

    async def problem(self) -> str | None:
        """Returns which of a leader's tasks fail, None for none or for a standby: a readiness probe."""
        return None if self._term is None else await self._term.problem()

    def __enter__(self) -> None:
        """Begins a call that only a leader answers; raises NotLeader."""
        if self._refuses or not self.is_leading:
            raise NotLeader
        self._running += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ends the call; raises StoreUnavailable when it has outlived the leadership.

        What a deposed leader read in memory may be old, so its answer is withheld. What it committed stands, and the
        same command sent again finds it.
        """
        self._running -= 1
        if not self._running:
            self._idle.set()
        if kind is None and not self.is_leading:
            raise StoreUnavailable("this process stopped leading before it could answer")

    def withdraw(self) -> None:
        """Competes no more, since this process is to leave; who leads goes on until it hands over.

        Where a leader loses the lease meanwhile, it leads again unless any other process does.
        """
        if not self._is_withdrawn:
            self._is_withdrawn, self._goes_on = True, self._in_term

    async def hand_over(self, seconds: float) -> None:
        """Refuses new calls, lets running ones be answered within `seconds`, then leaves the lease to others for good.

        Returns when the lease is given up, or could not be within its own time.
        """
        self.withdraw()
        self._refuses = True
        self._idle.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._running:
                    await self._idle.wait()
        self._leaves.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(HAND_OVER_SECONDS):
                await self._has_left.wait()

    async def run(self, tasks: Sequence[Task], end_process: Callable[[], None]) -> None:
        """Competes until it is to leave, running `tasks` while this process leads; ends when it is cancelled.

        Raises StoreWentBack.
        """
        await self._compete(tasks, end_process)
        await self._lease.release()
        self._has_left.set()
        await asyncio.Event().wait()

    @property
    def _competes(self) -> bool:
        return not self._is_withdrawn or (self._goes_on and not self._leaves.is_set())

    async def _compete(self, tasks: Sequence[Task], end_process: Callable[[], None]) -> None:
        waits = False
        while self._competes:
            try:
                is_held, known = await self._lease.attempt(), self._writer.head.position
                if self._lease.position < known:
                    raise StoreWentBack(f"it ends at {self._lease.position}, this process is at {known}")
                waits = False
                if not self._competes:
                    break
                if is_held:
                    await self._lead(tasks, end_process)
                    if self._competes and (self._is_withdrawn or not self._is_fit()):
                        await asyncio.sleep(YIELD_SECONDS)
                    continue
                if self._lease.position > known:
                    await self._writer.catch_up()
                await asyncio.sleep(FOLLOW_SECONDS if self._is_fit() else YIELD_SECONDS)
            except StoreUnavailable as error:
                if not waits:
                    _LOG.warning("leadership_waits", reason=error.reason)
                waits = True
                await asyncio.sleep(RETRY_SECONDS)

    async def _lead(self, tasks: Sequence[Task], end_process: Callable[[], None]) -> None:
        """Reads what is missing, takes the first steps, then leads."""
        keeping = asyncio.create_task(self._lease.keep(), name="lease")
        self._term = term = Tasks(end_process)
        try:
            self._writer.store.resume()
            if not await self._while_held(keeping, self._writer.catch_up):
                return
            self._writer.lead()
            term.start(tasks)
            for step in self._first_steps:
                if not await self._while_held(keeping, step):
                    return
            self._in_term = True
            _LOG.info("leading", position=self._writer.head.position)
            await self._announce(True)
            await self._stay(keeping)
        finally:
            if not await self._step_down(term, keeping):
                end_process()

    async def _stay(self, keeping: asyncio.Task[None]) -> None:
        """Leads until the lease is lost or to be left, or what was fit at the beginning of the term is no more.

        Also until there are events that no listener of the writer has heard of: what they call for is found at the
        beginning of a term.
        """
        began_fit = self._is_fit()
        leaving = asyncio.create_task(self._leaves.wait())
        try:
            while not keeping.done() and not leaving.done() and self._is_fit() >= began_fit:
                if self._is_overtaken():
                    _LOG.warning("leader_overtaken", position=self._lease.position)
                    break
                ends = {keeping, leaving}
                await asyncio.wait(ends, timeout=FITNESS_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()

    def _is_overtaken(self) -> bool:
        """Tells whether the feed has events of another writer, or of a commit whose outcome was not known.

        A former leader's last commit may come late, when the server had already ended its session.
        """
        writer = self._writer
        is_ahead = self._lease.position > writer.head.position and not writer.progress.is_under_way
        return writer.has_unheard or is_ahead

    async def _while_held(self, keeping: asyncio.Task[None], step: Callable[[], Awaitable[object]]) -> bool:
        """Takes a step on the way to leading; False when this process does not get there.

        The lease is lost first, since the database may be gone, or the clock is wrong.
        """
        taking = asyncio.ensure_future(step())
        try:
            await asyncio.wait({taking, keeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            in_time = taking.done()
            if not in_time:
                self._writer.stand_by(NotLeader)
                self._writer.store.abandon()
                await asyncio.wait({taking})
        try:
            taking.result()
        except (StoreUnavailable, NotLeader):
            if in_time:
                raise
        except ClockWrong:
            # What followers bring is committed beside it: this process gives way until its clock is right.
            return False
        return in_time

    async def _step_down(self, term: Tasks, keeping: asyncio.Task[None]) -> bool:
        """Refuses first; competes again only when the writer has settled what it had begun, or has let go of it.

        A group that is being written may end as long as nobody else can lead. A database that has vanished answers
        nobody: what waits for it is given up after that. Returns whether the tasks have ended.
        """
        if self._in_term:
            _LOG.warning("leadership_ends", position=self._writer.head.position)
        self._in_term = False
        self._writer.stand_by(NotLeader)
        await self._announce(False)
        keeping.cancel()
        ending = asyncio.create_task(term.stop(SETTLING_SECONDS))
        while self._lease.is_held and not ending.done():
            await asyncio.wait({ending}, timeout=FOLLOW_SECONDS)
        await asyncio.wait({ending}, timeout=GRACE_SECONDS)
        if not ending.done():
            self._writer.store.abandon()
        is_settled = await ending
        await asyncio.wait({keeping})
        self._term = None
        await self._lease.release()
        return is_settled

    async def _announce(self, is_leading: bool) -> None:
        for listener in self._listeners:
            await listener(is_leading)
