"""The posting lane: credits what came in, each entry under its own transfer ids."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.telemetry.logs import get
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_payment_instruction.deposits.domain.posting import plan_deposits, posted
from ringfence_payment_instruction.deposits.domain.state import State
from ringfence_payment_instruction.settlement.application.ports import BookAccounts, Custody
from ringfence_payment_instruction.settlement.domain.errors import (
    BookAccountMissing,
    LedgerContradiction,
    OwnerStandingUnsettled,
    ResultUnknown,
)
from ringfence_payment_instruction.settlement.domain.transfers import DONE, UNSETTLED, is_known

UNREFUSED = DONE | {UNSETTLED}
"""Results that refuse nothing."""
_LOG = get(__name__)


@dataclass(frozen=True, slots=True)
class PostingWork:
    """Posts a file's entries in custody."""

    writer: GroupWriter
    state: State
    custody: Custody

    def has_work(self, stream: bytes) -> bool:
        """Tells whether a file has entries to post."""
        file = self.state.file(stream)
        return file is not None and bool(file.waiting())

    async def handle(self, stream: bytes) -> None:
        """Asks custody and records its results.

        Raises as custody does, BookAccountMissing, LedgerContradiction, ResultUnknown, OwnerStandingUnsettled.
        """
        file = self.state.known(stream)
        tenant = file.event.tenant
        accounts = BookAccounts({}, {})
        if any(file.reasons[index] for index in file.waiting()):
            accounts = await self.custody.book_accounts(tenant)
        planned = plan_deposits(file, accounts.suspense)
        if not planned:
            await self.custody.book_accounts(tenant, fresh=True)
            raise BookAccountMissing
        to_suspense = {index: bool(file.reasons[index]) for index in planned}
        names = await self.custody.book_evidence(tenant, list(planned.values()))
        results = {index: (to_suspense[index], name) for index, name in zip(planned, names, strict=True)}
        unknown = not all(map(is_known, names))
        refused = any(kept and is_known(name) and name not in UNREFUSED for kept, name in results.values())
        if refused:
            _LOG.error("suspense_refused", results=sorted({name for _, name in results.values()}))

        def command(unit: Unit) -> bool:
            events = posted(file, results)
            unit.record_all(stream, events)
            return bool(events)

        recorded = await self.writer.commit(command, weight=len(results))
        if unknown:
            raise ResultUnknown
        if refused:
            raise LedgerContradiction
        if UNSETTLED in names:
            raise OwnerStandingUnsettled
        if not recorded:
            raise LedgerContradiction
