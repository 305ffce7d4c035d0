"""A stack that Prometheus scrapes under the chart's rules, in a hurry."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ringfence_local_stack.scenario import Platform, Scenario

from deploy.checks.monitoring.prometheus import Prometheus, watching

BANK_REPLY_SECONDS = 5
CALLS_FAIL = ("RingfenceCallsFailFast", "RingfenceCallsFailSteadily")
PAYER, PAYEE = "Aiko Brandt", "Jonas Falk"


@pytest.fixture(scope="session")
def scenario() -> Iterator[Scenario]:
    """A stack of its own, whose bank is given seconds to answer."""
    with Scenario.private({"RINGFENCE_BANK_REPLY_SECONDS": str(BANK_REPLY_SECONDS)}) as started:
        yield started


@pytest.fixture(scope="session")
def session_prometheus(scenario: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus over its four processes."""
    listens = scenario.stack.metrics_listens
    with watching(listens, tmp_path_factory.mktemp("prometheus")) as running:
        running.eventually(lambda: running.targets() == len(listens))
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
