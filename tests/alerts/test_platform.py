"""Processes that come and go, and work that waits for a database, each shown by its alert until that is over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ringfence_local_stack.scenario import Platform, Scenario
from ringfence_local_stack.scenario.waiting import eventually

from deploy.checks.monitoring.prometheus import Prometheus
from tests.drills.clocks import Clocks, clocked

from .conftest import CALLS_FAIL, PAYER, watched

TERMS = 7
STARTS = 3
HOLDER = (
    "SELECT pg_terminate_backend(a.pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
    "WHERE l.locktype = 'advisory' AND l.granted AND a.datname = %s"
)
STARTED = 'process_start_time_seconds{service_name="audit"}'
LEADERS = 'sum(ringfence_leadership_leading{service_name="custody"})'
AWAY = ("RingfenceMetricsMissing", "RingfenceFollowerLags", "RingfenceStandingStale")
LED_ANEW = ("RingfenceNoLeader", *CALLS_FAIL, "RingfenceFollowerLags", "RingfenceStandingStale")


def test_statements_behind_a_lock(scenario: Scenario, platform: Platform, prometheus: Prometheus) -> None:
    """overload: while somebody holds the statements' tables transfers go on and statements lag; then they catch up."""
    database = scenario.stack.databases["custody"].name
    with scenario.processes.postgres.superuser(database) as holding, holding.transaction():
        holding.execute("LOCK TABLE transfers IN ACCESS EXCLUSIVE MODE")
        platform.fund([platform.customer(PAYER).account], 1, platform.bank.mirror)
        prometheus.await_firing("RingfenceStatementsLag")
    prometheus.await_quiet()


def test_a_leader_that_changes_again_and_again(scenario: Scenario, prometheus: Prometheus) -> None:
    """standby: whose session is ended leads anew each time, and that it does so too often is said."""
    database = scenario.stack.databases["custody"].name
    with scenario.processes.postgres.superuser(database) as administrator:
        for _ in range(TERMS):
            assert eventually(lambda: bool(administrator.execute(HOLDER, [database]).fetchall()), 30)
            prometheus.eventually(lambda: prometheus.value(LEADERS) == 1)
    prometheus.await_firing("RingfenceLeadershipChanges", beside=LED_ANEW)
    prometheus.await_quiet()


def test_a_process_that_starts_again_and_again(scenario: Scenario, prometheus: Prometheus) -> None:
    """processes-missing: a process that is killed and started three times is named; nothing else stays behind."""
    seen = {prometheus.value(STARTED)}
    for _ in range(STARTS):
        scenario.processes.restart("audit", kill=True)
        prometheus.eventually(lambda: prometheus.value(STARTED) not in {None, *seen})
        seen.add(prometheus.value(STARTED))
    prometheus.await_firing("RingfenceProcessRestarts", beside=AWAY)
    prometheus.await_quiet()


@pytest.fixture(scope="module")
def clocks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Clocks, Prometheus]]:
    """Another stack, whose clocks can be set, and a Prometheus over it."""
    with clocked() as (scenario, clocks):
        scenario.import_list(["Nobody At All"])
        with watched(scenario.stack, tmp_path_factory.mktemp("prometheus")) as running:
            yield clocks, running


def test_a_clock_that_is_behind(clocks: tuple[Clocks, Prometheus]) -> None:
    """clock: a service whose clock differs from its database's is named; set right, it goes on by itself."""
    of_services, prometheus = clocks
    with of_services.wrong("audit", -10):
        prometheus.await_firing(
            "RingfenceClockDiffers",
            beside=["RingfenceFollowerLags", "RingfenceStandingStale", "RingfenceCheckpointOld"],
        )
    prometheus.await_quiet()
