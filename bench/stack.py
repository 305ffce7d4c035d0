"""A private stack under measurement: its servers, some of its services, where their telemetry goes."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from ringfence_bootstrap.description import SERVICES
from ringfence_local_stack.sandbox.birth import certify, prepare
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.stack.local_stack import LocalStack
from ringfence_local_stack.stack.services import ServiceProcess

from bench.book import Book
from bench.cpu import CpuMeter
from bench.sink import METHOD, Sink, sink

CUSTODY_ALONE = ("identity", "custody")
PAYMENTS = ("identity", "custody", "payment-instruction")
CONTROL_DATABASE = "control"
STATEMENT_LAG_TRANSFERS = 250_000
"""So many transfers the statements may be behind before the ledger waits for them: custody's own default."""
SETTLE_SECONDS = 600.0
LOOK_SECONDS = 0.2
EXPORT_SECONDS = 6.0
"""Spans are exported after at most five seconds (OTEL_BSP_SCHEDULE_DELAY)."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class MeasuredStack:
    """What is running; `services` are those that were started."""

    stack: LocalStack
    services: Sequence[str]
    sandbox: Sandbox
    sink: Sink

    @property
    def cpu(self) -> CpuMeter:
        """Reads the CPU time of the client (this process), the services, the sink and PostgreSQL."""

        def processes() -> Mapping[str, int]:
            services = {service: self.stack.service(service).pid for service in self.services}
            own = {"client": os.getpid(), "sink": self.sink.pid}
            return own | {service: pid for service, pid in services.items() if pid is not None}

        def families() -> Mapping[str, int]:
            postgres = self.stack.postgres.pid
            return {"postgres": postgres} if postgres else {}

        return CpuMeter(processes, families)

    @property
    def process_cpu(self) -> CpuMeter:
        """Reads the CPU time of every process of the services, those that stand by too."""
        parts = self.stack.parts

        def processes() -> Mapping[str, int]:
            pids = {name: part.pid for name, part in parts.items() if isinstance(part, ServiceProcess)}
            return {name: pid for name, pid in pids.items() if pid is not None}

        return CpuMeter(processes, dict)

    def logged_lines(self) -> int:
        """Returns how many lines the services have logged so far, those that stand by too."""
        logs = (self.stack.running.log_file(name) for name in self.process_cpu.processes())
        return sum(log.read_bytes().count(b"\n") for log in logs)

    def control_conninfo(self) -> str:
        """Returns how to connect to a database for the controls on the same server; makes it first where needed."""
        with self.stack.postgres.superuser() as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (CONTROL_DATABASE,)).fetchone():
                connection.execute(f"CREATE DATABASE {CONTROL_DATABASE}".encode())
            return psycopg.conninfo.make_conninfo(
                connection.info.dsn, dbname=CONTROL_DATABASE, password=connection.info.password
            )

    def forget_snapshot(self, service: str) -> None:
        """Makes a service that is down start from events alone."""
        shutil.rmtree(self.stack.running.snapshot_folder(service), ignore_errors=True)

    def settle(self, book: Book) -> None:
        """Waits until statements and the audit log have caught up, so that nothing pays for what came before it."""
        end = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < end:
            if book.statements_caught_up() and ("audit" not in self.services or self._log_caught_up()):
                return
            time.sleep(LOOK_SECONDS)
        raise RuntimeError("statements or the log do not catch up")

    def traced(self) -> tuple[int, int]:
        """Returns how many calls of CreateTransfers custody has logged, and how many spans of them have come in."""
        if "custody" not in self.services:
            return 0, 0
        log = self.stack.running.log_file("custody").read_text()
        calls = sum(METHOD in line and '"call"' in line for line in log.splitlines())
        time.sleep(EXPORT_SECONDS)
        return calls, self.sink.spans()

    def _log_caught_up(self) -> bool:
        compared = self.sandbox.regulator.audit.verify_sources()
        return all(each.logged_position == each.current_position for each in compared)


@contextmanager
def measured_stack(
    services: Sequence[str], progress: Progress, standbys: Sequence[str] = ()
) -> Iterator[MeasuredStack]:
    """Starts servers and services in a temporary folder, which is gone afterwards; every call is traced to a sink.

    Those of `standbys` have a second process, which follows on the same cores.
    """
    directory = Path(tempfile.mkdtemp(prefix="ringfence-bench-"))
    own = prepare(directory)
    with sink() as receiving:
        every = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiving.endpoint,
            "RINGFENCE_STATEMENT_LAG_TRANSFERS": str(STATEMENT_LAG_TRANSFERS),
        }
        settings = {service: {**own.get(service, {}), **every} for service in SERVICES}
        stack = LocalStack(
            directory,
            with_services=services,
            standbys=standbys,
            service_settings=settings,
            before_services=certify,
            progress=progress,
        )
        try:
            with stack, Sandbox(stack.running) as sandbox:
                yield MeasuredStack(stack, services, sandbox, receiving)
        finally:
            stack.remove()
            shutil.rmtree(directory, ignore_errors=True)
