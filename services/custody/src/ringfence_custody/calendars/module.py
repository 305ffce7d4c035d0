"""The calendars module, wired."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.proposals.application import Proposals
from ringfence_kernel.rpc.server import Servicer
from ringfence_kernel.service.tasks import Task
from ringfence_kernel.values.clock import Clock
from ringfence_kernel.writing.writer import GroupWriter
from ringfence_protos.custody.v1 import calendars_pb2_grpc

from ringfence_custody.calendars.api.servicer import CalendarServicer
from ringfence_custody.calendars.application.days import Days
from ringfence_custody.calendars.application.years import Years
from ringfence_custody.calendars.domain.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarsModule:
    """What the module offers: its servicer, and the task of whoever leads that opens days."""

    days: Days
    servicer: Servicer
    task: Task

    @classmethod
    def build(
        cls, writer: GroupWriter, state: State, proposals: Proposals, clock: Clock, *, may_step: bool
    ) -> CalendarsModule:
        """Wires the module; `may_step` lets operators open days ahead of the clocks."""
        years, days = Years(writer, state, proposals), Days(writer, state, clock, may_step)
        proposals.register([years.effect()])
        servicer = Servicer(
            calendars_pb2_grpc.add_CalendarServiceServicer_to_server,
            CalendarServicer(years, days),
            "ringfence.custody.v1.CalendarService",
        )
        return cls(days=days, servicer=servicer, task=Task("days", days.run))
