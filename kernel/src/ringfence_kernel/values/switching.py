"""How soon threads that compute make way for others: sooner than the interpreter has it while any is at long work."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TypeVar

ResultT = TypeVar("ResultT")

SWITCH_SECONDS = 0.0002
"""How long a thread may compute while another waits for its turn."""


class _Switching:
    """Lets threads change sooner for as long as any of them is at long work.

    The interval is the whole process's, so it is counted here for all, and by the threads themselves: a loop that is
    closed beside work under way hears of no end.
    """

    def __init__(self) -> None:
        """Nobody is at work."""
        self._lock = threading.Lock()
        self._at_work = 0
        self._usual_seconds = sys.getswitchinterval()

    def while_at(self, work: Callable[[], ResultT]) -> ResultT:
        """Returns what the work returns, and raises what it raises."""
        with self._lock:
            if not self._at_work:
                sys.setswitchinterval(SWITCH_SECONDS)
            self._at_work += 1
        try:
            return work()
        finally:
            with self._lock:
                self._at_work -= 1
                if not self._at_work:
                    sys.setswitchinterval(self._usual_seconds)


_SWITCHING = _Switching()


def while_switching(work: Callable[[], ResultT]) -> ResultT:
    """Does long work in a thread, which makes way for others every 0.2 ms; returns and raises as the work."""
    return _SWITCHING.while_at(work)
