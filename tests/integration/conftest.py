"""The whole platform once per worker, for as long as it has tests of this package."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator

import pytest
from ringfence.cli import main
from ringfence.transport import Patience
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.scenario import Scenario
from ringfence_local_stack.stack.local_stack import LocalStack

from .collector import Collector, collecting

Rows = list[dict[str, str]]
Shell = Callable[..., Rows]
PATIENCE = Patience(call_seconds=30, retry_seconds=90)


@pytest.fixture(scope="package")
def collector() -> Iterator[Collector]:
    """Where the services send their telemetry."""
    with collecting() as running:
        yield running


@pytest.fixture(scope="package")
def scenario(collector: Collector) -> Iterator[Scenario]:
    """A private stack: PostgreSQL, OpenBao, NATS and the four services."""
    telemetry = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "OTEL_METRIC_EXPORT_INTERVAL": "1000"}
    with Scenario.private(telemetry, PATIENCE) as started:
        yield started


@pytest.fixture(scope="package")
def stack(scenario: Scenario) -> LocalStack:
    """Its parts."""
    return scenario.processes


@pytest.fixture(scope="package")
def sandbox(scenario: Scenario) -> Sandbox:
    """Its principals as clients that wait while a part is being killed."""
    return scenario.sandbox


@pytest.fixture
def shell(scenario: Scenario, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Runs a command as a principal of the sandbox with --json; returns its rows. It ends with `code`, and a `note`."""
    for name, address in scenario.stack.addresses.items():
        monkeypatch.setenv(f"RINGFENCE_{name.upper().replace('-', '_')}_ADDRESS", address)

    def run(principal: str, *arguments: str, code: int = 0, table: bool = True, note: str = "") -> Rows:
        typed = ["ringfence", *arguments, "--as", str(scenario.sandbox.folder_of(principal)), *["--json"] * table]
        monkeypatch.setattr(sys, "argv", typed)
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        assert (ended.value.code or 0) == code, told.err
        assert note in " ".join(told.err.split())
        rows: Rows = json.loads(told.out) if told.out else []
        return rows

    return run
