"""Business days that nobody closes, shown by their alerts until banks state them and two operators sign."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from ringfence.safeguarding import DayStatus
from ringfence_local_stack.scenario import Platform, Scenario
from ringfence_local_stack.scenario.waiting import eventually

from tests.integration.stating import state_nothing

from .conftest import watched

CALENDAR = "TARGET"
UNSTATED, UNTIL_LATE = 3, 2
"""So many days until one of them is missed and its statement a break, and until that break is late."""
SECONDS = 30.0


@pytest.fixture
def stepped() -> Iterator[Scenario]:
    """A stack of its own: days that are opened ahead of the clocks are not taken back."""
    with Scenario.private() as started:
        yield started


def open_day(scenario: Scenario) -> date:
    """Returns the newest day that is open."""
    calendars = scenario.operators[0].calendars
    assert eventually(lambda: calendars.get(CALENDAR).opened_day is not None, SECONDS)
    found = calendars.get(CALENDAR).opened_day
    assert found is not None
    return found


def step(scenario: Scenario, days: list[date], count: int) -> None:
    """Opens so many days, and adds them."""
    for _ in range(count):
        days.append(scenario.operators[0].calendars.step(CALENDAR, days[-1]))


def sign_all(scenario: Scenario, platform: Platform) -> None:
    """Has two operators close every day of a platform, once all are computed and nothing is open of them."""
    first, second = scenario.operators

    def is_computed() -> bool:
        days = first.safeguarding.days(platform.id)
        return all(each.status >= DayStatus.COMPUTED and not each.open for each in days)

    assert eventually(is_computed, SECONDS), first.safeguarding.days(platform.id)
    for key in [each.key for each in first.safeguarding.days(platform.id)]:
        first.safeguarding.prepare(key, "the bank was late")
        second.safeguarding.review(key, "agreed")
        second.safeguarding.sign(key)


def test_days_that_no_bank_states(stepped: Scenario, tmp_path: Path) -> None:
    """safeguarding-missed, breaks-late: statements end the breaks, and two operators sign what was missed."""
    platform, days = stepped.platform(), [open_day(stepped)]
    state_nothing(platform.bank, days[0] - timedelta(days=7), days[0])
    with watched(stepped.stack, tmp_path) as prometheus:
        step(stepped, days, UNSTATED)
        assert eventually(lambda: any(stepped.operators[0].reconciliation.breaks(platform.id)), SECONDS)
        step(stepped, days, UNTIL_LATE)
        prometheus.await_firing("RingfenceSafeguardingMissed", "RingfenceBreaksLate")
        for day in days[1:-1]:
            state_nothing(platform.bank, day, day)
        sign_all(stepped, platform)
        prometheus.await_quiet()
