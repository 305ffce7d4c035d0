"""Tellings that were kept: sets of pages once they are whole or overdue, and exceptions that count after all."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ringfence_kernel.telemetry.logs import get
from ringfence_kernel.values.clock import DAY_NS, Clock
from ringfence_kernel.values.errors import DomainError

from ringfence_payment_instruction.deposits.domain.errors import BankAccountUnknown
from ringfence_payment_instruction.statements.application.handed import Handed
from ringfence_payment_instruction.statements.application.receiving import StatementReceiving
from ringfence_payment_instruction.statements.domain.checking import Fault, FaultKind
from ringfence_payment_instruction.statements.domain.paging import overdue
from ringfence_payment_instruction.statements.domain.state import State, stream_of

PATIENCE_DAYS = 2
"""How long a set of pages waits for the others: the next day's end, in whatever time zone."""
LOOK_SECONDS = 600.0
_LOG = get(__name__)


@dataclass(frozen=True, slots=True)
class KeptWork:
    """Decides what was kept. A stream is that of a mirror."""

    state: State
    receiving: StatementReceiving
    clock: Clock

    def has_work(self, stream: bytes) -> bool:
        """Tells whether a mirror has a whole set of pages, or an exception that two people have let count."""
        return stream in self.state.streams()

    async def handle(self, stream: bytes) -> None:
        """Takes what is due of a mirror; raises as `take_in`, and VaultUnavailable."""
        for key, pages in [*self.state.pages.items()]:
            if pages.is_whole and stream_of(pages.mirror) == stream:
                await self._take(pages.mirror, key, in_pages=True)
        for mirror in [each for each in self.state.due if stream_of(each) == stream]:
            for telling in [*self.state.movements(mirror).accepted]:
                await self._take(mirror, telling, in_pages=False)

    async def run(self) -> None:
        """Looks for sets that have waited too long, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.except_overdue(self.clock.now_ns() // DAY_NS)
            except DomainError as error:
                _LOG.warning("overdue_pages_wait", reason=error.reason)

    async def except_overdue(self, today: int) -> None:
        """Makes exceptions of sets that have waited too long."""
        for key, pages in [*self.state.pages.items()]:
            fault = overdue(pages, today, PATIENCE_DAYS)
            if fault is not None:
                await self.receiving.keeping.except_(pages.tenant, pages.mirror, key, bytes(32), fault)

    async def _take(self, mirror: bytes, telling: bytes, *, in_pages: bool) -> None:
        found = await self.receiving.keeping.load(mirror, telling)
        if found is None:
            fault = Fault(FaultKind.MISSING_PAGE, "what was kept of it is gone: it has to come again")
            await self.receiving.keeping.except_(self.state.tenants[mirror], mirror, telling, bytes(32), fault)
            return
        file, statement = found
        if isinstance(statement, Fault):
            await self.receiving.keeping.except_(self.state.tenants[mirror], mirror, telling, file.sha256, statement)
            return
        aliases = await self.receiving.aliases_of([statement])
        alias = aliases.get(str(statement.heading.account))
        if alias is None or alias.account_id != mirror:
            raise BankAccountUnknown
        pages = telling if in_pages else b""
        await self.receiving.decide(Handed(None, file, statement, file.sha256, alias, aliases, pages=pages))
