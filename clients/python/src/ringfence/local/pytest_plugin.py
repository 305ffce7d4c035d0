"""Pytest fixtures with real servers, for the tests of the kernel, the services and the whole.

Not loaded by itself: a `conftest.py` names it, `pytest_plugins = ["ringfence.local.pytest_plugin"]`. Every fixture
starts its server once per session, in a temporary folder that is removed afterwards.
"""

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ringfence.local.files import private_folder
from ringfence.local.postgres import Database, PostgresServer


@pytest.fixture(scope="session")
def stack_folder() -> Iterator[Path]:
    """A temporary folder that the account of PostgreSQL may pass through (pytest's own is closed to it)."""
    folder = Path(tempfile.mkdtemp(prefix="ringfence-"))
    try:
        yield private_folder(folder, 0o711)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server(stack_folder: Path) -> Iterator[PostgresServer]:
    """A fresh PostgreSQL server with fsync on and a small `max_wal_size`, so that recovery after a kill is short."""
    server = PostgresServer(
        stack_folder / "postgres",
        log_file=stack_folder / "logs" / "postgres.log",
        settings={"max_wal_size": "256MB"},
    )
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def _database_numbers() -> Iterator[int]:
    return itertools.count(1)


@pytest.fixture(scope="module")
def database(postgres_server: PostgresServer, _database_numbers: Iterator[int]) -> Iterator[Callable[[str], Database]]:
    """A factory: `database("custody")` makes a fresh, empty database with the roles of that service.

    Databases are dropped when the module is done; the roles of a service are the same in all of its databases.
    """
    made: list[Database] = []

    def make(service: str) -> Database:
        name = f"{service.replace('-', '_')}_{next(_database_numbers)}"
        made.append(postgres_server.create_database(service, name))
        return made[-1]

    yield make
    for each in made:
        postgres_server.drop_database(each)
