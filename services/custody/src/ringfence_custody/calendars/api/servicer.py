"""CalendarService: map, call one command or query, map back."""

from __future__ import annotations

from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.rpc import bounds
from ringfence_kernel.values.business_days import ZONES, CalendarUnknown, YearList, year_list
from ringfence_protos.custody.v1 import calendars_pb2 as pb
from ringfence_protos.custody.v1 import calendars_pb2_grpc

from ringfence_custody.calendars.application.days import Days
from ringfence_custody.calendars.application.years import Years

DIGEST_BYTES = 32


class CalendarServicer(calendars_pb2_grpc.CalendarServiceServicer):
    """Calendars over gRPC; they stand above all platforms."""

    def __init__(self, years: Years, days: Days) -> None:
        """Serves these."""
        self._years, self._days = years, days

    async def ProposeCalendarYear(
        self, request: pb.ProposeCalendarYearRequest, context: Any
    ) -> pb.ProposeCalendarYearResponse:
        """Proposes a year's list; see the proto."""
        told = request.listed
        bounds.size("listed.document_sha256", len(told.document_sha256), minimum=DIGEST_BYTES, maximum=DIGEST_BYTES)
        listed = year_list(told.calendar, told.year, told.closed_days, told.working_weekends)
        proposal = await self._years.propose(listed, told.document_sha256, current_caller())
        return pb.ProposeCalendarYearResponse(proposal_id=proposal)

    async def GetCalendar(self, request: pb.GetCalendarRequest, context: Any) -> pb.GetCalendarResponse:
        """Returns what is known of a calendar."""
        calendar = _calendar(request.calendar)
        years, opened = await self._years.known(calendar)
        return pb.GetCalendarResponse(
            years=[_listed(each) for each in years], opened_day=opened or 0, time_zone=ZONES[calendar]
        )

    async def StepBusinessDay(self, request: pb.StepBusinessDayRequest, context: Any) -> pb.StepBusinessDayResponse:
        """Opens the next business day, where days are stepped."""
        opened = await self._days.step(_calendar(request.calendar), request.after_day)
        return pb.StepBusinessDayResponse(opened_day=opened)


def _calendar(name: str) -> str:
    if name not in ZONES:
        raise CalendarUnknown(calendar=name[:16])
    return name


def _listed(listed: YearList) -> pb.ListedYear:
    return pb.ListedYear(
        calendar=listed.calendar,
        year=listed.year,
        closed_days=listed.closed,
        working_weekends=listed.working,
        document_sha256=listed.document_sha256(),
    )
