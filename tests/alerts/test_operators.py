"""Operators whose time ends, shown by its alert until two of them have renewed it."""

from __future__ import annotations

import time
from pathlib import Path

from ringfence.identity import require_done
from ringfence_local_stack.scenario import Scenario

from deploy.checks.monitoring.prometheus import Prometheus
from tests.integration.two_people.acts import PENDING, People

DAY_NS = 86_400 * 10**9
NEAR_DAYS, FAR_DAYS = 10, 100


def test_operators_whose_time_ends(scenario: Scenario, prometheus: Prometheus, tmp_path: Path) -> None:
    """operators-end: one of two is suspended and the third's role ends; the last two renew it, and lift the first's."""
    first, second = scenario.operators
    third = People(scenario, tmp_path).operator(until_ns=time.time_ns() + NEAR_DAYS * DAY_NS)
    identifier = second.credentials.principal_id
    require_done(first.identity.suspend_principals([identifier], "lost her key"))
    prometheus.await_firing("RingfenceOperatorsEnd")
    [renewal] = third.client.identity.renew_grants([third.principal.id], time.time_ns() + FAR_DAYS * DAY_NS)
    assert renewal.reason in PENDING
    assert renewal.proposal_id is not None
    require_done(first.proposals["identity"].confirm([renewal.proposal_id]))
    prometheus.await_quiet()
    [lifted] = first.identity.confirm_principals([identifier])
    assert lifted.proposal_id is not None
    require_done(third.client.proposals["identity"].confirm([lifted.proposal_id]))
