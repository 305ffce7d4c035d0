"""Bank notifications: taken in once per entry, then posted by the deposit lane."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import NamedTuple

from ringfence_kernel.service.signal import Signal
from ringfence_kernel.telemetry.logs import get
from ringfence_kernel.values.clock import DAY_NS, Clock
from ringfence_kernel.values.columns import pack
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.writing.writer import Unit

from ringfence_payment_instruction.deposits.domain.evidence import (
    ENTRIES_PER_PART,
    Outcome,
    Purpose,
    evidence_stream,
    is_incoming,
)
from ringfence_payment_instruction.deposits.domain.matching import (
    MatchedEntry,
    confirm,
    match,
    plan_deposits,
    posted,
)
from ringfence_payment_instruction.screening.application.screening import ScreeningWork
from ringfence_payment_instruction.submissions.application.personal import ledger_of, seal_entries
from ringfence_payment_instruction.submissions.application.ports import (
    Authorisation,
    BankFile,
    BookAccounts,
    Custody,
    Identity,
    RailVoucher,
    Submitter,
)
from ringfence_payment_instruction.submissions.application.submissions import Desk, record_all
from ringfence_payment_instruction.submissions.domain.errors import (
    BankAccountUnknown,
    BookAccountMissing,
    LedgerContradiction,
    ScreeningListStale,
)
from ringfence_payment_instruction.submissions.domain.events import EvidenceReceived

POSTING_SECONDS = 5.0
UNVOUCHED = Submitter(ZERO_ID, None)
_LOG = get(__name__)


@dataclass(frozen=True, slots=True)
class EvidenceCounts:
    """What became of a file's entries."""

    credited: int
    suspended: int
    duplicates: int
    confirmed: int


class Taken(NamedTuple):
    """What was recorded of a file, one event per tenant, and how many entries were known before."""

    received: list[EvidenceReceived]
    duplicates: int


@dataclass(frozen=True, slots=True)
class EvidenceIntake:
    """Takes in bank notifications."""

    desk: Desk
    identity: Identity
    screening: ScreeningWork
    committed: Signal
    clock: Clock
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def hand_in(self, submitter: Submitter, file: BankFile) -> EvidenceCounts:
        """Takes a file in, waits a little for custody, and says what became of its entries; raises as `take_in`."""
        taken = await self.take_in(submitter, file)
        await self._until_posted(taken.received)
        return self._count(taken.received, taken.duplicates)

    async def take_in(self, source: Submitter | RailVoucher, file: BankFile) -> Taken:
        """Records the file's new entries; the deposit lane posts them.

        What the rail brings is vouched for only where it brings money; a debit that confirms a payment needs no word. A
        bank speaks for the accounts that it keeps: another's account is as unknown as one that is none.

        Raises BankAccountUnknown, EvidenceConflict, ScreeningListStale, IdentityUnavailable, KeysUnavailable,
        AuthorisationRefused.
        """
        ibans = {iban for entry in file.entries for iban in (entry.account_iban, entry.creditor_iban) if iban}
        aliases = await self.identity.resolve(sorted(ibans))
        # One file at a time: two that share an entry would otherwise both find it new.
        async with self._turn:
            while True:
                matching = match(self.desk.state, file.entries, aliases, self.screening.current())
                new = [entry for matched in matching.by_tenant.values() for entry in matched]
                self._require_fresh_list(new)
                prepared = [
                    await self._prepare(source, file, part, matched[first : first + ENTRIES_PER_PART])
                    for matched in matching.by_tenant.values()
                    for part, first in enumerate(range(0, len(matched), ENTRIES_PER_PART))
                ]
                if await self._record(prepared, new, file.digest):
                    return Taken(prepared, matching.duplicates)

    def _require_fresh_list(self, new: list[MatchedEntry]) -> None:
        """Raises ScreeningListStale where money came in and its payers cannot be looked up."""
        if any(is_incoming(each.entry) for each in new) and self.screening.current().is_stale(self.clock.now_ns()):
            raise ScreeningListStale

    async def _record(self, prepared: list[EvidenceReceived], new: list[MatchedEntry], digest: bytes) -> bool:
        """Returns False when another process has taken in one of the entries meanwhile: they are matched again."""

        def command(unit: Unit) -> bool:
            if any(each.id in self.desk.state.entries for each in new):
                return False
            for event in prepared:
                unit.record(event.evidence_id, event)
            for stream, event in confirm(self.desk.state, new, digest):
                unit.record(stream, event)
            return True

        return not new or await self.desk.commit(command, weight=len(new))

    async def _prepare(
        self, source: Submitter | RailVoucher, file: BankFile, part: int, matched: list[MatchedEntry]
    ) -> EvidenceReceived:
        """Seals entries of one tenant and has them authorised."""
        tenant = matched[0].mirror.tenant
        stream = evidence_stream(tenant, file.digest, part)
        ring = await self.identity.keys({tenant, *(each.owner for each in matched)})
        submitter, authorisation = UNVOUCHED, Authorisation("", 0)
        credits_money = any(each.purpose in (Purpose.CREDIT_CLIENT, Purpose.CREDIT_SUSPENSE) for each in matched)
        if isinstance(source, Submitter) or credits_money:
            submitter = source if isinstance(source, Submitter) else await source.submitter()
            if any(each.mirror.bank_feed != submitter.subject for each in matched):
                raise BankAccountUnknown
            authorisation = await self.identity.authorise(submitter, tenant, stream, file.digest)
        today = self.clock.now_ns() // DAY_NS
        return EvidenceReceived(
            tenant=tenant,
            evidence_id=stream,
            digest=file.digest,
            message_id=file.message_id,
            source=submitter.subject,
            authorisation=authorisation.token,
            authorisation_expires_ns=authorisation.expires_ns,
            entry_ids=b"".join([each.id for each in matched]),
            entry_digests=b"".join([each.digest for each in matched]),
            references=tuple(each.entry.reference for each in matched),
            purposes=bytes([each.purpose for each in matched]),
            mirror_accounts=b"".join([each.mirror.account_id for each in matched]),
            client_accounts=b"".join([each.client.account_id if each.client else ZERO_ID for each in matched]),
            owners=b"".join([each.owner for each in matched]),
            instruction_ids=b"".join([self._instruction_id(each) for each in matched]),
            amounts_minor=pack("Q", [each.entry.amount_minor for each in matched]),
            ledgers=pack("H", [ledger_of(each.entry.currency) for each in matched]),
            value_days=pack("i", [each.entry.value_day or today for each in matched]),
            reasons=tuple(each.reason for each in matched),
            sealed=await asyncio.to_thread(seal_entries, stream, matched, ring),
        )

    def _instruction_id(self, matched: MatchedEntry) -> bytes:
        place = matched.instruction
        return ZERO_ID if place is None else self.desk.state.submissions[place.stream].instruction_id(place.index)

    async def _until_posted(self, prepared: list[EvidenceReceived]) -> None:
        """Waits until custody has posted the entries, within a bound: what is late goes on by itself."""
        loop = asyncio.get_running_loop()
        until = loop.time() + POSTING_SECONDS
        files = [self.desk.state.evidence[event.evidence_id] for event in prepared]
        while any(file.waiting() for file in files) and loop.time() < until:
            await self.committed.wait(until - loop.time())

    def _count(self, prepared: list[EvidenceReceived], duplicates: int) -> EvidenceCounts:
        """Counts entries by what became of them, or by what they are for while custody has not answered."""
        credited = suspended = confirmed = 0
        for event in prepared:
            file = self.desk.state.evidence[event.evidence_id]
            for purpose, outcome in zip(event.purposes, file.outcomes, strict=True):
                late = outcome == Outcome.WAITING
                credited += outcome == Outcome.CREDITED or (late and purpose == Purpose.CREDIT_CLIENT)
                suspended += outcome == Outcome.SUSPENDED or (late and purpose == Purpose.CREDIT_SUSPENSE)
                confirmed += purpose == Purpose.CONFIRM
        return EvidenceCounts(credited, suspended, duplicates, confirmed)


@dataclass(frozen=True, slots=True)
class DepositWork:
    """Posts a file's entries in custody."""

    desk: Desk
    custody: Custody

    def has_work(self, stream: bytes) -> bool:
        """Tells whether a file has entries to post."""
        file = self.desk.state.evidence.get(stream)
        return file is not None and bool(file.waiting())

    async def handle(self, stream: bytes) -> None:
        """Asks custody and records its results; raises as custody does, BookAccountMissing, LedgerContradiction."""
        file = self.desk.state.evidence[stream]
        tenant, token = file.event.tenant, file.event.authorisation
        accounts = BookAccounts({}, {})
        if any(file.reasons[index] for index in file.waiting()):
            accounts = await self.custody.book_accounts(tenant, token)
        planned = plan_deposits(file, accounts.suspense)
        if not planned:
            await self.custody.book_accounts(tenant, token, fresh=True)
            raise BookAccountMissing
        to_suspense = {index: bool(file.reasons[index]) for index in planned}
        names = await self.custody.create_transfers(tenant, token, list(planned.values()))
        results = {index: (to_suspense[index], name) for index, name in zip(planned, names, strict=True)}
        refused = any(kept and name not in ("created", "exists") for kept, name in results.values())
        if refused:
            _LOG.error("suspense_refused", results=sorted({name for _, name in results.values()}))

        def command(unit: Unit) -> bool:
            events = posted(file, results)
            record_all(unit, stream, events)
            return bool(events)

        if not await self.desk.commit(command, weight=len(results)) or refused:
            raise LedgerContradiction
