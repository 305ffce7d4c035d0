"""A platform at work while something is done to what it stands on, and everything compared afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from ringfence_bootstrap.description import SERVICES
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.servers.certificates import CertificateFiles
from ringfence_local_stack.stack.health import is_serving
from ringfence_local_stack.stack.local_stack import LocalStack
from ringfence_local_stack.stack.running import service_of

from tests.chaos.book import open_book
from tests.chaos.drill import PATIENCE, compare_acknowledged, under_load
from tests.chaos.journal import Pulse
from tests.chaos.killer import LED
from tests.chaos.logged import read_log
from tests.chaos.town import found_town
from tests.chaos.town_check import check_reading

CLIENTS = 40
SEED = 9


@dataclass(frozen=True)
class Work:
    """Clients of all four services at work, whose writes can be waited for."""

    stack: LocalStack
    pulses: Mapping[str, Pulse]
    failures: list[str]
    probe: CertificateFiles

    def await_writes(self, *services: str, seconds: float) -> dict[str, float]:
        """Returns after how long each service has acknowledged a write that was sent from now on."""
        moments = {service: self.pulses[service].listen() for service in services}
        end = time.monotonic() + seconds
        found: dict[str, float] = {}
        for service, moment in moments.items():
            written = self.pulses[service].await_write(max(0.0, end - time.monotonic()))
            assert written is not None, f"{service} has acknowledged nothing for {seconds} s; {self.failures}"
            found[service] = round(written - moment, 2)
        assert not self.failures, self.failures
        return found

    def writes_within(self, service: str, seconds: float) -> bool:
        """Tells whether a service acknowledges a write that is sent from now on."""
        self.pulses[service].listen()
        return self.pulses[service].await_write(seconds) is not None

    @property
    def parts(self) -> list[str]:
        """The processes of all services."""
        return [part for part in self.stack.parts if service_of(part) in SERVICES]

    def says_serving(self, part: str, name: str = "") -> bool:
        """Tells whether a process says that something of it is well: unless it is named, that it leads."""
        running = self.stack.running
        name = name or LED[service_of(part)]
        return is_serving(running.listens[part], running.workload_ca_file, self.probe, name)


@contextmanager
def at_work(stack: LocalStack) -> Iterator[Work]:
    """Has clients of all services at work; compares in the end what was acknowledged with what stands.

    What services have is compared where their stack ends, as after every drill (`after.py`).
    """
    with Sandbox(stack.running, PATIENCE) as sandbox:
        books, town = [open_book(sandbox, "north", CLIENTS)], found_town(sandbox)
        pulses = {service: Pulse() for service in SERVICES}
        probe = stack.running.issue_principal_certificate(str(town.platform.id))
        with under_load(books, town, pulses, SEED) as failures:
            yield Work(stack, pulses, failures, probe)
        assert not failures, failures
        found = compare_acknowledged(books, town)
        assert [*found, *check_reading(town, read_log(sandbox.regulator, town.log_key))] == []


def await_true(look: Callable[[], bool], seconds: float) -> float:
    """Returns after how long something became true; raises AssertionError when it does not in time."""
    started = time.monotonic()
    while not look():
        assert time.monotonic() - started < seconds, f"not within {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - started
