"""The safeguarding module, wired."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ringfence_kernel.calendars.known import Calendars
from ringfence_kernel.proposals.application import Proposals
from ringfence_kernel.rpc.server import Servicer
from ringfence_kernel.service.tasks import Task
from ringfence_kernel.telemetry import logs
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.writer import GroupWriter, Unit
from ringfence_protos.custody.v1 import safeguarding_pb2_grpc

from ringfence_custody.ledger.application.recording import seal
from ringfence_custody.ledger.application.state import State as LedgerState
from ringfence_custody.reconciliation.domain.events import EVENTS as RECONCILED
from ringfence_custody.reconciliation.domain.state import State as ReconciliationState
from ringfence_custody.safeguarding.adapters.books import LedgerBooks
from ringfence_custody.safeguarding.adapters.reconciled import CalendarDays, Reconciled
from ringfence_custody.safeguarding.api.servicer import SafeguardingServicer
from ringfence_custody.safeguarding.application.closing import DayClosing
from ringfence_custody.safeguarding.application.commands import DayCommands, RegisteredFacts
from ringfence_custody.safeguarding.application.queries import DayQueries
from ringfence_custody.safeguarding.domain.state import State

LOOK_SECONDS, UNASKED_SECONDS = 1.0, 60.0
_LOG = logs.get(__name__)


@dataclass(slots=True)
class DayWork:
    """Carries days on where reconciliation has said something new, and once a minute: time alone may make one due."""

    closing: DayClosing
    _has_news: bool = True

    def look(self) -> None:
        """Has days looked at: reconciliation has looked at mirrors, and may have found nothing."""
        self._has_news = True

    def note(self, recorded: list[Recorded]) -> None:
        """Takes note of what was committed."""
        self._has_news = self._has_news or any(isinstance(each.event, RECONCILED) for each in recorded)

    async def run(self) -> None:
        """Works for ever; a database that is away, or a year that is not listed, only delays it."""
        clock = asyncio.get_running_loop().time
        looked = 0.0
        while True:
            if self._has_news or clock() - looked >= UNASKED_SECONDS:
                self._has_news, looked = False, clock()
                await self._step()
            await asyncio.sleep(LOOK_SECONDS)

    async def _step(self) -> None:
        try:
            while await self.closing.step():
                pass
        except DomainError as error:
            self._has_news = True
            _LOG.info("safeguarding_waits", reason=error.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class SafeguardingModule:
    """What the module offers: its servicer, its task, and what happens when a day opens."""

    closing: DayClosing
    work: DayWork
    servicer: Servicer
    task: Task

    @classmethod
    def build(
        cls,
        writer: GroupWriter,
        state: State,
        ledger: LedgerState,
        reconciliation: ReconciliationState,
        calendars: Calendars,
        proposals: Proposals,
    ) -> SafeguardingModule:
        """Wires the module."""
        evidence = Reconciled(reconciliation)

        def sealing(unit: Unit, book: bytes) -> None:
            seal(unit, book, ledger.book(book))

        closing = DayClosing(
            writer, state, LedgerBooks(lambda: ledger.books), evidence, CalendarDays(calendars), sealing
        )
        work, facts = DayWork(closing), RegisteredFacts(writer, state, proposals)
        writer.subscribe(work.note)
        proposals.register(facts.effects())
        servicer = SafeguardingServicer(
            DayCommands(writer, state, evidence, proposals), facts, DayQueries(writer, state, evidence)
        )
        return cls(
            closing=closing,
            work=work,
            servicer=Servicer(
                safeguarding_pb2_grpc.add_SafeguardingServiceServicer_to_server,
                servicer,
                "ringfence.custody.v1.SafeguardingService",
            ),
            task=Task("safeguarding", work.run),
        )
