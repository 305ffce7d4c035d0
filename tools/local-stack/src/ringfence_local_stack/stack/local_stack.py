"""The whole local stack: PostgreSQL, OpenBao, NATS and the services, started together and stopped together."""

import os
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, TypeVar

from ringfence_bootstrap.description import NATS_SERVER, SERVICES
from ringfence_bootstrap.nats.streams import notification_streams
from ringfence_local_stack.errors import LocalStackError, StackNotRunning
from ringfence_local_stack.processes.files import fleeting_folder, private_folder, write_private
from ringfence_local_stack.processes.ports import LOOPBACK, free_ports
from ringfence_local_stack.servers.database import Database
from ringfence_local_stack.servers.nats import NatsServer
from ringfence_local_stack.servers.openbao import OpenBaoServer
from ringfence_local_stack.servers.postgres import PostgresServer
from ringfence_local_stack.stack.directories import default_directory
from ringfence_local_stack.stack.lock import FolderLock
from ringfence_local_stack.stack.parts import Part, side_by_side
from ringfence_local_stack.stack.running import (
    STATE_FILE,
    RunningStack,
    attach,
    process_started,
    service_of,
    standby_parts,
)
from ringfence_local_stack.stack.services import CommandLine, ServiceProcess, installed
from ringfence_local_stack.stack.signals import ending_on_signals, undisturbed

PartT = TypeVar("PartT")


class LocalStack:
    """Real servers and services in `directory` (see `default_directory`), whose data is kept for the next start.

    Use it as a context manager: SIGTERM then ends it like Ctrl-C, and no process, state file or half-made data is left.
    `with_services` starts only some services, `standbys` a second process of some of them (the part `custody-standby`),
    and a third of those that it names twice (`custody-standby-2`); `service_settings` adds environment variables by
    service, or for a standby by its part, and `command_line` says what runs a service's processes.
    `before_services` is called when the servers run and no service does yet.
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        with_services: Sequence[str] = SERVICES,
        standbys: Sequence[str] = (),
        service_settings: Mapping[str, Mapping[str, str]] | None = None,
        postgres_settings: Mapping[str, str] | None = None,
        command_line: CommandLine = installed,
        before_services: Callable[[RunningStack], None] = lambda stack: None,
        progress: Callable[[str], None] = lambda what: None,
    ) -> None:
        self.directory = (directory or default_directory()).absolute()
        self._with_services = tuple(with_services)
        self._standbys = tuple(standby_parts(standbys))
        self._service_settings = service_settings or {}
        self._postgres_settings = postgres_settings
        self._command_line = command_line
        self._before_services = before_services
        self._progress = progress
        self._running: RunningStack | None = None
        self._closing = threading.Event()
        self._lock = FolderLock(self.directory)
        self._signals = ExitStack()
        self.parts: dict[str, Part] = {}

    def __enter__(self) -> Self:
        self._signals.enter_context(ending_on_signals())
        try:
            self.start()
        except BaseException:
            self._signals.close()
            raise
        return self

    def __exit__(self, *reason: object) -> None:
        with self._signals:
            self.stop()

    @classmethod
    @contextmanager
    def temporary(cls, **options: Any) -> Iterator[Self]:
        """A private, empty stack in a temporary folder, both gone at the end; options as for the class."""
        stack = cls(fleeting_folder(), **options)
        try:
            with stack:
                yield stack
        finally:
            stack.remove()

    @staticmethod
    def attach(directory: Path | None = None) -> RunningStack:
        """The stack that another process runs; raises StackNotRunning."""
        return attach(directory or default_directory())

    @property
    def running(self) -> RunningStack:
        """Addresses, certificates and the operator's access; raises StackNotRunning before the start."""
        if self._running is None:
            raise StackNotRunning(f"the stack in {self.directory} is not up")
        return self._running

    @property
    def postgres(self) -> PostgresServer:
        """The PostgreSQL server."""
        return self._part("postgres", PostgresServer)

    @property
    def openbao(self) -> OpenBaoServer:
        """The OpenBao server."""
        return self._part("openbao", OpenBaoServer)

    @property
    def nats(self) -> NatsServer:
        """The NATS server."""
        return self._part("nats", NatsServer)

    def service(self, name: str) -> ServiceProcess:
        """A process of one of the services; raises LocalStackError for one that this stack does not run."""
        return self._part(name, ServiceProcess)

    def start(self) -> None:
        """Starts servers side by side, then migrates and starts the services; on any failure stops everything.

        Raises StackRunning if another process runs a stack here, ProgramMissing, or ProcessFailed.
        """
        self._closing = threading.Event()
        # PostgreSQL, which drops the privileges of root, has to pass through.
        private_folder(self.directory, 0o711 if os.geteuid() == 0 else 0o700)
        self._lock.take()
        try:
            self._start_servers()
            self._start_services()
            self._save_state()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops the services, then the servers, and removes the state file; does nothing if nothing runs."""
        self._closing.set()
        services = [part.stop for part in self.parts.values() if isinstance(part, ServiceProcess)]
        servers = [part.stop for part in self.parts.values() if not isinstance(part, ServiceProcess)]
        with undisturbed(), ExitStack() as last_to_first:
            last_to_first.callback(self._forget)
            last_to_first.callback(side_by_side, servers, self._closing)
            last_to_first.callback(side_by_side, services, self._closing)

    def remove(self) -> None:
        """Stops the stack and deletes all of its data."""
        self.stop()
        PostgresServer(self.directory / "postgres", log_file=Path(os.devnull)).remove()
        shutil.rmtree(self.directory, ignore_errors=True)

    def restart(self, name: str, *, kill: bool = False) -> None:
        """Stops, or kills with signal 9, a part by its name, and starts it again."""
        part = self.parts[name]
        if kill:
            part.kill()
        else:
            part.stop()
        part.start()
        self._save_state()

    def _start_servers(self) -> None:
        self._progress("starting PostgreSQL and OpenBao")
        logs = self.directory / "logs"
        postgres = PostgresServer(
            self.directory / "postgres",
            log_file=logs / "postgres.log",
            settings=self._postgres_settings,
            closing=self._closing,
        )
        openbao = OpenBaoServer(self.directory / "openbao", log_file=logs / "openbao.log", closing=self._closing)
        self.parts = {"postgres": postgres, "openbao": openbao}
        databases: dict[str, Database] = {}

        def start_postgres() -> None:
            postgres.start()
            databases.update({service: postgres.create_database(service) for service in SERVICES})

        side_by_side([start_postgres, openbao.start], self._closing)
        self._progress("starting NATS")
        nats = self._make_nats(openbao)
        self.parts["nats"] = nats
        nats.start()
        parts = (*SERVICES, *self._standbys)
        addresses = [f"{LOOPBACK}:{port}" for port in free_ports(5 * len(parts))]
        self._running = RunningStack(
            directory=self.directory,
            owner_pid=os.getpid(),
            owner_started=process_started(os.getpid()) or 0,
            vault_address=openbao.address,
            nats_port=nats.port,
            listens=dict(zip(parts, addresses, strict=False)),
            health_listens=dict(zip(parts, addresses[len(parts) :], strict=False)),
            metrics_listens=dict(zip(parts, addresses[2 * len(parts) :], strict=False)),
            tiles_listens=_of_audit(parts, addresses[3 * len(parts) :]),
            console_listens=_of_audit(parts, addresses[4 * len(parts) :]),
            databases=databases,
            pids={},
            service_settings=self._service_settings,
        )
        self._running.nats_admin().make_streams(notification_streams(SERVICES))

    def _make_nats(self, openbao: OpenBaoServer) -> NatsServer:
        folder = private_folder(self.directory / "certificates")
        for mount, name in (("pki-workload", "workload-ca"), ("pki-client", "client-ca")):
            write_private(folder / f"{name}.pem", f"{openbao.authority_certificate(mount)}\n")
        return NatsServer(
            self.directory / "nats",
            log_file=self.directory / "logs" / "nats.log",
            certificate=openbao.issue_infrastructure_certificate(NATS_SERVER, folder, is_server=True),
            ca_file=folder / "workload-ca.pem",
            closing=self._closing,
        )

    def _start_services(self) -> None:
        if not self._with_services:
            return
        self._before_services(self.running)
        probe = self.running.issue_principal_certificate(str(uuid.uuid4()))
        services, standbys = (
            [ServiceProcess(part, lambda: self.running, probe, self._closing, self._command_line) for part in parts]
            for parts in (self._with_services, self._standbys)
        )
        self._progress("migrating the databases")
        side_by_side([service.migrate for service in services], self._closing)
        self.parts.update({process.part: process for process in (*services, *standbys)})
        self._progress("starting the services")
        side_by_side([service.start for service in services], self._closing)
        side_by_side([standby.start for standby in standbys], self._closing)

    def _save_state(self) -> None:
        pids = {name: part.pid for name, part in self.parts.items() if part.pid is not None}
        self._running = replace(self.running, pids=pids)
        self._running.save()

    def _forget(self) -> None:
        """What is left to do when nothing runs any more."""
        self.parts.clear()
        self._running = None
        if self._lock.is_held:
            (self.directory / STATE_FILE).unlink(missing_ok=True)
            self._lock.release()

    def _part(self, name: str, kind: type[PartT]) -> PartT:
        part = self.parts.get(name)
        if not isinstance(part, kind):
            raise LocalStackError(f"{name} is not part of this stack")
        return part


def _of_audit(parts: Sequence[str], addresses: Sequence[str]) -> dict[str, str]:
    """Gives audit's processes an address each."""
    return {part: each for part, each in zip(parts, addresses, strict=False) if service_of(part) == "audit"}
