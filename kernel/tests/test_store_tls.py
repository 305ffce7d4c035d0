"""Verified TLS to PostgreSQL, with Debian's server, and several hosts of which one is there."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from ringfence_kernel.store import EventStore, NewEvent, apply_migrations, event_store_migrations
from ringfence_kernel.store.sockets import parameters_of
from ringfence_local_stack.processes.files import private_folder, write_private
from ringfence_local_stack.processes.ports import LOOPBACK, free_port, free_ports
from ringfence_local_stack.processes.privileges import server_account
from ringfence_local_stack.processes.process import Process
from ringfence_local_stack.servers.certificates import Authority, infrastructure_id
from ringfence_local_stack.servers.database import Database

START_SECONDS = 30.0
EVENT = NewEvent(b"s" * 16, 1, "Happened.v1", b"state")


@dataclass(frozen=True)
class Secured:
    """A server that takes TLS connections only."""

    port: int
    ca_file: Path
    other_ca_file: Path

    def conninfo(self, role: str, **parameters: str) -> str:
        """Returns how a role connects, verifying the server in full unless told otherwise."""
        verified = {"sslmode": "verify-full", "sslrootcert": str(self.ca_file), "host": LOOPBACK}
        return psycopg.conninfo.make_conninfo(
            port=self.port, dbname="postgres", user=role, **{**verified, **parameters}
        )


@pytest.fixture(scope="module")
def secured(stack_folder: Path) -> Iterator[Secured]:
    """Debian's PostgreSQL with a certificate for 127.0.0.1."""
    binaries = max(Path("/usr/lib/postgresql").glob("*/bin"))
    folder, account, port = private_folder(stack_folder / "debian-postgres", 0o711), server_account(), free_port()
    data, authority, other = folder / "data", Authority("Databases"), Authority("Somebody else")
    tls = private_folder(folder / "tls", 0o711)
    certificate = authority.issue(infrastructure_id("database"), tls, "database")
    private_folder(data)
    if account:
        for path in (data, certificate.key, certificate.certificate):
            os.chown(path, account.uid, account.gid)
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
    log = folder / "log"
    Process("initdb", [binaries / "initdb", "-D", data, "-U", "owner"], log, environment, account).run(START_SECONDS)
    (data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 trust\n")
    options = {
        "port": port,
        "listen_addresses": LOOPBACK,
        "unix_socket_directories": "",
        "ssl": "on",
        "ssl_cert_file": certificate.certificate,
        "ssl_key_file": certificate.key,
    }
    command = [
        binaries / "postgres",
        "-D",
        data,
        *(word for each in options.items() for word in ("-c", f"{each[0]}={each[1]}")),
    ]
    server = Process("postgres", command, log, environment, account, signal.SIGINT)
    made = Secured(
        port, write_private(tls / "ca.pem", authority.certificate), write_private(tls / "other.pem", other.certificate)
    )
    try:
        server.start()
        server.wait_until(lambda: answers(made.conninfo("owner")), START_SECONDS)
        with psycopg.connect(made.conninfo("owner"), autocommit=True) as connection:
            connection.execute("CREATE ROLE app LOGIN")
        apply_migrations(made.conninfo("owner"), "app", event_store_migrations())
        yield made
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def answers(conninfo: str) -> bool:
    """Tells whether a server takes a connection."""
    try:
        psycopg.connect(conninfo).close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_verified_server_is_written_to(secured: Secured) -> None:
    """The store works over TLS, and the server says that the connection is one."""
    store = EventStore(secured.conninfo("app"))
    head = store.append(0, [EVENT])
    assert (head.position, store.verify_chain()) == (1, head)
    with store.connection() as connection:
        row = connection.execute("SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()
    store.close()
    assert row is not None
    assert (row["ssl"], row["version"]) == (True, "TLSv1.3")


@pytest.mark.parametrize("wrong", ["authority", "name", "no authority at all"])
def test_a_server_that_is_somebody_else_is_not_spoken_to(secured: Secured, wrong: str) -> None:
    """Another authority's certificate, or one for another name, ends the connection before anything is said."""
    parameters = {
        "authority": {"sslrootcert": str(secured.other_ca_file)},
        "name": {"host": "db.example", "hostaddr": LOOPBACK},
        "no authority at all": {"sslrootcert": "/nonexistent.pem"},
    }[wrong]
    with pytest.raises(psycopg.OperationalError, match="certificate"):
        psycopg.connect(**parameters_of(secured.conninfo("app", **parameters)))


def test_of_several_hosts_the_one_that_is_there_is_used(migrated: Database) -> None:
    """Hosts at which nobody listens are passed by, before and after the one that is the primary."""
    nobody, either = free_ports(2)
    several = psycopg.conninfo.make_conninfo(
        migrated.app_conninfo, host=",".join([LOOPBACK] * 3), port=f"{nobody},{migrated.port},{either}"
    )
    store = EventStore(several)
    assert store.append(store.head().position, [EVENT]).position == 1
    store.close()
