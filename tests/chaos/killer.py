"""Kills with signal 9, at moments and of parts drawn by lot, and how long each kill was felt."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from ringfence_local_stack.errors import ProcessFailed
from ringfence_local_stack.stack.health import is_serving
from ringfence_local_stack.stack.local_stack import LocalStack
from ringfence_local_stack.stack.running import service_of

from .journal import Pulse

POSTGRES = "postgres"
LEDGER = "ringfence.custody.v1.CustodyService"
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


def custody_processes(stack: LocalStack) -> list[str]:
    """Returns the parts that are processes of custody: one, or with a standby two."""
    return [name for name in stack.parts if service_of(name) == "custody"]


class NoRecovery(Exception):
    """No write was acknowledged within a minute after a kill."""


@dataclass
class Killer:
    """Strikes a stack under load."""

    stack: LocalStack
    pulse: Pulse
    random: Random

    def __post_init__(self) -> None:
        """Gets a certificate to ask for health with."""
        self._probe = self.stack.running.issue_principal_certificate(str(uuid.uuid4()))

    def strike(self) -> Strike:
        """Waits for a moment drawn by lot, kills, starts again, and waits for an acknowledged write."""
        time.sleep(self.random.uniform(0.0, LONGEST_PEACE_SECONDS))
        custody = self.leading_custody()
        (names,) = self.random.choices(((custody,), (POSTGRES,), (POSTGRES, custody)), (6, 3, 1))
        kills = sum(self._kill(name) for name in names)
        moment = self.pulse.listen()
        if self.random.random() < AGAIN:
            kills += self._kill_while_starting(names[0], self.random.uniform(0.0, 1.5))
        for name in names:
            self.stack.parts[name].start()
        acknowledged = self.pulse.await_write(LONGEST_RECOVERY_SECONDS)
        if acknowledged is None:
            raise NoRecovery(f"nothing was acknowledged after {names} was killed")
        return Strike([service_of(name) for name in names], kills, acknowledged - moment)

    def leading_custody(self) -> str:
        """Returns the process that writes to the ledger now: the only one, or the one that says so."""
        processes = custody_processes(self.stack)
        end = time.monotonic() + LONGEST_RECOVERY_SECONDS
        while len(processes) > 1 and time.monotonic() < end:
            running = self.stack.running
            for name in processes:
                if is_serving(running.listens[name], running.workload_ca_file, self._probe, LEDGER):
                    return name
        return processes[0]

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
