"""What one tenant may ask of a process beside others, so that its flood does not become theirs (docs/adr/0019)."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass

from opentelemetry.metrics import Meter

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.rpc.instruments import REASON
from ringfence_kernel.values.buckets import Buckets
from ringfence_kernel.values.clock import NANOSECONDS
from ringfence_kernel.values.errors import DomainError, QuotaExceeded

REFUSALS = "ringfence.quota.refusals"
CALLS_AT_ONCE, CALLS_PER_SECOND, REQUEST_BYTES_PER_SECOND = 4, 500.0, 16.0 * 1024 * 1024
CALLS_BURST_SECONDS, BYTES_BURST_SECONDS = 1.0, 2.0
"""What has not been used for so long may be used at once; a request of any size may be the last of it."""
BESIDE_NS = 5 * NANOSECONDS
"""A tenant is not alone for so long after a call of another's, who may call as seldom."""
BATCH_BYTES = 4_096
"""A longer request is a batch: beside others a tenant has one of them under way at a time."""
PAUSES, LONGEST_PAUSE_SECONDS = 4.0, 2.0
"""After a batch, or a heavy call, the next one waits for so many times as long as it took, and so long at most."""
REFUSAL_SECONDS = 0.05
"""A refusal is said after so long: whoever heeds no hint would else have the process do nothing but refuse."""


class CallsExceeded(QuotaExceeded):
    """The tenant makes more calls than it may beside others; nothing was done."""

    reason = "CALLS_QUOTA_EXCEEDED"


class RequestBytesExceeded(QuotaExceeded):
    """The tenant sends more bytes than it may beside others; the request was not read."""

    reason = "REQUEST_BYTES_QUOTA_EXCEEDED"


@dataclass(frozen=True, slots=True)
class CallRates:
    """What one tenant may ask for beside others: calls and bytes each second, 0 is no bound; and calls at a time."""

    calls_per_second: float = CALLS_PER_SECOND
    request_bytes_per_second: float = REQUEST_BYTES_PER_SECOND
    calls_at_once: int = CALLS_AT_ONCE


class CallQuotas:
    """Counts calls and bytes by tenant, by principal where the call names no tenant; workloads have no quota.

    A tenant that is alone has all of the process: what it does is counted, and waits or is refused only beside others.
    """

    def __init__(self, rates: CallRates, meter: Meter, monotonic_ns: Callable[[], int] = time.monotonic_ns) -> None:
        """Starts with nothing used."""
        self._now_ns = monotonic_ns
        self._at_once = rates.calls_at_once
        self._calls = _buckets(rates.calls_per_second, CALLS_BURST_SECONDS, monotonic_ns)
        self._bytes = _buckets(rates.request_bytes_per_second, BYTES_BURST_SECONDS, monotonic_ns)
        self._last, self._before = _Seen(), _Seen()
        self._turns: dict[bytes, Turns] = {}
        self._batches: dict[bytes, Turns] = {}
        self._refusals = meter.create_counter(REFUSALS, "{request}", "Requests beyond a tenant's quota.")
        for refusal in QuotaExceeded.__subclasses__():  # a rise from nothing would not be seen
            self._refusals.add(0, {REASON: refusal.reason})

    def turn(self, caller: Caller, *, is_stream: bool) -> AbstractAsyncContextManager[None]:
        """Counts a call, and holds its turn for the block; a stream, which may last, takes none.

        Beside others a tenant has so many calls under way at a time, and the next ones wait.

        Raises CallsExceeded, and RequestBytesExceeded while earlier requests are not paid off.
        """
        owner = owner_of(caller)
        if owner is None:
            return nullcontext()
        return _Counted(self, owner) if is_stream else _Turn(self, owner)

    def batch(self, caller: Caller, size: int, *, is_heavy: bool = False) -> AbstractAsyncContextManager[None]:
        """Holds the place of a batch, by its bytes, for the block and a pause after it; small requests need none.

        Batches of many tenants take turns so: none holds the process up for longer than one of its own. So do heavy
        calls of a tenant that has more calls waiting than may be under way; those of one that asks now and then pass.
        """
        owner = owner_of(caller)
        if owner is None:
            return nullcontext()
        is_batch = size > BATCH_BYTES or (is_heavy and self._is_crowd(owner))
        return _Batch(self, owner) if is_batch else nullcontext()

    async def enter_batch(self, owner: bytes) -> None:
        """Waits for the batches of the same tenant that are under way, unless it is alone."""
        turns = self._batches.setdefault(owner, Turns(1))
        try:
            await turns.take(alone=self._is_alone(owner))
        finally:
            _forget(self._batches, owner)

    def leave_batch(self, owner: bytes, pause_seconds: float) -> None:
        """Gives the place back after a pause, but at once to a tenant that is alone."""
        pause = 0.0 if self._is_alone(owner, is_here=False) else min(pause_seconds, LONGEST_PAUSE_SECONDS)
        if pause:
            asyncio.get_running_loop().call_later(pause, self._free_batch, owner)
        else:
            self._free_batch(owner)

    def _free_batch(self, owner: bytes) -> None:
        self._batches[owner].leave(alone=self._is_alone(owner, is_here=False))
        _forget(self._batches, owner)

    async def enter(self, owner: bytes) -> None:
        """Takes a turn, and counts a call; raises as `turn`."""
        turns = self._turns.setdefault(owner, Turns(self._at_once))
        try:
            await turns.take(alone=self._is_alone(owner))
            try:
                await self.count(owner)
            except BaseException:
                turns.leave(alone=False)
                raise
        finally:
            _forget(self._turns, owner)

    def leave(self, owner: bytes) -> None:
        """Gives a turn back."""
        self._turns[owner].leave(alone=self._is_alone(owner, is_here=False))
        _forget(self._turns, owner)

    async def count(self, owner: bytes) -> None:
        """Counts a call; raises as `turn`, after a while."""
        try:
            self.count_call(owner)
        except QuotaExceeded:
            await asyncio.sleep(REFUSAL_SECONDS)
            raise

    def count_call(self, owner: bytes) -> None:
        """Counts a call; raises as `turn`, at once."""
        if self._is_alone(owner):
            if self._calls:
                self._calls.spend(owner, 1, least=0)
            return
        if self._calls and (seconds := self._calls.draw(owner)):
            raise CallsExceeded(retry_after_seconds=seconds)
        if self._bytes and (seconds := self._bytes.draw(owner, 0)):
            raise RequestBytesExceeded(retry_after_seconds=seconds)

    def charge(self, caller: Caller, size: int) -> None:
        """Counts the bytes of a request that was read."""
        owner = owner_of(caller)
        if owner is not None and self._bytes:
            self._bytes.spend(owner, size, least=0 if self._is_alone(owner) else float("-inf"))

    def count_refusal(self, refusal: DomainError) -> None:
        """Counts a refusal by its reason, whichever quota it comes from."""
        if isinstance(refusal, QuotaExceeded):
            self._refusals.add(1, {REASON: refusal.reason})

    def _is_crowd(self, owner: bytes) -> bool:
        turns = self._turns.get(owner)
        return turns is not None and turns.waiting > self._at_once

    def _is_alone(self, owner: bytes, *, is_here: bool = True) -> bool:
        """Tells whether nobody else was here lately, and notes that the owner is."""
        now_ns = self._now_ns()
        if is_here:
            if self._last.owner != owner:
                self._before, self._last = self._last, _Seen(owner)
            self._last.at_ns = now_ns
        other = self._before if self._last.owner == owner else self._last
        return not other.owner or now_ns - other.at_ns > BESIDE_NS


@dataclass(slots=True)
class _Seen:
    """Who called last, and when."""

    owner: bytes = b""
    at_ns: int = 0


class _Counted(AbstractAsyncContextManager[None]):
    """Of every call: cheaper than a generator."""

    __slots__ = ("_owner", "_quotas")

    def __init__(self, quotas: CallQuotas, owner: bytes) -> None:
        self._quotas, self._owner = quotas, owner

    async def __aenter__(self) -> None:
        await self._quotas.count(self._owner)

    async def __aexit__(self, *reason: object) -> None:
        """There is nothing to give back."""


class _Turn(_Counted):
    __slots__ = ()

    async def __aenter__(self) -> None:
        await self._quotas.enter(self._owner)

    async def __aexit__(self, *reason: object) -> None:
        self._quotas.leave(self._owner)


class _Batch(AbstractAsyncContextManager[None]):
    __slots__ = ("_began", "_owner", "_quotas")

    def __init__(self, quotas: CallQuotas, owner: bytes) -> None:
        self._quotas, self._owner = quotas, owner

    async def __aenter__(self) -> None:
        await self._quotas.enter_batch(self._owner)
        self._began = time.monotonic()

    async def __aexit__(self, *reason: object) -> None:
        self._quotas.leave_batch(self._owner, PAUSES * (time.monotonic() - self._began))


class Turns:
    """Calls of one tenant that are under way, and those that wait: first come, first served."""

    __slots__ = ("_at_once", "_running", "_waiting")

    def __init__(self, at_once: int) -> None:
        """Lets so many be under way beside others."""
        self._at_once, self._running = at_once, 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def is_idle(self) -> bool:
        """Tells whether there is none."""
        return not self._running and not self._waiting

    async def take(self, *, alone: bool) -> None:
        """Waits for a turn, if it must; one that is called off meanwhile goes to the next."""
        if alone or (self._running < self._at_once and not self._waiting):
            self._running += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting = deque(each for each in self._waiting if each is not turn)
            else:
                self.leave(alone=False)
            raise

    def leave(self, *, alone: bool) -> None:
        """Ends a turn, and gives turns to those who wait."""
        self._running -= 1
        while self._waiting and (alone or self._running < self._at_once):
            turn = self._waiting.popleft()
            if not turn.cancelled():
                turn.set_result(None)
                self._running += 1


def _forget(kept: dict[bytes, Turns], owner: bytes) -> None:
    if (turns := kept.get(owner)) is not None and turns.is_idle:
        del kept[owner]


def owner_of(caller: Caller) -> bytes | None:
    """Returns whose quota a call counts to, None for a workload: what it does was counted where it came in."""
    if caller.service is not None:
        return None
    return caller.tenant or caller.subject


def _buckets(per_second: float, burst_seconds: float, monotonic_ns: Callable[[], int]) -> Buckets | None:
    return Buckets(per_second, per_second * burst_seconds, monotonic_ns) if per_second > 0 else None
