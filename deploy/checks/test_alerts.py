"""The chart's rules over real processes: quiet while all is well, and each trouble fires its own alert."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ringfence.payments import InstructionStatus
from ringfence_local_stack.scenario import Scenario
from ringfence_local_stack.scenario.ibans import new_iban

from deploy.checks.monitoring.prometheus import Prometheus, watching
from tests.integration.scraping import SERVICES

QUIET_SECONDS = 15.0
FAILED = 'service:ringfence_calls_failed:ratio_rate5m{service_name="custody"}'


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    """A stack of its own, with a second custody that stands by."""
    with Scenario.private(standbys=["custody"]) as started:
        yield started


@pytest.fixture(scope="module")
def prometheus(scenario: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus over its five processes."""
    folder: Path = tmp_path_factory.mktemp("prometheus")
    with watching(scenario.stack.metrics_listens, folder) as running:
        running.eventually(lambda: running.targets() == len(SERVICES) + 1)
        running.await_quiet()
        yield running


def test_nothing_fires_while_all_is_well(scenario: Scenario, prometheus: Prometheus) -> None:
    """A platform pays, and no alert says anything; a standby's refusals are not counted as failures."""
    platform = scenario.platform("Aiko Brandt", "Jonas Falk")
    payer, payee = platform.customers("Aiko Brandt", "Jonas Falk")
    platform.bank.deposit(payer, 10_000)
    end = time.monotonic() + QUIET_SECONDS
    while time.monotonic() < end:
        platform.pay(payer, payee.iban, payee.name, 1).wait_for(InstructionStatus.SETTLED)
        assert prometheus.firing() == set()
        time.sleep(0.5)
    prometheus.eventually(lambda: prometheus.value(FAILED) == 0)


def test_a_book_without_a_bank_is_named(scenario: Scenario, prometheus: Prometheus) -> None:
    """A payment that leaves a book which has no account at a bank waits, and its alert fires alone; then it ends."""
    platform = scenario.platform("Rosa Lindqvist", banked=False)
    (payer,) = platform.customers("Rosa Lindqvist")
    payment = platform.pay(payer, new_iban(), "Somebody Elsewhere", 1)
    prometheus.eventually(lambda: prometheus.firing() == {"RingfenceBookAccountMissing"})
    assert platform.bank
    payment.wait_for(InstructionStatus.REJECTED, seconds=90)
    prometheus.await_quiet()


def test_a_service_that_is_gone_is_missed(scenario: Scenario, prometheus: Prometheus) -> None:
    """Without audit nothing is known of it; with it again the alert ends."""
    scenario.processes.service("audit").stop()
    try:
        prometheus.eventually(lambda: prometheus.firing() == {"RingfenceMetricsMissing"})
    finally:
        scenario.processes.service("audit").start()
    prometheus.await_quiet()


def test_a_standby_that_is_gone_is_missed(scenario: Scenario, prometheus: Prometheus) -> None:
    """The leader leads on, and what says so says also that nobody would take over; with the standby again it ends."""
    scenario.processes.service("custody-standby").kill()
    try:
        alone = {"RingfenceProcessesMissing", "RingfenceNoStandby"}
        prometheus.eventually(lambda: prometheus.firing() == alone)
    finally:
        scenario.processes.service("custody-standby").start()
    prometheus.await_quiet()


def test_a_standby_that_cannot_lead_leaves_nobody(scenario: Scenario, prometheus: Prometheus) -> None:
    """Where the leader is gone and its database too, the standby shows that nobody leads."""
    scenario.processes.postgres.stop()
    try:
        prometheus.eventually(lambda: "RingfenceNoLeader" in prometheus.firing())
    finally:
        scenario.processes.postgres.start()
    prometheus.eventually(lambda: "RingfenceNoLeader" not in prometheus.firing())
