"""Pytest fixtures with real servers, for the tests of the kernel, the services and the whole.

Not loaded by itself: a `conftest.py` names it, `pytest_plugins = ["ringfence_local_stack.pytest_plugin"]`. Every
fixture starts its server once per session, in a temporary folder that is removed afterwards.
"""

import contextlib
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import pytest
from ringfence_bootstrap.description import NATS_ADMIN, NATS_SERVER, SERVICES
from ringfence_bootstrap.nats.streams import notification_streams

from ringfence_local_stack.processes.files import fleeting_folder, private_folder, write_private
from ringfence_local_stack.servers.certificates import Authority, infrastructure_id
from ringfence_local_stack.servers.database import Database
from ringfence_local_stack.servers.nats import NatsServer
from ringfence_local_stack.servers.openbao import OpenBaoServer
from ringfence_local_stack.servers.postgres import FLEETING, PostgresServer
from ringfence_local_stack.servers.seaweed import SeaweedServer
from ringfence_local_stack.stack.local_stack import LocalStack

Fill = Callable[[Database], object]
"""Makes a database what tests begin with: a function of a module, by which copies of its work are found again."""
FilledDatabase = Callable[[str, Fill], Database]
Server = TypeVar("Server", PostgresServer, OpenBaoServer, NatsServer, SeaweedServer)


@contextlib.contextmanager
def _running(server: Server) -> Iterator[Server]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def stack_folder() -> Iterator[Path]:
    """A temporary folder that the account of PostgreSQL may pass through (pytest's own is closed to it)."""
    folder = fleeting_folder()
    try:
        yield private_folder(folder, 0o711)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server(stack_folder: Path) -> Iterator[PostgresServer]:
    """A fresh PostgreSQL server that waits for no disk, with a small `max_wal_size`: recovery after a kill is short."""
    server = PostgresServer(
        stack_folder / "postgres", log_file=stack_folder / "logs" / "postgres.log", settings=FLEETING
    )
    with _running(server) as running:
        yield running


@contextlib.contextmanager
def _dropping(server: PostgresServer) -> Iterator[list[Database]]:
    """Drops the databases that the block has put into the list, whoever is still connected."""
    given: list[Database] = []
    yield given
    for each in given:
        server.drop_database(each)


def _new_name(service: str) -> str:
    return f"{service.replace('-', '_')}_{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="module")
def database(postgres_server: PostgresServer) -> Iterator[Callable[[str], Database]]:
    """A factory: `database("custody")` gives a fresh, empty database with the roles of that service.

    They are dropped when the module is done; the roles of a service are the same in all of its databases.
    """
    with _dropping(postgres_server) as given:

        def give(service: str) -> Database:
            given.append(postgres_server.create_database(service, _new_name(service)))
            return given[-1]

        yield give


@pytest.fixture(scope="session")
def _templates() -> dict[Fill, Database]:
    """Databases by what has made their tables."""
    return {}


@pytest.fixture
def filled_database(postgres_server: PostgresServer, _templates: dict[Fill, Database]) -> Iterator[FilledDatabase]:
    """A factory: `filled_database("custody", fill)` gives a database of the test's own as `fill` makes it.

    It does so once per session; every test has a copy, for a fifth of the cost.
    """
    with _dropping(postgres_server) as given:

        def give(service: str, fill: Fill) -> Database:
            if fill not in _templates:
                template = postgres_server.create_database(service, f"{_new_name(service)}_template")
                fill(template)
                _templates[fill] = template
            given.append(postgres_server.copy_database(_templates[fill], _new_name(service)))
            return given[-1]

        yield give


@pytest.fixture(scope="session")
def openbao_server(stack_folder: Path) -> Iterator[OpenBaoServer]:
    """A fresh OpenBao, unsealed and filled: transit keys, both certificate authorities, an AppRole per service."""
    server = OpenBaoServer(stack_folder / "openbao", log_file=stack_folder / "logs" / "openbao.log")
    with _running(server) as running:
        yield running


class _BlankOpenBao(OpenBaoServer):
    """An OpenBao that is initialised and empty; its administrator is root."""

    def _fill(self, root_token: str) -> str:
        return root_token


@contextlib.contextmanager
def running_blank_openbao(stack_folder: Path) -> Iterator[OpenBaoServer]:
    """A fresh, unsealed and empty OpenBao, whose administrator is root, for tests of what fills one."""
    name = f"blank-{uuid.uuid4().hex[:8]}"
    with _running(_BlankOpenBao(stack_folder / name, log_file=stack_folder / "logs" / f"{name}.log")) as running:
        yield running


@pytest.fixture
def blank_openbao(stack_folder: Path) -> Iterator[OpenBaoServer]:
    """One for each test."""
    with running_blank_openbao(stack_folder) as running:
        yield running


@pytest.fixture(scope="session")
def workload_authority() -> Authority:
    """A throw-away authority for workload certificates, where a test does not need those of OpenBao."""
    return Authority("Ringfence test workloads")


@pytest.fixture(scope="session")
def nats_server_process(stack_folder: Path, workload_authority: Authority) -> Iterator[NatsServer]:
    """A fresh NATS server that trusts `workload_authority` and knows the four services, whose streams are made."""
    tls = private_folder(stack_folder / "nats-tls")
    server = NatsServer(
        stack_folder / "nats",
        log_file=stack_folder / "logs" / "nats.log",
        certificate=workload_authority.issue(infrastructure_id(NATS_SERVER), tls, NATS_SERVER),
        ca_file=write_private(tls / "ca.pem", workload_authority.certificate),
    )
    with _running(server) as running:
        admin = running.admin(workload_authority.issue(infrastructure_id(NATS_ADMIN), tls, NATS_ADMIN))
        admin.make_streams(notification_streams(SERVICES))
        yield running


@pytest.fixture(scope="session")
def seaweed_server(stack_folder: Path) -> Iterator[SeaweedServer]:
    """A fresh server that speaks S3, under an authority of its own."""
    tls, authority = private_folder(stack_folder / "seaweed-tls"), Authority("Ringfence test bucket")
    server = SeaweedServer(
        stack_folder / "seaweed",
        log_file=stack_folder / "logs" / "seaweed.log",
        certificate=authority.issue(infrastructure_id("bucket"), tls, "bucket"),
        ca_file=write_private(tls / "ca.pem", authority.certificate),
    )
    with _running(server) as running:
        yield running


@pytest.fixture(scope="session")
def local_stack_settings() -> Mapping[str, Mapping[str, str]]:
    """Environment variables by service for `local_stack`; a `conftest.py` overrides it."""
    return {}


@pytest.fixture(scope="session")
def local_stack(local_stack_settings: Mapping[str, Mapping[str, str]]) -> Iterator[LocalStack]:
    """The whole stack with its four services, private and empty, removed at the end."""
    with LocalStack.temporary(service_settings=local_stack_settings, postgres_settings=FLEETING) as stack:
        yield stack
