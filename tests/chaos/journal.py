"""What was asked and what was acknowledged: written down before the next call, compared with the books at the end."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ringfence.ledger import NewAccount, NewTransfer, Result

Asked = TypeVar("Asked")


@dataclass(frozen=True, slots=True)
class Row:
    """A transfer as asked, as it must stand if it stands, and the answers that are right.

    `answers` are right whenever, `again` only where the request may have been decided before its answer was lost.
    """

    asked: NewTransfer
    stored: NewTransfer
    answers: frozenset[str]
    again: frozenset[str]


@dataclass(frozen=True)
class Answer(Generic[Asked]):
    """A request with its results, and how often it was sent until they came.

    A client that knows several processes sends it again by itself, unseen.
    """

    rows: Sequence[Asked]
    results: Sequence[Result]
    attempts: int
    unseen_attempts: bool = False

    @property
    def sent_again(self) -> bool:
        """Whether it may have been decided before it was answered."""
        return self.unseen_attempts or self.attempts > 1


class Answered(Answer[Row]):
    """A request for transfers."""


class Opened(Answer[NewAccount]):
    """A request for accounts."""


@dataclass
class Journal:
    """Everything acknowledged in one book, by all of its importers."""

    transfers: list[Answered] = field(default_factory=list)
    accounts: list[Opened] = field(default_factory=list)
    unanswered: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, answered: Answered | Opened) -> None:
        """Adds what was acknowledged."""
        with self._lock:
            self.unanswered += answered.attempts - 1
            if isinstance(answered, Answered):
                self.transfers.append(answered)
            else:
                self.accounts.append(answered)

    def acknowledged(self) -> int:
        """Returns how many rows of transfers were answered."""
        return sum(len(each.rows) for each in self.transfers)


@dataclass
class Pulse:
    """Tells when writes are acknowledged again after a moment."""

    _moment: float = math.inf
    _first: float | None = None
    _beat: threading.Condition = field(default_factory=threading.Condition)

    def beat(self, started: float) -> None:
        """Notes a write that was sent at `started`, a monotonic time, and is acknowledged now."""
        with self._beat:
            if self._first is None and started > self._moment:
                self._first = time.monotonic()
                self._beat.notify_all()

    def listen(self) -> float:
        """Looks out for writes sent from now on; returns this moment."""
        with self._beat:
            self._moment, self._first = time.monotonic(), None
            return self._moment

    def await_write(self, seconds: float) -> float | None:
        """Returns when the first of these writes was acknowledged; None when `seconds` pass without one."""
        with self._beat:
            self._beat.wait_for(lambda: self._first is not None, seconds)
            return self._first
