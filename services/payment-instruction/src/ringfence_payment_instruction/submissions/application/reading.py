"""Files that callers hand in: so many at once, and read in threads, so that one sender's leave room for others'."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

from ringfence_kernel.access.caller import Caller, current_caller
from ringfence_kernel.service.heavy import InThreads
from ringfence_kernel.values.buckets import Buckets

from ringfence_payment_instruction.submissions.domain.errors import RefusedFilesExceeded, TooManyFiles

HOUR_SECONDS = 3_600
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileQuotas:
    """How many calls with a file there may be at once, and how many files being read.

    Each bound is of all senders, and of each: a tenant, or a principal that has none. `refused_per_hour` is how many
    files of one tenant are refused in an hour with an answer that is kept for ever, and how many that could not be read
    are tried; 0 is no bound.
    """

    calls: int = 32
    calls_each: int = 8
    readings: int = 4
    readings_each: int = 2
    refused_per_hour: int = 100


class Turns:
    """Counts what is under way, altogether and by sender."""

    def __init__(self, maximum: int, each: int) -> None:
        """Allows `maximum` at a time, `each` of one sender."""
        self._maximum, self._each = maximum, each
        self._senders: Counter[bytes] = Counter()

    def enter(self, sender: bytes) -> None:
        """Counts one; raises TooManyFiles."""
        if self._senders[sender] >= self._each or self._senders.total() >= self._maximum:
            raise TooManyFiles
        self._senders[sender] += 1

    def leave(self, sender: bytes) -> None:
        """Counts one less."""
        self._senders[sender] -= 1
        self._senders += Counter()  # without those that have none


class FileReading(AbstractContextManager[None]):
    """Reads files in threads. A call with a file is made within this object: it is refused before the file is there."""

    def __init__(self, quotas: FileQuotas, heavily: InThreads) -> None:
        """Starts with nothing under way; files are read as `heavily` runs what is given to it."""
        self._heavily = heavily
        self._calls = Turns(quotas.calls, quotas.calls_each)
        self._readings = Turns(quotas.readings, quotas.readings_each)

    def __enter__(self) -> None:
        """Counts a call of the current caller's; raises TooManyFiles."""
        self._calls.enter(_sender(current_caller()))

    def __exit__(self, *reason: object) -> None:
        """Counts one less."""
        self._calls.leave(_sender(current_caller()))

    async def read(self, caller: Caller, reader: Callable[..., ResultT], *arguments: Any) -> ResultT:
        """Returns what a reader makes of a file; raises TooManyFiles, and what the reader raises.

        A thread cannot be called off: a file counts until it is read, whether or not anybody waits for it.
        """
        sender = _sender(caller)
        self._readings.enter(sender)
        reading = asyncio.ensure_future(self._heavily(reader, *arguments))

        def leave(done: asyncio.Future[ResultT]) -> None:
            self._readings.leave(sender)
            if not done.cancelled():
                done.exception()

        reading.add_done_callback(leave)
        return await asyncio.shield(reading)

    async def compute(self, function: Callable[..., ResultT], *arguments: Any) -> ResultT:
        """Returns what a function makes of what was read; raises HeavyCallsExceeded, and what it raises."""
        return await self._heavily(function, *arguments)


class RefusedFiles:
    """Counts files that are refused for good, and those that end or hold up who reads them; by tenant, in memory."""

    def __init__(self, per_hour: int) -> None:
        """Starts with none; so many an hour of each kind, 0 is no bound."""
        self._tenants = Buckets(per_hour / HOUR_SECONDS, per_hour) if per_hour else None
        self._unreadable = Buckets(per_hour / HOUR_SECONDS, per_hour) if per_hour else None

    def take(self, tenant: bytes) -> None:
        """Counts one; raises RefusedFilesExceeded."""
        if self._tenants and (seconds := self._tenants.draw(tenant)):
            raise RefusedFilesExceeded(retry_after_seconds=seconds)

    def take_unreadable(self, tenant: bytes) -> None:
        """Counts one that could not be read: what that took was paid already."""
        if self._unreadable:
            self._unreadable.spend(tenant, 1)

    def require_readable(self, tenant: bytes) -> None:
        """Raises RefusedFilesExceeded where so many could not be read that no further file of the tenant's is."""
        if self._unreadable and (seconds := self._unreadable.draw(tenant, 0)):
            raise RefusedFilesExceeded(retry_after_seconds=seconds)


def _sender(caller: Caller) -> bytes:
    return caller.tenant or caller.subject
