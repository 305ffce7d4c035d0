"""Gives clients back what a bank has returned of their payments: an entry each, which the posting lane posts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ringfence_kernel.values.clock import DAY_NS, Clock
from ringfence_kernel.values.columns import pack
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.values.money import currency

from ringfence_payment_instruction.deposits.application.ports import Voucher
from ringfence_payment_instruction.deposits.application.sealing import seal_entries
from ringfence_payment_instruction.deposits.domain.events import EvidenceReceived
from ringfence_payment_instruction.deposits.domain.evidence import (
    BOOKED,
    CREDIT,
    CREDITOR_UNKNOWN,
    ENTRIES_PER_PART,
    BankEntry,
    Disposition,
    entry_digest,
    evidence_stream,
)
from ringfence_payment_instruction.deposits.domain.matching import MatchedEntry
from ringfence_payment_instruction.settlement.application.ports import Custody
from ringfence_payment_instruction.settlement.domain.errors import BookAccountMissing
from ringfence_payment_instruction.standing.application.stops import Stops
from ringfence_payment_instruction.submissions.application.ports import Identity, KeyRing
from ringfence_payment_instruction.submissions.domain.orders import Alias
from ringfence_payment_instruction.submissions.domain.returning import ReturnedPayment, return_entry_id


@dataclass(frozen=True, slots=True)
class ReturnedMoney:
    """Prepares entries of a bank's return, under ids that no other way of telling it has."""

    custody: Custody
    identity: Identity
    stops: Stops
    clock: Clock

    async def prepare(
        self, source: Voucher, digest: bytes, message_id: str, returned: Sequence[ReturnedPayment]
    ) -> list[tuple[bytes, Any]]:
        """Returns streams and events, by tenant and part of the file.

        Raises AuthorisationRefused where nobody vouches, PrincipalSuspended, BookAccountMissing, CustodyUnavailable,
        IdentityUnavailable, KeysUnavailable.
        """
        caller = await source.caller()
        self.stops.require_active(caller)
        by_tenant: defaultdict[bytes, list[ReturnedPayment]] = defaultdict(list)
        for each in returned:
            by_tenant[each.tenant].append(each)
        found: list[tuple[bytes, Any]] = []
        for tenant, own in by_tenant.items():
            mirrors = await self._mirrors(tenant, {each.ledger for each in own if not each.mirror})
            ring = await self.identity.keys({tenant, *(each.owner for each in own)})
            entries = [_entry(each, each.mirror or mirrors[each.ledger], caller.subject) for each in own]
            for part, first in enumerate(range(0, len(own), ENTRIES_PER_PART)):
                stream = evidence_stream(tenant, digest, part)
                rows = slice(first, first + ENTRIES_PER_PART)
                event = self._event(stream, digest, message_id, caller.subject, own[rows], entries[rows], ring)
                found.append((stream, event))
        return found

    async def _mirrors(self, tenant: bytes, ledgers: set[int]) -> Mapping[int, bytes]:
        if not ledgers:
            return {}
        for fresh in (False, True):
            accounts = await self.custody.book_accounts(tenant, fresh=fresh)
            if ledgers <= accounts.mirrors.keys():
                return accounts.mirrors
        raise BookAccountMissing

    def _event(
        self,
        stream: bytes,
        digest: bytes,
        message_id: str,
        source: bytes,
        returned: Sequence[ReturnedPayment],
        entries: Sequence[MatchedEntry],
        ring: KeyRing,
    ) -> EvidenceReceived:
        today = self.clock.now_ns() // DAY_NS
        return EvidenceReceived(
            tenant=returned[0].tenant,
            evidence_id=stream,
            digest=digest,
            message_id=message_id,
            source=source,
            authorisation="",
            authorisation_expires_ns=0,
            entry_ids=b"".join([each.id for each in entries]),
            entry_digests=b"".join([each.digest for each in entries]),
            references=tuple(each.entry.reference for each in entries),
            purposes=bytes([each.disposition for each in entries]),
            mirror_accounts=b"".join([each.mirror.account_id for each in entries]),
            client_accounts=b"".join([each.account or ZERO_ID for each in returned]),
            owners=b"".join([each.owner for each in entries]),
            instruction_ids=b"".join([each.instruction_id for each in entries]),
            amounts_minor=pack("Q", [each.amount_minor for each in returned]),
            ledgers=pack("H", [each.ledger for each in returned]),
            value_days=pack("i", [today] * len(returned)),
            reasons=tuple(each.reason for each in entries),
            sealed=seal_entries(stream, entries, ring),
        )


def _entry(returned: ReturnedPayment, mirror: bytes, bank_feed: bytes) -> MatchedEntry:
    """Returns the entry of a return; it names nobody whom the payment has not named, and who was looked at then."""
    entry = BankEntry(
        account_iban="",
        reference=return_entry_id(returned.tenant, returned.instruction_id).hex(),
        amount_minor=returned.amount_minor,
        currency=currency(returned.ledger).alpha,
        credit_debit=CREDIT,
        reversal=False,
        status=BOOKED,
        value_day=0,
    )
    is_of_client = returned.account is not None
    return MatchedEntry(
        id=return_entry_id(returned.tenant, returned.instruction_id),
        digest=entry_digest(entry),
        entry=entry,
        mirror=Alias(returned.tenant, mirror, ZERO_ID, True, bank_feed),
        disposition=Disposition.CREDIT_CLIENT if is_of_client else Disposition.CREDIT_SUSPENSE,
        client=Alias(returned.tenant, returned.account, returned.owner, False) if returned.account else None,
        instruction_id=returned.instruction_id,
        reason="" if is_of_client else CREDITOR_UNKNOWN,
    )
