"""Calendars: one year has one list, and a day of a year that is not listed is never guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from ringfence_kernel.calendars.known import Calendars
from ringfence_kernel.values.business_days import (
    CalendarUnknown,
    CalendarYearMissing,
    YearList,
    calendar_of,
    day_of,
    local_day,
    year_list,
)
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.writing.journal import Journal

NANOSECONDS = 1_000_000_000
NEW_YEAR, GOOD_FRIDAY, EASTER_MONDAY = (day_of(date(2027, *each)) for each in ((1, 1), (3, 26), (3, 29)))
TARGET_2027 = year_list("TARGET", 2027, [NEW_YEAR, GOOD_FRIDAY, EASTER_MONDAY], [])
CN_2027 = year_list("CN", 2027, [NEW_YEAR], [day_of(date(2027, 1, 3))])


def known(*lists: YearList) -> Calendars:
    """Returns calendars with lists."""
    calendars = Calendars()
    for each in lists:
        calendars.list_year(each, Journal())
    return calendars


def at(*when: int) -> int:
    """Returns UTC nanoseconds of a date and a time."""
    return int(datetime(*when, tzinfo=UTC).timestamp()) * NANOSECONDS  # type: ignore[misc, arg-type]


def test_business_days_pass_over_weekends_and_what_is_closed() -> None:
    """From Thursday before Easter to Tuesday after it, and back."""
    calendars, thursday, tuesday = known(TARGET_2027), day_of(date(2027, 3, 25)), day_of(date(2027, 3, 30))
    assert calendars.next_business_day("TARGET", thursday) == tuesday
    assert calendars.previous_business_day("TARGET", tuesday) == thursday
    assert calendars.business_day_from("TARGET", thursday) == thursday
    assert calendars.business_day_from("TARGET", GOOD_FRIDAY) == tuesday


def test_a_worked_weekend_is_a_business_day() -> None:
    """The Sunday after New Year is worked in China, and nowhere else."""
    sunday = day_of(date(2027, 1, 3))
    assert known(CN_2027).is_business_day("CN", sunday)
    assert not known(TARGET_2027).is_business_day("TARGET", sunday)
    assert not Calendars().is_business_day("WEEKDAYS", sunday)


def test_a_year_that_is_not_listed_is_never_guessed() -> None:
    """Not for a Saturday either, and not on the way to the next business day; the refusal names the year."""
    calendars = known(TARGET_2027)
    for ask in (
        lambda: calendars.is_business_day("TARGET", day_of(date(2028, 1, 1))),
        lambda: calendars.next_business_day("TARGET", day_of(date(2027, 12, 31))),
    ):
        with pytest.raises(CalendarYearMissing) as refusal:
            ask()
        assert refusal.value.metadata == {"calendar": "TARGET", "year": "2028"}
    with pytest.raises(CalendarUnknown):
        calendars.is_business_day("MARS", NEW_YEAR)


@pytest.mark.parametrize(
    ("calendar", "year", "closed", "working", "refusal"),
    [
        ("MARS", 2027, [], [], "CALENDAR_UNKNOWN"),
        ("WEEKDAYS", 2027, [], [], "CALENDAR_UNKNOWN"),
        ("TARGET", 1999, [], [], "INVALID_ARGUMENT"),
        ("TARGET", 2200, [], [], "INVALID_ARGUMENT"),
        ("TARGET", 2027, [GOOD_FRIDAY, NEW_YEAR], [], "CALENDAR_LIST_WRONG"),
        ("TARGET", 2027, [NEW_YEAR, NEW_YEAR], [], "CALENDAR_LIST_WRONG"),
        ("TARGET", 2027, [NEW_YEAR + 365], [], "CALENDAR_LIST_WRONG"),
        ("TARGET", 2027, [-(2**31)], [], "CALENDAR_LIST_WRONG"),
        ("TARGET", 2027, [NEW_YEAR + 1], [], "CALENDAR_LIST_WRONG"),
        ("TARGET", 2027, [], [NEW_YEAR], "CALENDAR_LIST_WRONG"),
        ("TARGET", 2027, [*range(NEW_YEAR, NEW_YEAR + 61)], [], "CALENDAR_LIST_WRONG"),
    ],
)
def test_a_list_that_is_not_in_its_one_form_is_refused(
    calendar: str, year: int, closed: list[int], working: list[int], refusal: str
) -> None:
    """Whatever two texts could say alike has one of them refused, so that one year has one hash."""
    with pytest.raises(DomainError) as refused:
        year_list(calendar, year, closed, working)
    assert refused.value.reason == refusal


def test_the_text_of_a_list_is_a_line_for_each_day() -> None:
    """Its hash is that of these bytes, whoever writes them."""
    text = "ringfence calendar CN 2027\nclosed 2027-01-01\nworking 2027-01-03\n"
    assert CN_2027.document() == text
    assert CN_2027.document_sha256().hex() == "18351e04e552fb46e0218031c00e4cb3548066c52fe9ee5ea1620f54cfa821ce"


def test_it_is_another_day_elsewhere() -> None:
    """At 23:05 UTC in winter Berlin has a new day, London has not; in summer London has as well; Shanghai always."""
    winter, summer = at(2027, 1, 14, 23, 5), at(2027, 7, 14, 23, 5)
    days = {zone: local_day(winter, zone) for zone in ("UTC", "Europe/Berlin", "Europe/London", "Asia/Shanghai")}
    today = day_of(date(2027, 1, 14))
    assert days == {"UTC": today, "Europe/Berlin": today + 1, "Europe/London": today, "Asia/Shanghai": today + 1}
    assert local_day(summer, "Europe/London") == day_of(date(2027, 7, 15))


def test_currencies_have_their_calendar() -> None:
    """The euro TARGET, the pound England's, the renminbi China's; all others the week alone."""
    assert [calendar_of(each) for each in (978, 826, 156, 840)] == ["TARGET", "GB-ENG", "CN", "WEEKDAYS"]


def test_what_is_saved_is_taken_up_again() -> None:
    """Equal states have equal digests, and another format is refused."""
    calendars, again = known(TARGET_2027, CN_2027), Calendars()
    calendars.open_day("TARGET", NEW_YEAR + 3, Journal())
    again.restore({name: memoryview(bytes(content)) for name, content in calendars.save()})
    assert again.digest() == calendars.digest() != Calendars().digest()
    assert (again.opened_day("TARGET"), again.years) == (NEW_YEAR + 3, calendars.years)
    with pytest.raises(LookupError):
        again.restore({})
