"""A stack that Prometheus scrapes under the chart's rules, in a hurry."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from ringfence.client import Client
from ringfence.transport import Patience
from ringfence_local_stack.scenario import Platform, Scenario
from ringfence_local_stack.stack.running import RunningStack

from deploy.checks.monitoring.prometheus import Prometheus, watching

BANK_REPLY_SECONDS = 5
SILENCE_SECONDS = 10
LAG_TRANSFERS = 100
"""So many transfers the statements may be behind, until more are shed."""
CALLS_FAIL = ("RingfenceCallsFailFast", "RingfenceCallsFailSteadily")
HURRIED = Patience(call_seconds=30, retry_seconds=2)
PAYER, PAYEE = "Aiko Brandt", "Jonas Falk"


@pytest.fixture(scope="session")
def scenario() -> Iterator[Scenario]:
    """A stack of its own, whose bank and identity are given seconds, and whose statements may not be far behind."""
    settings = {
        "RINGFENCE_BANK_REPLY_SECONDS": str(BANK_REPLY_SECONDS),
        "RINGFENCE_IDENTITY_SILENCE_SECONDS": str(SILENCE_SECONDS),
        "RINGFENCE_STATEMENT_LAG_TRANSFERS": str(LAG_TRANSFERS),
    }
    with Scenario.private(settings) as started:
        yield started


@contextmanager
def watched(stack: RunningStack, folder: Path) -> Iterator[Prometheus]:
    """Prometheus over all processes of a stack, once all are scraped and nothing fires."""
    with watching(stack.metrics_listens, folder) as running:
        running.eventually(lambda: running.targets() == len(stack.metrics_listens))
        running.await_quiet()
        yield running


@pytest.fixture(scope="session")
def session_prometheus(scenario: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus over its four processes."""
    with watched(scenario.stack, tmp_path_factory.mktemp("prometheus")) as running:
        yield running


@pytest.fixture
def prometheus(session_prometheus: Prometheus) -> Prometheus:
    """The same while nothing fires."""
    session_prometheus.await_quiet()
    return session_prometheus


@pytest.fixture(scope="session")
def platform(scenario: Scenario) -> Platform:
    """A platform with a rich client, whose importer has posted once."""
    made = scenario.platform(PAYER, PAYEE)
    made.bank.deposit(made.customer(PAYER), 10_000_000)
    made.fund([made.customer(PAYER).account], 1, made.bank.mirror)
    return made


def lines(scenario: Scenario, service: str, **fields: str) -> list[dict[str, str]]:
    """Returns the lines of a service's log that have these fields; one that a full disk has cut off is none."""
    found = []
    for line in scenario.stack.log_file(service).read_text(errors="replace").splitlines():
        with suppress(json.JSONDecodeError):
            if (read := json.loads(line)).items() >= fields.items():
                found.append(read)
    return found


@contextmanager
def like(client: Client, patience: Patience) -> Iterator[Client]:
    """Another connection of a client, which waits as long as it is told."""
    credentials = client.credentials
    assert credentials.addresses is not None
    with Client(credentials.addresses, credentials, patience) as client:
        yield client


def renamed(scenario: Scenario, names: Mapping[str, str]) -> None:
    """Gives databases other names, while nobody is connected to them."""
    with scenario.processes.postgres.superuser() as administrator:
        for name, new in names.items():
            administrator.execute(f"ALTER DATABASE {name} RENAME TO {new}".encode())
