"""A whole stack whose services have clocks that can be set while they run, by Debian's libfaketime.

Durations are left alone, and so are the clocks of PostgreSQL, NATS and OpenBao: one service's clock is wrong, nobody
else's.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from ringfence.transport import Patience
from ringfence_bootstrap.description import SERVICES
from ringfence_kernel.store.codec import open_envelope
from ringfence_local_stack.sandbox.birth import certify, prepare
from ringfence_local_stack.sandbox.days import list_years
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.scenario import Scenario
from ringfence_local_stack.servers.postgres import FLEETING
from ringfence_local_stack.stack.local_stack import LocalStack

LIBRARY = "/usr/lib/*/faketime/libfaketimeMT.so.1"
PATIENCE = Patience(call_seconds=30, retry_seconds=60)
NEAR_SECONDS = 60.0
"""How near is near, on a slow machine."""


@dataclass(frozen=True)
class Clocks:
    """The clocks of a stack's services, each a file that libfaketime reads whenever it is asked for the time."""

    folder: Path

    def environment(self, service: str) -> dict[str, str]:
        """What gives a service a clock of its own; raises ValueError unless faketime is installed."""
        (library,) = Path("/").glob(LIBRARY.lstrip("/"))
        self.set_ahead(service, 0)
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file(service)),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def set_ahead(self, service: str, seconds: float) -> None:
        """Sets a service's clock so many seconds ahead of the true time, or right by 0."""
        new = self._file(service).with_suffix(".new")
        new.write_text(f"{seconds:+f}\n")
        new.replace(self._file(service))

    @contextmanager
    def wrong(self, service: str, seconds: float) -> Iterator[None]:
        """Has a service's clock wrong for as long as the block lasts."""
        self.set_ahead(service, seconds)
        try:
            yield
        finally:
            self.set_ahead(service, 0)

    def _file(self, service: str) -> Path:
        return self.folder / service


@contextmanager
def clocked() -> Iterator[tuple[Scenario, Clocks]]:
    """Starts a private stack with such clocks, all right; both are gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="ringfence-"))
    own, clocks = prepare(directory), Clocks(directory / "clocks")
    clocks.folder.mkdir()
    settings = {service: {**own.get(service, {}), **clocks.environment(service)} for service in SERVICES}
    stack = LocalStack(directory, service_settings=settings, before_services=certify, postgres_settings=FLEETING)
    try:
        with stack, Sandbox(stack.running, PATIENCE) as sandbox:
            list_years(stack.running)
            yield Scenario(sandbox, stack), clocks
    finally:
        stack.remove()
        shutil.rmtree(directory, ignore_errors=True)


def last_event_is_dated_now(scenario: Scenario, service: str) -> bool:
    """Tells whether the time of a service's last event is about the true time."""
    with psycopg.connect(scenario.stack.databases[service].owner_conninfo) as connection:
        row = connection.execute("SELECT state FROM stored_events ORDER BY notification_id DESC LIMIT 1").fetchone()
    assert row is not None
    return abs(open_envelope(row[0]).recorded_at_ns / 1e9 - time.time()) < NEAR_SECONDS
