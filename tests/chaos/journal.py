"""What was asked and what was acknowledged: written down before the next call, compared with the books at the end."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from ringfence.ledger import NewAccount, NewTransfer, Result


@dataclass(frozen=True, slots=True)
class Row:
    """A transfer as asked, as it must stand if it stands, and the answers that are right.

    `answers` are right whenever, `again` only where the request may have been decided before its answer was lost.
    """

    asked: NewTransfer
    stored: NewTransfer
    answers: frozenset[str]
    again: frozenset[str]


@dataclass(frozen=True, slots=True)
class Answered:
    """A request for transfers with its results, and how often it was sent until they came."""

    rows: Sequence[Row]
    results: Sequence[Result]
    attempts: int


@dataclass(frozen=True, slots=True)
class Opened:
    """A request for accounts with its results, and how often it was sent until they came."""

    accounts: Sequence[NewAccount]
    results: Sequence[Result]
    attempts: int


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
    """Tells when writes are acknowledged, and whether any still are."""

    _latest_start: float = 0.0
    _beat: threading.Condition = field(default_factory=threading.Condition)

    def beat(self, started: float) -> None:
        """Notes an acknowledged write that was sent at `started`, a monotonic time."""
        with self._beat:
            self._latest_start = max(self._latest_start, started)
            self._beat.notify_all()

    def await_write_after(self, moment: float, seconds: float) -> bool:
        """Waits until a write sent after `moment` is acknowledged; False when `seconds` pass without one."""
        with self._beat:
            return self._beat.wait_for(lambda: self._latest_start > moment, seconds)
