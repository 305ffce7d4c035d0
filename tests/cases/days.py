"""What day it is: where a currency settles, and where a platform is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from ringfence.calendars import Calendar
from ringfence.identity import require_done
from ringfence_local_stack.scenario import Platform, Scenario, new_iban
from ringfence_local_stack.scenario.messages import order, order_file

from .registry import Finding, case

ELSEWHERE = ("Pacific/Kiritimati", "Pacific/Pago_Pago")
"""As far apart as places are: whatever the time, it is another day in one of them than in the other."""
A_DAY, SATURDAY = timedelta(days=1), 5


def _settles(calendar: Calendar, zone: str) -> date:
    """Returns the first business day that is neither over in a place nor before the newest open one."""
    closed = {day for year in calendar.years for day in year.closed}
    day = max(datetime.now(UTC).astimezone(ZoneInfo(zone)).date(), calendar.opened_day or date.min)
    while day.weekday() >= SATURDAY or day in closed:
        day += A_DAY
    return day


def _live_in(scenario: Scenario, platform: Platform, version: int, zone: str) -> None:
    """Has two people say where a platform is."""
    first, second = scenario.operators
    proposal = first.limits.set(platform.id, version, [], time_zone=zone)
    assert proposal is not None
    require_done(second.proposals["payment-instruction"].confirm([proposal]))


@case()
def settles_on_a_business_day(scenario: Scenario, need: Finding) -> None:
    """What is sent on a day that its currency does not know settles on the next it does; a day is the platform's."""
    platform = scenario.platform("Nora Vale")
    nora = platform.customer("Nora Vale")
    platform.bank.deposit(nora, 10_00)
    for version, zone in enumerate(("", *ELSEWHERE)):
        if zone:
            _live_in(scenario, platform, version, zone)
        calendar = scenario.operators[0].calendars.get("TARGET")
        before = _settles(calendar, zone or calendar.time_zone)
        _, sent = platform.bank.sent(platform.pay(nora, new_iban(), "Alpha Teal", 1_00))
        wanted = {each.isoformat() for each in (before, _settles(calendar, zone or calendar.time_zone))}
        need(sent.text("IntrBkSttlmDt") in wanted, f"{zone}: {sent.text('IntrBkSttlmDt')}, not {' or '.join(wanted)}")


@case()
def executed_by_the_platforms_day(scenario: Scenario, need: Finding) -> None:
    """A payment for today is no payment for tomorrow where the platform has today already."""
    platform = scenario.platform("Nora Vale")
    nora = platform.customer("Nora Vale")
    platform.bank.deposit(nora, 10_00)
    for version, zone in enumerate(ELSEWHERE, 1):
        _live_in(scenario, platform, version, zone)
        today = datetime.now(UTC).astimezone(ZoneInfo(zone)).date().isoformat()
        line = order(1_00, new_iban(), "Alpha Teal")
        _, payments = platform.submit_file(order_file(nora.iban, [line], execution_day=today))
        status, reason = payments[0].outcome() if payments else ("REJECTED", "the file")
        need(status == "SENT", f"{today}, which is today in {zone}: {status} {reason}")
