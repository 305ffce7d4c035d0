"""The posting lane: each entry of a bank under its own transfer ids, clients' credits as today's lists let it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ringfence_kernel.telemetry.logs import get
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.values.ids import show
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_payment_instruction.deposits.application.taking import Taking
from ringfence_payment_instruction.deposits.application.unsealing import clients_behind, open_entries
from ringfence_payment_instruction.deposits.domain.errors import EarlierEntriesWait
from ringfence_payment_instruction.deposits.domain.evidence import (
    BLOCKED_FOR,
    ENTRY_UNREADABLE,
    Disposition,
    EvidenceFile,
    origins,
)
from ringfence_payment_instruction.deposits.domain.posting import bar_credits, blocked, cleared, plan_deposits, posted
from ringfence_payment_instruction.deposits.domain.state import State
from ringfence_payment_instruction.deposits.domain.turns import held_back
from ringfence_payment_instruction.screening.application.known import Known
from ringfence_payment_instruction.screening.application.looking import Looking
from ringfence_payment_instruction.screening.application.queries import ListsInForce
from ringfence_payment_instruction.settlement.application.ports import BookAccounts, Custody
from ringfence_payment_instruction.settlement.domain.errors import (
    BookAccountMissing,
    LedgerContradiction,
    OwnerStandingUnsettled,
    ResultUnknown,
)
from ringfence_payment_instruction.settlement.domain.transfers import DONE, UNSETTLED, PlannedTransfer, is_known
from ringfence_payment_instruction.submissions.application.ports import Identity

UNREFUSED = DONE | {UNSETTLED}
"""Results that refuse nothing."""
_LOG = get(__name__)


class _Plan(NamedTuple):
    """What to ask custody for by row, and why other rows are not asked for: a missing account, an earlier entry."""

    transfers: dict[int, PlannedTransfer]
    is_short: bool
    is_behind: bool


@dataclass(frozen=True, slots=True)
class PostingWork:
    """Posts a file's entries in custody.

    What is to be credited to clients is looked at again before custody is asked for it, whenever a list has changed or
    a client was found since. `_looked` has the position of what is known as of which that was done last; the next
    process looks once more.
    """

    writer: GroupWriter
    state: State
    custody: Custody
    identity: Identity
    known: Known
    lists: ListsInForce
    looking: Looking
    taking: Taking
    _looked: dict[bytes, int] = field(default_factory=dict)

    def has_work(self, stream: bytes) -> bool:
        """Tells whether a file has entries to post."""
        file = self.state.file(stream)
        return file is not None and bool(file.waiting())

    async def handle(self, stream: bytes) -> None:
        """Looks at the lists where they have changed, asks custody and records its results.

        Raises as custody does, BookAccountMissing, EarlierEntriesWait, LedgerContradiction, ResultUnknown,
        OwnerStandingUnsettled, ReservationsEnd, ScreeningListStale, and what a look raises; only money for clients
        waits for a look.
        """
        file = self.state.known(stream)
        missed: DomainError | None = None
        try:
            if self._is_due(file):
                await self._look_again(file)
        except DomainError as error:
            missed = error
        await self._post(file)
        if missed is not None:
            raise missed
        if file.waiting():
            self.lists.fresh()
        else:
            self._looked.pop(stream, None)

    def _is_due(self, file: EvidenceFile) -> bool:
        position = max(file.position, self._looked.get(file.stream, 0))
        return bool(file.for_clients()) and position < self.known.changed_position

    async def _look_again(self, file: EvidenceFile) -> None:
        """Finds out who is listed by now, and has that money go to suspense unless the client has it already.

        What does not open cannot be looked at: it goes there too, alone, and stays blocked until two people release it.
        A call of ours may still be on its way to custody: what hits is barred there first, so that no money moves
        twice. Where that is not recorded, as when the process ends, it is done again and comes to the same.
        """
        position = await self.writer.commit(lambda unit: self.known.changed_position)
        screening, rows, tenant = self.lists.fresh(), file.for_clients(), file.event.tenant
        opened = await open_entries(self.identity, file, rows)
        clients = await clients_behind(self.identity, tenant, opened)
        look = await self.looking.look(screening, {each for sides in clients.values() for each in sides.values()})
        hits = {index: next(look.hits(opened[index], clients[index]), None) for index in rows}
        reasons = {index: ENTRY_UNREADABLE for index in rows if not opened[index].is_readable}
        reasons |= {index: BLOCKED_FOR[hit.side] for index, hit in hits.items() if hit is not None}
        if reasons:
            await self._block(file, reasons)
        self._looked[file.stream] = position

    async def _block(self, file: EvidenceFile, reasons: dict[int, str]) -> None:
        names = await self.custody.book_evidence(file.event.tenant, bar_credits(file, list(reasons)))
        results = dict(zip(reasons, names, strict=True))

        def command(unit: Unit) -> bool:
            events, is_clear = blocked(file, reasons, results)
            unit.record_all(file.stream, events)
            return is_clear

        if not await self.writer.commit(command, weight=len(results)):
            raise ResultUnknown
        _LOG.error("deposits_hit", tenant=show(file.event.tenant), entries=len(reasons))

    async def _post(self, file: EvidenceFile) -> None:
        tenant = file.event.tenant
        accounts = BookAccounts({}, {})
        if not all(map(file.is_credit_of_client, file.waiting())):
            accounts = await self.custody.book_accounts(tenant)
        by_people = await self.taking.lying.cleared(tenant, origins(file, (Disposition.ALLOCATE,)))
        if by_people:
            await self.writer.commit(lambda unit: unit.record_all(file.stream, cleared(file, by_people)))
        missed: DomainError | None = None
        # What the bank has taken keeps nothing from those to whom it has brought something.
        for take in (self.taking.finish, self.taking.post):
            try:
                await take(file, accounts)
            except DomainError as error:
                missed = missed or error
        plan = await self._plan(file, accounts)
        if plan.transfers:
            to_suspense = {index: file.asks_suspense(index) for index in plan.transfers}
            names = await self.custody.book_evidence(tenant, list(plan.transfers.values()))
            await self._record(file, to_suspense, names)
        if missed is not None:
            raise missed
        if plan.transfers:
            return
        if plan.is_short:
            await self.custody.book_accounts(tenant, fresh=True)
            raise BookAccountMissing
        elif plan.is_behind:
            raise EarlierEntriesWait

    async def _plan(self, file: EvidenceFile, accounts: BookAccounts) -> _Plan:
        """Plans in the writer's order: what custody does is for good, so it must rest on what is committed."""

        def command(unit: Unit) -> _Plan:
            planned = plan_deposits(file, accounts.suspense)
            held = set(file.for_clients()) if self._is_due(file) or self.lists.are_stale() else set()
            behind = held_back(file, self.state.of_tenant(file.event.tenant))
            rows = planned.keys() - held - behind
            short = {index for index in file.waiting() if index not in planned} - held - behind
            return _Plan({index: each for index, each in planned.items() if index in rows}, bool(short), bool(behind))

        return await self.writer.commit(command)

    async def _record(self, file: EvidenceFile, to_suspense: dict[int, bool], names: Sequence[str]) -> None:
        results = {index: (kept, name) for (index, kept), name in zip(to_suspense.items(), names, strict=True)}
        unknown = not all(map(is_known, names))
        refused = any(kept and is_known(name) and name not in UNREFUSED for kept, name in results.values())
        if refused:
            _LOG.error("suspense_refused", results=sorted({name for _, name in results.values()}))

        def command(unit: Unit) -> bool:
            events = posted(file, results)
            unit.record_all(file.stream, events)
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
