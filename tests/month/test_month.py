"""A month in small: two platforms, three banks, four currencies, faults of all kinds, each day closed by two people."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from ringfence.reconciliation import BreakKind
from ringfence.safeguarding import DayStatus
from ringfence_local_stack.scenario import Scenario

from .faults import Fault, drawn
from .judging import scores, shown
from .life import Life, is_waiting, run
from .recomputing import differences, facts_of
from .town import Town, build, days_from

CLIENTS, TRAFFIC, DAYS, SEED = 6, 9, 7, 12


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    """Two platforms with accounts at three banks, on a stack of its own: its days are stepped."""
    with Scenario.private() as scenario:
        yield build(scenario, CLIENTS)


def test_days_are_closed_and_come_out_again(town: Town) -> None:
    """Each fault is found as what it is and worked off, and the log alone gives the same figures."""
    days = days_from(town.first_day, DAYS)
    plan = drawn(town, Random(SEED), days, len(Fault))
    assert {each for its in plan.faults.values() for each in its} == set(Fault)
    life = Life(town, Random(SEED), TRAFFIC, plan)
    run(life, days)
    platforms = {each.platform.name: each.platform.client for each in town.accounts}
    assert {day.status for each in platforms.values() for day in each.safeguarding.days()} == {DayStatus.SIGNED}
    for account in town.accounts:
        assert account.bank.holds_minor == account.house.holds_minor(account.bank.iban), account.name
    found = scores(life, plan)
    assert {found[each].there > 0 for each in (BreakKind.EVIDENCE, BreakKind.TIMING)} == {True}
    assert all((each.precision, each.recall) == (1.0, 1.0) for each in found.values()), shown(found)
    assert not [each for each in life.breaks() if is_waiting(each)]
    assert differences(facts_of(town.scenario, len(life.documents))) == []
