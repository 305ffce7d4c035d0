"""Calendars are listed by two people, and their days opened by the clocks: each one in order, once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from ringfence_custody.calendars.domain.events import BusinessDayOpened
from ringfence_custody.modules import event_codec
from ringfence_custody.settings import CustodySettings
from ringfence_kernel.access.caller import calling
from ringfence_kernel.proposals.application import Decision, Verdict
from ringfence_kernel.proposals.domain.errors import ProposalVoid, SecondPersonRequired
from ringfence_kernel.store import EventStore
from ringfence_kernel.values.business_days import YearList, date_of, day_of, year_list
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.values.settings import InvalidSetting, read
from ringfence_kernel.writing.snapshots import SnapshotFile
from ringfence_kernel.writing.writer import Unit
from ringfence_protos.custody.v1 import calendars_pb2 as pb

from .conftest import OPERATOR, SECOND_OPERATOR, Custody, running

NEW_YEAR, GOOD_FRIDAY, EASTER_MONDAY = (day_of(date(2027, *each)) for each in ((1, 1), (3, 26), (3, 29)))
TARGET_2027 = year_list("TARGET", 2027, [NEW_YEAR, GOOD_FRIDAY, EASTER_MONDAY], [])


def at(*when: int) -> int:
    """Returns UTC nanoseconds of a date and a time."""
    return int(datetime(*when, tzinfo=UTC).timestamp()) * 10**9  # type: ignore[misc, arg-type]


def set_clock(custody: Custody, *when: int) -> None:
    """Sets the clock of the process forward to a date and a time, UTC."""
    custody.clock.advance(at(*when) - custody.clock.now_ns())


async def propose(custody: Custody, listed: YearList, digest: bytes = b"") -> bytes:
    """Has an operator propose a list over the wire's messages; returns the proposal."""
    told = pb.ListedYear(
        calendar=listed.calendar,
        year=listed.year,
        closed_days=listed.closed,
        working_weekends=listed.working,
        document_sha256=digest or listed.document_sha256(),
    )
    with calling(OPERATOR):
        answer = await custody.calendar_servicer.ProposeCalendarYear(pb.ProposeCalendarYearRequest(listed=told), None)
    return answer.proposal_id


async def list_year(custody: Custody, listed: YearList) -> None:
    """Has two operators list a year."""
    await custody.confirm(await propose(custody, listed))


def opened(custody: Custody, calendar: str = "TARGET") -> list[str]:
    """Returns the days of a calendar that are open, in the order of their events."""
    events = [recorded.event for recorded in custody.store.replay(event_codec())]
    return [
        date_of(each.day).isoformat()
        for each in events
        if isinstance(each, BusinessDayOpened) and each.calendar == calendar
    ]


async def test_a_year_is_listed_by_two_people(custody: Custody) -> None:
    """Nothing is in force by one person's word, nor by the same one's twice; then it is, with its hash."""
    proposal = await propose(custody, TARGET_2027)
    assert custody.calendars.years == {}
    alone = Decision(proposal, Verdict.CONFIRM)
    with pytest.raises(SecondPersonRequired):
        await custody.writer.commit(lambda unit: custody.proposals.decide_within(unit, alone, OPERATOR))
    await custody.confirm(proposal)
    answer: Any = await custody.calendar_servicer.GetCalendar(pb.GetCalendarRequest(calendar="TARGET"), None)
    (listed,) = answer.years
    assert (listed.year, listed.document_sha256) == (2027, TARGET_2027.document_sha256())
    assert list(listed.closed_days) == [NEW_YEAR, GOOD_FRIDAY, EASTER_MONDAY]
    assert await propose(custody, TARGET_2027) == b""


async def test_a_list_with_another_hash_is_refused(custody: Custody) -> None:
    """What two people look at outside is what is listed."""
    with pytest.raises(DomainError) as refusal:
        await propose(custody, TARGET_2027, digest=bytes(32))
    assert refusal.value.reason == "CALENDAR_LIST_WRONG"


async def test_of_two_lists_that_wait_one_is_confirmed(custody: Custody) -> None:
    """The other was made for a calendar that is not what it was."""
    first, second = await propose(custody, TARGET_2027), await propose(custody, year_list("TARGET", 2027, [], []))
    await custody.confirm(first)
    with pytest.raises(ProposalVoid):
        await custody.confirm(second)
    assert custody.calendars.years == {("TARGET", 2027): TARGET_2027}


async def test_days_open_where_the_calendar_is(custody: Custody) -> None:
    """Midnight in Frankfurt is at 22:00 or 23:00 UTC, and has come by both clocks; the first list begins it all."""
    set_clock(custody, 2027, 3, 18, 12, 0)
    assert await custody.days.open_due() == 0
    await list_year(custody, TARGET_2027)
    assert await custody.days.open_due() == 2  # the weekdays' too
    set_clock(custody, 2027, 3, 18, 23, 0)
    assert (await custody.days.open_due(), opened(custody)) == (0, ["2027-03-18"])
    custody.clock.advance(2 * 10**9)
    assert await custody.days.open_due() == 1
    set_clock(custody, 2027, 3, 28, 22, 30)
    await custody.days.open_due()
    assert opened(custody)[-1] == "2027-03-25"


async def test_days_that_passed_during_an_outage_open_in_order_and_once(stores: Callable[[], EventStore]) -> None:
    """Also over a restart in the middle; what hangs on days fires once for each."""
    fired: list[tuple[str, int]] = []

    def timer(unit: Unit, calendar: str, day: int) -> None:
        fired.append((calendar, day))

    async with running(stores, timers=[timer]) as custody:
        set_clock(custody, 2027, 3, 23, 12, 0)
        await list_year(custody, TARGET_2027)
        await custody.days.open_due()
    async with running(stores, timers=[timer]) as custody:
        set_clock(custody, 2027, 3, 31, 12, 0)
        await custody.days.open_due()
        assert await custody.days.open_due() == 0
        days = ["2027-03-23", "2027-03-24", "2027-03-25", "2027-03-30", "2027-03-31"]
        assert opened(custody) == days
        assert [date_of(day).isoformat() for calendar, day in fired if calendar == "TARGET"] == days
        previous = [
            recorded.event.previous_day
            for recorded in custody.store.replay(event_codec())
            if isinstance(recorded.event, BusinessDayOpened) and recorded.event.calendar == "TARGET"
        ]
        assert previous == [0, *(day_of(date.fromisoformat(each)) for each in days[:-1])]


async def test_a_long_outage_is_caught_up_whole(custody: Custody) -> None:
    """More days than one commit takes are open in one go."""
    set_clock(custody, 2027, 1, 4, 12, 0)
    await list_year(custody, TARGET_2027)
    await custody.days.open_due()
    set_clock(custody, 2027, 12, 31, 12, 0)
    await custody.days.open_due()
    assert (len(opened(custody)), opened(custody)[-1]) == (258, "2027-12-31")


async def test_a_missing_year_stands_still_and_is_caught_up(custody: Custody) -> None:
    """No day of a year that nobody has listed opens; other calendars go on, and nothing is left out afterwards."""
    set_clock(custody, 2027, 12, 30, 12, 0)
    await list_year(custody, TARGET_2027)
    await custody.days.open_due()
    set_clock(custody, 2028, 1, 5, 12, 0)
    await custody.days.open_due()
    assert opened(custody)[-1] == "2027-12-31"
    assert opened(custody, "WEEKDAYS")[-1] == "2028-01-05"
    await list_year(custody, year_list("TARGET", 2028, [], []))
    await custody.days.open_due()
    assert opened(custody)[-3:] == ["2028-01-03", "2028-01-04", "2028-01-05"]


async def test_a_new_list_keeps_the_days_that_are_past(custody: Custody) -> None:
    """A holiday that is decreed late is listed, one that nobody kept is not: also where it passes while it waits."""
    set_clock(custody, 2027, 4, 1, 12, 0)
    await list_year(custody, TARGET_2027)
    await custody.days.open_due()
    decreed = day_of(date(2027, 6, 1))
    later = year_list("TARGET", 2027, [*TARGET_2027.closed, decreed], [])
    proposal = await propose(custody, later)
    (waiting,), _ = await custody.proposals.waiting(SECOND_OPERATOR, b"", 0, 10)
    assert waiting.description.startswith("new: closed 2027-06-01\nringfence calendar TARGET 2027\n")
    await custody.confirm(proposal)
    with pytest.raises(DomainError) as refusal:
        await propose(custody, year_list("TARGET", 2027, [NEW_YEAR, EASTER_MONDAY, decreed], []))
    assert (refusal.value.reason, refusal.value.metadata) == ("CALENDAR_DAY_OPEN", {"day": "2027-03-26"})
    set_clock(custody, 2027, 5, 31, 12, 0)
    undone = await propose(custody, TARGET_2027)
    set_clock(custody, 2027, 6, 2, 12, 0)
    await custody.days.open_due()
    with pytest.raises(DomainError) as refusal:
        await custody.confirm(undone)
    assert refusal.value.reason == "CALENDAR_DAY_OPEN"


async def test_days_are_stepped_in_a_sandbox_alone(stores: Callable[[], EventStore]) -> None:
    """A step opens the next business day once, however often it is asked; by the clocks it is not opened again."""
    async with running(stores) as custody:
        set_clock(custody, 2027, 3, 25, 12, 0)
        await list_year(custody, TARGET_2027)
        with pytest.raises(DomainError) as refusal:
            await custody.days.step("TARGET", 0)
        assert refusal.value.reason == "DAYS_NOT_STEPPED"
    thursday, tuesday = day_of(date(2027, 3, 25)), day_of(date(2027, 3, 30))
    async with running(stores, may_step=True) as custody:
        set_clock(custody, 2027, 3, 25, 12, 0)
        assert await custody.days.step("TARGET", 0) == thursday
        request = pb.StepBusinessDayRequest(calendar="TARGET", after_day=thursday)
        answer: Any = await custody.calendar_servicer.StepBusinessDay(request, None)
        assert answer.opened_day == tuesday
        with pytest.raises(DomainError) as refusal:
            await custody.days.step("TARGET", thursday)
        assert (refusal.value.reason, refusal.value.metadata) == ("DAY_STEPPED", {"day": str(tuesday)})
        set_clock(custody, 2027, 3, 31, 12, 0)
        await custody.days.open_due()
        assert opened(custody) == ["2027-03-25", "2027-03-30", "2027-03-31"]


REQUIRED = {
    "RINGFENCE_SERVICE": "custody",
    "RINGFENCE_LISTEN": "127.0.0.1:1",
    "RINGFENCE_DATABASE_URL": "postgresql://app@db/custody",
    "VAULT_ADDR": "https://vault",
    "RINGFENCE_VAULT_ROLE_ID": "role",
    "RINGFENCE_VAULT_WRAPPED_SECRET_ID_FILE": "/there",
    "RINGFENCE_NATS_URL": "nats://nats",
    "RINGFENCE_WORKLOAD_CA_FILE": "/there",
    "RINGFENCE_CLIENT_CA_FILE": "/there",
}


def test_a_service_whose_days_could_be_stepped_does_not_start_outside_a_sandbox() -> None:
    """The port is there under the trust domain of sandboxes; under any other the settings are refused by name."""
    sandbox = REQUIRED | {"RINGFENCE_TRUST_DOMAIN": "ringfence.local", "RINGFENCE_DAYS_STEPPED": "true"}
    assert read(CustodySettings, sandbox).may_step_days()
    with pytest.raises(InvalidSetting) as refusal:
        read(CustodySettings, sandbox | {"RINGFENCE_TRUST_DOMAIN": "bank.example"})
    assert refusal.value.variable == "RINGFENCE_DAYS_STEPPED"
    assert not read(CustodySettings, REQUIRED | {"RINGFENCE_TRUST_DOMAIN": "bank.example"}).may_step_days()


async def test_calendars_are_rebuilt_from_events_and_snapshots(
    stores: Callable[[], EventStore], tmp_path: Path
) -> None:
    """Lists and open days are the same after a replay."""
    async with running(stores) as custody:
        set_clock(custody, 2027, 3, 25, 12, 0)
        await list_year(custody, TARGET_2027)
        await custody.days.open_due()
        before = custody.whole.digest()
    async with running(stores, SnapshotFile(tmp_path, "custody")) as custody:
        assert custody.whole.digest() == before
        assert custody.calendars.opened_day("TARGET") == day_of(date(2027, 3, 25))
