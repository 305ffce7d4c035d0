"""The whole platform once per session, with the sandbox's first principals."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ringfence.transport import Patience
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.scenario import Scenario
from ringfence_local_stack.stack.local_stack import LocalStack

from .collector import Collector, collecting

PATIENCE = Patience(call_seconds=30, retry_seconds=90)


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """Where the services send their telemetry."""
    with collecting() as running:
        yield running


@pytest.fixture(scope="session")
def scenario(collector: Collector) -> Iterator[Scenario]:
    """A private stack: PostgreSQL, OpenBao, NATS and the four services."""
    telemetry = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "OTEL_METRIC_EXPORT_INTERVAL": "1000"}
    with Scenario.private(telemetry, PATIENCE) as started:
        yield started


@pytest.fixture(scope="session")
def stack(scenario: Scenario) -> LocalStack:
    """Its parts."""
    return scenario.processes


@pytest.fixture(scope="session")
def sandbox(scenario: Scenario) -> Sandbox:
    """Its principals as clients that wait while a part is being killed."""
    return scenario.sandbox
