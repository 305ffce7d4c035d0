"""The PostgreSQL of the local stack: safe settings, closed doors, recovery after a crash."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from ringfence_local_stack.pytest_plugin import FilledDatabase
from ringfence_local_stack.servers.database import Database
from ringfence_local_stack.servers.postgres import FLEETING, PostgresServer

DatabaseFactory = Callable[[str], Database]


@pytest.fixture(scope="module")
def durable_server(stack_folder: Path) -> Iterator[PostgresServer]:
    """A server as `ringfence up` has it."""
    server = PostgresServer(stack_folder / "durable", log_file=stack_folder / "logs" / "durable.log")
    server.start()
    yield server
    server.stop()


def owner(database: Database) -> psycopg.Connection:
    """A connection of the owner role."""
    return psycopg.connect(database.owner_conninfo, autocommit=True)


def app(database: Database) -> psycopg.Connection:
    """A connection of the application role."""
    return psycopg.connect(database.app_conninfo, autocommit=True)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("server_version_num", "18"),
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("data_checksums", "on"),
        ("listen_addresses", "127.0.0.1"),
        ("max_wal_size", "1GB"),
    ],
)
def test_server_runs_with_safe_settings(durable_server: PostgresServer, setting: str, value: str) -> None:
    """Durability is on, the version is 18 and nothing listens beyond the loopback address."""
    with durable_server.superuser() as connection:
        row = connection.execute("SELECT current_setting(%s)", [setting]).fetchone()
    assert row is not None
    assert row[0].startswith(value)


def test_wrong_password_is_refused(postgres_server: PostgresServer, database: DatabaseFactory) -> None:
    """No role gets in without its own password, not even from this machine."""
    made = database("custody")
    for url in (made.app_url, made.owner_url):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(url, password="guess")


def test_another_service_may_not_connect(database: DatabaseFactory) -> None:
    """The application role of one service opens its own database and no other, be it one that every server has."""
    custody, identity = database("custody"), database("identity")
    with app(custody) as connection:
        connection.execute("SELECT 1")
    for name in (identity.name, "postgres", "template1"):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(custody.app_conninfo, dbname=name)


def test_application_role_has_only_what_is_granted(database: DatabaseFactory) -> None:
    """The application role may neither create nor read anything until the owner's migration grants it."""
    made = database("custody")
    with owner(made) as connection:
        connection.execute("CREATE TABLE event (n int)")
        connection.execute(f"GRANT INSERT ON event TO {made.app_role}")
    with app(made) as connection:
        connection.execute("INSERT INTO event VALUES (1)")
        for refused in (
            "SELECT * FROM event",
            "DELETE FROM event",
            "CREATE TABLE mine (n int)",
            "DROP TABLE event",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(refused)


def test_each_database_of_a_factory_is_fresh(database: DatabaseFactory) -> None:
    """Two databases of one service share roles and nothing else."""
    first, second = database("audit"), database("audit")
    with owner(first) as connection:
        connection.execute("CREATE TABLE leaf (n int)")
    with owner(second) as connection, pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("SELECT * FROM leaf")
    assert first.app_role == second.app_role


def fill(database: Database) -> None:
    """Makes a table with a row, which the application role may read."""
    with owner(database) as connection:
        connection.execute("CREATE TABLE event AS SELECT 1 AS n")
        connection.execute(f"GRANT SELECT ON event TO {database.app_role}")
        connection.execute(f"GRANT TEMPORARY ON DATABASE {database.name} TO {database.app_role}")


def test_each_copy_is_as_it_was_filled(database: DatabaseFactory, filled_database: FilledDatabase) -> None:
    """Two tests' databases have the same rows and rights, and nothing of each other; nobody else may connect."""
    with owner(filled_database("custody", fill)) as connection:
        connection.execute("DELETE FROM event")
    copy, other = filled_database("custody", fill), database("identity")
    with app(copy) as connection:
        assert connection.execute("SELECT n FROM event").fetchall() == [(1,)]
        connection.execute("CREATE TEMPORARY TABLE mine (n int)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM event")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(other.app_conninfo, dbname=copy.name)


def test_committed_rows_survive_kill_nine(postgres_server: PostgresServer, database: DatabaseFactory) -> None:
    """After signal 9 the server starts again on the same port, recovers, and has every committed row."""
    made = database("custody")
    before, port = postgres_server.pid, postgres_server.port
    with owner(made) as connection:
        connection.execute("CREATE TABLE event (n int)")
        connection.execute("INSERT INTO event SELECT generate_series(1, 50000)")
        with postgres_server.down():
            assert postgres_server.pid is None
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
    assert postgres_server.port == port
    assert postgres_server.pid not in (None, before)
    with owner(made) as connection:
        assert connection.execute("SELECT count(*) FROM event").fetchone() == (50_000,)


def test_server_has_no_privileges(postgres_server: PostgresServer) -> None:
    """Whoever starts it, the server runs as an ordinary account without capabilities; root's are dropped."""
    lines = Path(f"/proc/{postgres_server.pid}/status").read_text().splitlines()
    status = dict(line.split(":", 1) for line in lines)
    assert "0" not in status["Uid"].split()
    assert "0" not in status["Groups"].split()
    assert int(status["CapEff"], 16) == 0


def test_secrets_are_readable_by_their_owner_only(postgres_server: PostgresServer, database: DatabaseFactory) -> None:
    """Password files have mode 0600."""
    made = database("custody")
    files = (
        postgres_server.superuser_password_file,
        made.owner_password_file,
        made.app_password_file,
    )
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_data_is_kept_over_a_restart(stack_folder: Path) -> None:
    """A second server object on the same folder finds the data and the passwords of the first."""
    folder, log = stack_folder / "kept", stack_folder / "logs" / "kept.log"
    first = PostgresServer(folder, log_file=log, settings=FLEETING)
    first.start()
    with owner(first.create_database("identity")) as connection:
        connection.execute("CREATE TABLE party AS SELECT 7 AS n")
    first.stop()
    second = PostgresServer(folder, log_file=log, settings=FLEETING)
    try:
        second.start()
        with owner(second.create_database("identity")) as connection:
            assert connection.execute("SELECT n FROM party").fetchone() == (7,)
    finally:
        second.remove()
    assert not folder.exists()
