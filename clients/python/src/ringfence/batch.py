"""The calls that travel in one request, and how each gets its own answer."""

from __future__ import annotations

import threading
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Generic, TypeVar

from ringfence.errors import RingfenceError

Terms = TypeVar("Terms")
Row = TypeVar("Row")
Result = TypeVar("Result")

Send = Callable[[Terms, Sequence[Row]], list[Result]]
"""Sends rows as one request and returns one result per row."""

# About the caller, its book or the method: fewer rows would change nothing.
_NOT_ABOUT_ROWS = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND", "UNIMPLEMENTED"})


class Batch(Generic[Terms, Row, Result]):
    """Calls gathered under the same terms: the rows of each stay together and in order.

    A call is known by the number of its first row. Blocked callers and awaiting tasks may be mixed. Calls are added by
    one thread at a time, before `settle`.
    """

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.rows: list[Row] = []
        self._calls: list[int] = []
        self._answers: dict[int, list[Result] | Exception] = {}
        self._tasks: dict[AbstractEventLoop, list[tuple[Future[list[Result]], int]]] = {}
        self._gate = threading.Lock()
        self._gate.acquire()

    def add(self, rows: Sequence[Row]) -> int:
        """Adds the rows of a call, and returns the call."""
        call = len(self.rows)
        self.rows += rows
        self._calls.append(call)
        return call

    def notify(self, call: int, loop: AbstractEventLoop, future: Future[list[Result]]) -> None:
        """Has the answer of a call set on a future of this event loop."""
        self._tasks.setdefault(loop, []).append((future, call))

    def wait(self, call: int) -> list[Result]:
        """Blocks until the batch is settled; returns the call's results or raises its error."""
        # One passes after the other: all let through at once would fight for the interpreter's lock.
        with self._gate:
            pass
        answer = self._answers[call]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def settle(self, send: Send[Terms, Row, Result]) -> None:
        """Sends the calls and answers every one.

        A request that is refused because of its rows is sent again in halves, down to the call that is to blame, so
        that nobody suffers for a stranger; this is safe because the ids in the rows make every write idempotent.
        """
        try:
            self._send(send)
        finally:
            self._deliver()

    def refuse(self, error: RingfenceError) -> None:
        """Answers every call with an error, unsent."""
        self._refuse(self._calls, error)
        self._deliver()

    def _send(self, send: Send[Terms, Row, Result]) -> None:
        bounds = [*self._calls, len(self.rows)]
        spans = [(0, len(self._calls))]
        while spans:
            first, last = spans.pop()
            start = bounds[first]
            try:
                results = send(self.terms, self.rows[start : bounds[last]])
            except Exception as error:
                if isinstance(error, RingfenceError) and (error.is_transient or error.code in _NOT_ABOUT_ROWS):
                    self._refuse(self._calls[first:], error)
                    return
                if last - first == 1:
                    self._answers[start] = error
                else:
                    middle = (first + last) // 2
                    spans += [(middle, last), (first, middle)]
                continue
            for call, end in pairwise(bounds[first : last + 1]):
                self._answers[call] = results[call - start : end - start]

    def _refuse(self, calls: Iterable[int], error: RingfenceError) -> None:
        for call in calls:
            self._answers[call] = error.copy()

    def _deliver(self) -> None:
        self._gate.release()
        for loop, tasks in self._tasks.items():
            try:
                loop.call_soon_threadsafe(self._resolve, tasks)
            except RuntimeError:  # the loop is closed: nobody waits there any more
                continue

    def _resolve(self, tasks: Iterable[tuple[Future[list[Result]], int]]) -> None:
        for future, call in tasks:
            if future.done():  # cancelled by its task
                continue
            answer = self._answers[call]
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
