"""Gathers concurrent calls into few requests: while some are under way, the next one fills up."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Hashable, Sequence
from typing import Generic, Protocol, TypeVar

from ringfence.batch import Batch, Send
from ringfence.errors import RingfenceError, client_closed

MAX_ROWS = 8_190
MAX_WAITING_ROWS = 16 * MAX_ROWS
REQUESTS_UNDER_WAY = 2
_IDLE_SECONDS = 5.0
_LINKED = 1


class Linkable(Protocol):
    """A row that may be linked to the one after it."""

    @property
    def flags(self) -> int:
        """Bits, of which the lowest links."""


Terms = TypeVar("Terms", bound=Hashable)
Row = TypeVar("Row", bound=Linkable)
Result = TypeVar("Result")


class Gatherer(Generic[Terms, Row, Result]):
    """Sends the rows of concurrent calls together, where their terms are the same, and answers each call its own.

    A lone call leaves at once. A request takes whole calls, up to 8,190 rows, in the order in which they came; requests
    that are under way together may be committed in either order. Rows that wait are bounded: beyond the bound a thread
    waits for room, and a task, of which there may be any number, is refused as QUEUE_FULL.
    """

    def __init__(self, send: Send[Terms, Row, Result], room_seconds: float) -> None:
        """`send` makes one request of rows; a thread waits for room for at most `room_seconds`."""
        self._send = send
        self._room_seconds = room_seconds
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._room = threading.Condition(self._lock)
        self._ended = threading.Condition(self._lock)
        self._waiting: deque[Batch[Terms, Row, Result]] = deque()
        self._filling: dict[Terms, Batch[Terms, Row, Result]] = {}
        self._waiting_rows = 0
        self._senders = 0
        self._idle_senders = 0
        self._is_closed = False

    def call(self, terms: Terms, rows: Sequence[Row]) -> list[Result]:
        """One result per row; blocks. Raises what was refused, RingfenceError by name QUEUE_FULL or CLIENT_CLOSED."""
        count = len(rows)
        with self._lock:
            if not self._has_room(count):
                self._room.wait_for(lambda: self._is_closed or self._has_room(count), self._room_seconds)
            batch = self._batch_for(terms, rows)
            call = batch.add(rows)
        return batch.wait(call)

    async def call_async(self, terms: Terms, rows: Sequence[Row]) -> list[Result]:
        """The same for a task. One that is cancelled leaves its rows on their way, and the other callers alone."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Result]] = loop.create_future()
        with self._lock:
            batch = self._batch_for(terms, rows)
            batch.notify(batch.add(rows), loop, future)
        return await future

    def close(self) -> None:
        """Refuses what waits, unsent, as CLIENT_CLOSED, and returns when what is under way has been answered."""
        with self._lock:
            self._is_closed = True
            refused = list(self._waiting)
            self._waiting.clear()
            self._filling.clear()
            self._work.notify_all()
            self._room.notify_all()
        for batch in refused:
            batch.refuse(client_closed())
        with self._lock:
            self._ended.wait_for(lambda: not self._senders)

    def _has_room(self, count: int) -> bool:
        return not self._waiting_rows or self._waiting_rows + count <= MAX_WAITING_ROWS

    def _batch_for(self, terms: Terms, rows: Sequence[Row]) -> Batch[Terms, Row, Result]:
        """Returns the batch that shall take the rows, which count as waiting."""
        count = len(rows)
        if self._is_closed:
            raise client_closed()
        if not self._has_room(count):
            raise RingfenceError("RESOURCE_EXHAUSTED", "QUEUE_FULL", "too many rows wait to be sent")
        # An open chain would swallow a stranger's row, and what the service will refuse is no stranger's business.
        is_alone = not 0 < count <= MAX_ROWS or bool(rows[-1].flags & _LINKED)
        batch = None if is_alone else self._filling.get(terms)
        if batch is None or len(batch.rows) + count > MAX_ROWS:
            self._wake_sender()
            batch = Batch(terms)
            self._waiting.append(batch)
            if not is_alone:
                self._filling[terms] = batch
        self._waiting_rows += count
        return batch

    def _wake_sender(self) -> None:
        if self._idle_senders > len(self._waiting):
            self._work.notify()
        elif self._senders < REQUESTS_UNDER_WAY:
            threading.Thread(target=self._send_batches, name="ringfence-sender", daemon=True).start()
            self._senders += 1

    def _send_batches(self) -> None:
        while batch := self._next_batch():
            batch.settle(self._send)

    def _next_batch(self) -> Batch[Terms, Row, Result] | None:
        """Waits for a batch; returns None when the sender shall end, for want of work or because of `close`."""
        with self._lock:
            while not self._waiting:
                self._idle_senders += 1
                has_work = not self._is_closed and self._work.wait(_IDLE_SECONDS)
                self._idle_senders -= 1
                if not has_work and not self._waiting:
                    self._senders -= 1
                    self._ended.notify_all()
                    return None
            batch = self._waiting.popleft()
            if self._filling.get(batch.terms) is batch:
                del self._filling[batch.terms]
            self._waiting_rows -= len(batch.rows)
            self._room.notify_all()
            return batch
