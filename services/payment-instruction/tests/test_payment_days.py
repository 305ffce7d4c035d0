"""A payment settles on its currency's next business day, and is of the day that it is where it settles."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from ringfence_kernel.access.caller import calling
from ringfence_kernel.calendars.noted import NotedCalendars
from ringfence_kernel.proposals.application import Decision, Verdict
from ringfence_kernel.values.business_days import CalendarYearMissing, date_of, day_of, year_list
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.writing.journal import Journal
from ringfence_local_stack.pytest_plugin import FilledDatabase
from ringfence_payment_instruction.calendar.application import PastDays, SettlementDays
from ringfence_payment_instruction.limits.domain.bounds import PlatformLimits
from ringfence_payment_instruction.submissions.domain.days import LocalDays
from ringfence_payment_instruction.submissions.domain.deadlines import Patience, deadlines
from ringfence_payment_instruction.submissions.domain.status import Directive, Status
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as pb

from .messages import entry
from .test_payment_told import camt_053
from .world import (
    BANK_FEED,
    BORIS,
    MIRROR,
    OPERATOR,
    PLATFORM,
    SECOND_OPERATOR,
    STRANGER,
    TENANT,
    World,
    an_id,
    migrate,
    order,
)

EUR, GBP, USD = 978, 826, 840
GOOD_FRIDAY, EASTER_MONDAY = day_of(date(2027, 3, 26)), day_of(date(2027, 3, 29))


def at(*when: int) -> int:
    """Returns UTC nanoseconds of a date and a time."""
    return int(datetime(*when, tzinfo=UTC).timestamp()) * 10**9  # type: ignore[misc, arg-type]


def settled(now_ns: int, ledger: int = EUR, zone: str = "", opened: date | None = None) -> str:
    """Returns when a payment settles that is sent at a time, in a year whose Easter is listed."""
    calendars = NotedCalendars()
    for calendar in ("TARGET", "GB-ENG"):
        calendars.list_year(year_list(calendar, 2027, [GOOD_FRIDAY, EASTER_MONDAY], []), Journal())
    if opened is not None:
        calendars.open_day("TARGET", day_of(opened), Journal())
    days = SettlementDays(calendars, LocalDays(lambda tenant: zone))
    return date_of(days.settlement_day(TENANT, ledger, now_ns)).isoformat()


def test_what_is_sent_on_a_saturday_settles_on_monday() -> None:
    """Before Easter on Tuesday; a dollar payment by the week alone."""
    assert settled(at(2027, 3, 13, 12, 0)) == "2027-03-15"
    assert settled(at(2027, 3, 26, 12, 0)) == "2027-03-30"
    assert settled(at(2027, 3, 26, 12, 0), USD) == "2027-03-26"


def test_business_days_are_counted_back_by_the_currencys_calendar() -> None:
    """Over Easter for euros; by the week alone for dollars, and in a year that is not listed."""
    calendars = NotedCalendars()
    calendars.list_year(year_list("TARGET", 2027, [GOOD_FRIDAY, EASTER_MONDAY], []), Journal())
    days = PastDays(calendars)
    wednesday = day_of(date(2027, 3, 31))
    assert [date_of(days.before(EUR, wednesday, count)).isoformat() for count in (0, 1, 2, 3)] == [
        "2027-03-31", "2027-03-30", "2027-03-25", "2027-03-24",
    ]  # fmt: skip
    assert date_of(days.before(USD, wednesday, 3)).isoformat() == "2027-03-26"
    assert date_of(days.before(EUR, day_of(date(2027, 1, 4)), 2)).isoformat() == "2026-12-31"


async def test_a_banks_day_leaves_memory_by_the_calendar(world: World) -> None:
    """What a statement has stays for three business days: over holidays longer than over weekdays."""
    holidays = [day_of(date(2026, 1, 6)), day_of(date(2026, 1, 7))]
    await world.custody_lists(year_list("TARGET", 2026, holidays, []))
    world.voucher.principal = BANK_FEED
    last = 0
    for number, (day, is_there) in enumerate([("05", True), ("08", True), ("09", True), ("12", False)], start=1):
        entries = [entry("R1", "5.00", BORIS)] if number == 1 else []
        statement = camt_053("5.00" if last else "0.00", "5.00", *entries, day=f"2026-01-{day}", number=number)
        last = number
        world.rail.inbox[f"{day}.xml"] = statement
        await world.until(lambda day=day: f"{day}.xml" in world.rail.archived)  # type: ignore[misc]
        assert bool(world.states.statements.movements(MIRROR).known) is is_there


def test_at_2305_utc_it_is_tomorrow_in_berlin_and_today_in_london() -> None:
    """Each currency settles by the day of its place, unless the platform has another time zone."""
    evening = at(2027, 1, 14, 23, 5)
    assert settled(evening) == "2027-01-15"
    assert settled(evening, GBP) == "2027-01-14"
    assert settled(evening, EUR, "America/New_York") == "2027-01-14"
    assert settled(at(2027, 1, 15, 23, 5)) == "2027-01-18"


def test_no_payment_settles_before_the_newest_open_day() -> None:
    """A platform in New York pays on Thursday evening what in Frankfurt is Friday's."""
    evening = at(2027, 1, 14, 23, 5)
    assert settled(evening, EUR, "America/New_York", date(2027, 1, 15)) == "2027-01-15"


def test_a_year_that_nobody_has_listed_is_not_guessed() -> None:
    """On the last business day of the year the payment settles, on the evening of the last day it waits."""
    assert settled(at(2027, 12, 31, 12, 0)) == "2027-12-31"
    with pytest.raises(CalendarYearMissing):
        settled(at(2027, 12, 31, 23, 5))


async def test_a_payment_waits_by_name_for_its_calendar_and_goes_on(filled_database: FilledDatabase) -> None:
    """Its money stays reserved meanwhile, the submission says why, and the list lets it go on."""
    world = World(filled_database("payment-instruction", migrate))
    listed, world.listed_years = world.listed_years, []
    await world.start()
    try:
        await world.import_list()
        await world.submit_batch(PLATFORM, an_id("batch"), [order("out", creditor=STRANGER)])
        await world.reaches("out", Status.RESERVED)
        submission = world.states.submissions.find(TENANT, an_id("out"))
        assert submission is not None
        await world.until(lambda: ("dispatch", "CALENDAR_YEAR_MISSING") in submission[0].waiting)
        assert (world.status("out"), world.rail.sent) == (Status.RESERVED, {})
        for each in listed:
            await world.custody_lists(each)
        await world.reaches("out", Status.SENT)
        (content,) = world.rail.sent.values()
        (day,) = re.findall(rb"<IntrBkSttlmDt>(.*)</IntrBkSttlmDt>", content)
        assert date.fromisoformat(day.decode()).weekday() < 5
    finally:
        await world.stop()


async def test_a_platform_has_the_time_zone_of_its_limits(world: World) -> None:
    """Once two people have set it; a name that no database of time zones has is refused."""
    setting, days = world.application.limits.setting, world.application.rail.work.settlement
    # As far apart as places are: whatever the time, it is another day in one of them than in the other.
    found = []
    for version, zone in enumerate(("Pacific/Kiritimati", "Pacific/Pago_Pago"), 1):
        _, proposal = await setting.set(OPERATOR, TENANT, PlatformLimits(version, time_zone=zone))
        confirm = [Decision(proposal, Verdict.CONFIRM)]
        assert await world.application.proposals.decide(confirm, SECOND_OPERATOR) == [""]
        found.append(days.settlement_day(TENANT, USD, at(2027, 1, 12, 10, 30)))
    assert found == [day_of(date(2027, 1, 13)), day_of(date(2027, 1, 11))]
    request = pb.SetLimitsRequest(tenant_id=TENANT, version=3, time_zone="Europe/Nowhere")
    with calling(OPERATOR), pytest.raises(InvalidArgument):
        await world.application.limits.api.SetLimits(request, None)


def test_what_is_to_be_paid_on_a_day_comes_when_it_begins_there(make_history: Callable[[], Any]) -> None:
    """The 15th of January begins at 23:00 UTC on the evening before; what is handed in after that goes at once."""
    history = make_history()
    day, evening = day_of(date(2027, 1, 15)), at(2027, 1, 14, 23, 0)
    history.now_ns = evening - 1
    assert deadlines(history.submit("early", execution_day=day), Patience(1, 1)) == [(0, evening)]
    history.now_ns = evening
    assert history.submit("late", execution_day=day).directives[0] == Directive.NONE
