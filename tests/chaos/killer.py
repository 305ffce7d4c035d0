"""Kills with signal 9, at moments and of parts drawn by lot, and how long each kill was felt."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from ringfence_local_stack.errors import ProcessFailed
from ringfence_local_stack.stack.health import is_serving
from ringfence_local_stack.stack.local_stack import LocalStack
from ringfence_local_stack.stack.running import service_of

from .journal import Pulse

POSTGRES = "postgres"
LED = {
    "identity": "ringfence.identity.v1.TokenService",
    "custody": "ringfence.custody.v1.CustodyService",
    "payment-instruction": "ringfence.payment_instruction.v1.PaymentInstructionService",
    "audit": "ringfence.audit.v1.AuditService",
}
"""What only a leader says that it serves."""
VICTIMS = (*((service,) for service in LED), *((service,) for service in LED), (POSTGRES,), (POSTGRES, "custody"))
LONGEST_PEACE_SECONDS = 2.0
LONGEST_RECOVERY_SECONDS = 60.0
AGAIN = 0.15
"""How likely a part is killed once more while it starts."""


@dataclass(frozen=True, slots=True)
class Strike:
    """Parts killed together, and how many kills that took.

    `recovery_seconds` are by service: from the first signal until a write was acknowledged that was sent after it.
    `postgres_seconds` is how long PostgreSQL took, from that signal, to answer again; 0 where it was not killed.
    """

    parts: Sequence[str]
    kills: int
    recovery_seconds: Mapping[str, float]
    postgres_seconds: float = 0.0


class NoRecovery(Exception):
    """No write was acknowledged within a minute after a kill."""


@dataclass
class Killer:
    """Strikes a stack under load: whoever leads a service, or the database; every victim comes up as often."""

    stack: LocalStack
    pulses: Mapping[str, Pulse]
    random: Random
    _bag: list[tuple[str, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Gets a certificate to ask for health with."""
        self._probe = self.stack.running.issue_principal_certificate(str(uuid.uuid4()))

    def strike(self) -> Strike:
        """Waits for a moment drawn by lot, kills, starts again, and waits for acknowledged writes."""
        time.sleep(self.random.uniform(0.0, LONGEST_PEACE_SECONDS))
        victims = self._draw()
        names = [name if name == POSTGRES else self.leader_of(name) for name in victims]
        # Everybody writes to the database.
        felt_by = tuple(self.pulses) if POSTGRES in victims else victims
        signalled = time.monotonic()
        kills = sum(self._kill(name) for name in names)
        for service in felt_by:
            self.pulses[service].listen()
        if self.random.random() < AGAIN:
            kills += self._kill_while_starting(names[0], self.random.uniform(0.0, 1.5))
        postgres = 0.0
        for name in names:
            self.stack.parts[name].start()
            if name == POSTGRES:
                postgres = time.monotonic() - signalled
        recovery = {service: self._await_write(service, names) - signalled for service in felt_by}
        return Strike(victims, kills, recovery, postgres)

    def leader_of(self, service: str) -> str:
        """Returns the process that leads a service now: the only one, or the one that says so."""
        processes = [name for name in self.stack.parts if service_of(name) == service]
        end = time.monotonic() + LONGEST_RECOVERY_SECONDS
        while len(processes) > 1 and time.monotonic() < end:
            running = self.stack.running
            for name in processes:
                if is_serving(running.listens[name], running.workload_ca_file, self._probe, LED[service]):
                    return name
        return processes[0]

    def _draw(self) -> tuple[str, ...]:
        if not self._bag:
            self._bag = [each for each in VICTIMS if all(name == POSTGRES or name in self.pulses for name in each)]
            self.random.shuffle(self._bag)
        return self._bag.pop()

    def _await_write(self, service: str, names: Sequence[str]) -> float:
        acknowledged = self.pulses[service].await_write(LONGEST_RECOVERY_SECONDS)
        if acknowledged is None:
            raise NoRecovery(f"nothing was acknowledged by {service} after {names} was killed")
        return acknowledged

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
