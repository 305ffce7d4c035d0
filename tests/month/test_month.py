"""A month in small: two platforms, three banks, four currencies, every day closed by two people."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from ringfence.safeguarding import DayStatus
from ringfence_local_stack.scenario import Scenario

from .life import Life, run
from .recomputing import differences, facts_of
from .town import Town, build, days_from

CLIENTS, TRAFFIC, DAYS = 6, 9, 5


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    """Two platforms with accounts at three banks, on a stack of its own: its days are stepped."""
    with Scenario.private() as scenario:
        yield build(scenario, CLIENTS)


def test_days_are_closed_and_come_out_again(town: Town) -> None:
    """Money comes in and goes out, banks state it, two operators sign, and the log alone gives the same figures."""
    life = Life(town, Random(12), TRAFFIC)
    days = days_from(town.first_day, DAYS)
    run(life, days)
    assert life.payments > 0
    assert len(life.documents) == 4 * (DAYS - 1)
    platforms = {each.platform.name: each.platform.client for each in town.accounts}
    assert {day.status for each in platforms.values() for day in each.safeguarding.days()} == {DayStatus.SIGNED}
    for account in town.accounts:
        assert account.bank.holds_minor == account.house.holds_minor(account.bank.iban), account.name
    assert differences(facts_of(town.scenario, len(life.documents))) == []
