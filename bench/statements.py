"""How far custody's statements are behind the ledger, watched while it is under load."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

from bench.stack import MeasuredStack

LOOK_SECONDS = 0.1
CURSOR = "projection:statements"
POSITIONS = """
SELECT (SELECT position FROM feed_head), coalesce((SELECT position FROM cursors WHERE name = %s), 0)
"""


@dataclass
class Lag:
    """The largest lag seen, in seconds: how long ago the oldest event was committed that statements did not show."""

    largest_seconds: float = 0.0
    ages: list[float] = field(default_factory=list)
    """The lag at every look."""
    _ahead: deque[tuple[float, int]] = field(default_factory=deque)

    def note(self, now: float, head: int, shown: int) -> None:
        """Takes note of both positions at a time; a commit counts from the look before the one that found it."""
        if not self._ahead or head > self._ahead[-1][1]:
            self._ahead.append((now, head))
        while self._ahead and self._ahead[0][1] <= shown:
            self._ahead.popleft()
        age = now - self._ahead[0][0] + LOOK_SECONDS if self._ahead else 0.0
        self.ages.append(age)
        self.largest_seconds = max(self.largest_seconds, age)


@contextmanager
def watched_lag(
    measured: MeasuredStack, look: Callable[[psycopg.Connection], tuple[int, int]] | None = None
) -> Iterator[Lag]:
    """Looks at both positions, those of the statements unless told, for as long as the block lasts."""
    lag, over = Lag(), threading.Event()

    def watch() -> None:
        with measured.stack.postgres.superuser("custody") as connection:
            while not over.wait(LOOK_SECONDS):
                lag.note(time.monotonic(), *(look or _positions)(connection))

    thread = threading.Thread(target=watch, name="lag", daemon=True)
    thread.start()
    try:
        yield lag
    finally:
        over.set()
        thread.join()


def _positions(connection: psycopg.Connection) -> tuple[int, int]:
    row = connection.execute(POSITIONS, (CURSOR,)).fetchone()
    assert row is not None
    return row[0], row[1]
