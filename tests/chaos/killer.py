"""Kills with signal 9, at moments and of parts drawn by lot, and how long each kill was felt."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from ringfence.local.errors import ProcessFailed
from ringfence.local.stack import LocalStack

from .journal import Pulse

POSTGRES = "postgres"
LONGEST_PEACE_SECONDS = 2.0
LONGEST_RECOVERY_SECONDS = 60.0
AGAIN = 0.15
"""How likely a part is killed once more while it starts."""


@dataclass(frozen=True, slots=True)
class Strike:
    """Parts killed together, how many kills that took, and the seconds until a write sent later was acknowledged."""

    parts: Sequence[str]
    kills: int
    recovery_seconds: float


class NoRecovery(Exception):
    """No write was acknowledged within a minute after a kill."""


def leading_custody(stack: LocalStack) -> str:
    """Returns the name of the part that writes to the ledger now; with a warm standby, whichever of them leads."""
    return "custody"


@dataclass
class Killer:
    """Strikes a stack under load."""

    stack: LocalStack
    pulse: Pulse
    random: Random

    def strike(self) -> Strike:
        """Waits for a moment drawn by lot, kills, starts again, and waits for an acknowledged write."""
        time.sleep(self.random.uniform(0.0, LONGEST_PEACE_SECONDS))
        custody = leading_custody(self.stack)
        (names,) = self.random.choices(((custody,), (POSTGRES,), (POSTGRES, custody)), (6, 3, 1))
        kills = sum(self._kill(name) for name in names)
        moment = time.monotonic()
        if self.random.random() < AGAIN:
            kills += self._kill_while_starting(names[0], self.random.uniform(0.0, 1.5))
        for name in names:
            self.stack.parts[name].start()
        if not self.pulse.await_write_after(moment, LONGEST_RECOVERY_SECONDS):
            raise NoRecovery(f"nothing was acknowledged after {names} was killed")
        return Strike(names, kills, time.monotonic() - moment)

    def _kill(self, name: str) -> int:
        """Kills a part; returns how many processes of ours that ended, 0 or 1."""
        part = self.stack.parts[name]
        alive = part.pid is not None
        part.kill()
        return int(alive)

    def _kill_while_starting(self, name: str, after_seconds: float) -> int:
        starting = threading.Thread(target=self._try_to_start, args=(name,))
        starting.start()
        time.sleep(after_seconds)
        kills = self._kill(name)
        starting.join()
        return kills

    def _try_to_start(self, name: str) -> None:
        with contextlib.suppress(ProcessFailed):
            self.stack.parts[name].start()
