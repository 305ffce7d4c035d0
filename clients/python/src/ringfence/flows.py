"""Flows beside clients' payments: agreed fees, suspense, the platform's own money, guarantees.

Each is an instruction: `Payments` shows, watches and decides on it like on a payment.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import grpc
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as pb
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2_grpc

from ringfence.ids import external_id
from ringfence.payments import InstructionState, state_of
from ringfence.transport import Connection

_PAGE = 1_000
_SUSPENDED_PAGE = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).date()


@dataclass(frozen=True, kw_only=True)
class FeeAgreement:
    """What a client (a party) has agreed to pay its platform, from one day to another, both included (UTC).

    One fee is at most `maximum_minor`, minor units, and where there is a rate at most that many millionths of the
    client's payment that it is for. `document_sha256` names the document that the client has accepted, 32 bytes.
    """

    id: UUID
    client_id: UUID
    kind: str
    currency: str
    maximum_minor: int
    from_day: date
    until_day: date
    document_sha256: bytes
    rate_ppm: int = 0


@dataclass(frozen=True, kw_only=True)
class Fee:
    """A fee to debit under an agreement: with an id of its own, or for a payment, which then bears no other."""

    agreement_id: UUID
    end_to_end_id: str
    debtor_iban: str
    fee_account_id: UUID
    amount_minor: int
    currency: str
    id: UUID | None = None
    base_instruction_id: UUID | None = None
    remittance: str = ""


@dataclass(frozen=True, kw_only=True)
class OwnPayout:
    """A payment of the platform's own money by the bank, from the platform's account there (`bank_iban`)."""

    id: UUID
    end_to_end_id: str
    platform_account_id: UUID
    bank_iban: str
    creditor_iban: str
    creditor_name: str
    amount_minor: int
    currency: str
    remittance: str = ""


@dataclass(frozen=True, kw_only=True)
class Suspended:
    """Money in suspense: the platform, the bank's entry that brought it, and the account of the book where it lies."""

    tenant_id: UUID
    entry_id: UUID
    suspense_account_id: UUID


@dataclass(frozen=True, kw_only=True)
class SuspendedEntry:
    """A bank's entry whose money lies in suspense: what is left of it, since when (UTC ns), and why it came there.

    `mirror_id` is the account in custody by which it came in; `clearing` how the instruction stands by which two
    operators clear it, or have, None where there is none.
    """

    entry_id: UUID
    amount_minor: int
    currency: str
    reference: str
    reason: str
    mirror_id: UUID
    suspended_ns: int
    clearing: InstructionState | None


@dataclass(frozen=True, kw_only=True)
class SuspendedFinding:
    """An entry of a sanctions list that names somebody behind money in suspense, by list and publisher's number.

    `finding_sha256` is what a release names it by, 32 bytes.
    """

    list_reference: str
    finding_sha256: bytes


@dataclass(frozen=True, kw_only=True)
class SuspendedState:
    """How money in suspense stands by the lists of now; while it is `blocked` nobody allocates or returns it.

    The payer is whom the bank named, and to whose account it would be returned; empty where that is not known.
    """

    entry: SuspendedEntry
    reason: str
    blocked: bool
    findings: tuple[SuspendedFinding, ...]
    payer_name: str
    payer_iban: str


def entry_id(tenant_id: UUID, bank_iban: str, reference: str) -> UUID:
    """The id of a bank's entry: from the IBAN of the platform's account there, and the bank's own reference."""
    return external_id("bank-entry", tenant_id, f"{bank_iban}|{reference}")


class Flows:
    """Fees, suspense, own money and guarantees, taken in by payment-instruction; all writes are idempotent."""

    def __init__(self, channel: grpc.Channel, connection: Connection) -> None:
        self._connection = connection
        self._stub = payment_instruction_pb2_grpc.PaymentInstructionServiceStub(channel)

    def agree_fee(self, agreement: FeeAgreement) -> None:
        """Records an agreement that a client has accepted."""
        self._connection.call(self._stub.AgreeFee, pb.AgreeFeeRequest(agreement=_agreement(agreement)))

    def end_fee_agreement(self, agreement_id: UUID) -> None:
        """Ends an agreement: no fee is debited under it any more."""
        request = pb.EndFeeAgreementRequest(agreement_id=agreement_id.bytes)
        self._connection.call(self._stub.EndFeeAgreement, request)

    def fee_agreements(self, tenant_id: UUID | None = None) -> Iterator[FeeAgreement]:
        """Agreements that were not ended, in order of their ids, fetched page by page."""
        after = b""
        while True:
            tenant = tenant_id.bytes if tenant_id else b""
            request = pb.ListFeeAgreementsRequest(tenant_id=tenant, after_id=after, page_size=_PAGE)
            page = self._connection.call(self._stub.ListFeeAgreements, request)
            yield from map(_agreement_as_read, page.agreements)
            if not page.more:
                return
            after = page.agreements[-1].id

    def charge_fees(self, submission_id: UUID, fees: Sequence[Fee]) -> list[InstructionState]:
        """Debits fees, 1 to 1,000; one that is outside its agreement is REJECTED."""
        request = pb.ChargeFeesRequest(submission_id=submission_id.bytes, fees=[_fee(each) for each in fees])
        return [state_of(each) for each in self._connection.call(self._stub.ChargeFees, request).states]

    def pay_out(self, payout: OwnPayout) -> InstructionState:
        """Pays the platform's own money out by the bank."""
        request = pb.PayOutOwnMoneyRequest(
            id=payout.id.bytes,
            end_to_end_id=payout.end_to_end_id,
            platform_account_id=payout.platform_account_id.bytes,
            bank_iban=payout.bank_iban,
            creditor_iban=payout.creditor_iban,
            creditor_name=payout.creditor_name,
            amount_minor=payout.amount_minor,
            currency=payout.currency,
            remittance=payout.remittance,
        )
        return state_of(self._connection.call(self._stub.PayOutOwnMoney, request).state)

    def fund_guarantee(
        self,
        instruction_id: UUID,
        end_to_end_id: str,
        platform_account_id: UUID,
        guarantee_account_id: UUID,
        amount_minor: int,
        currency: str,
    ) -> InstructionState:
        """Puts the platform's own money into guarantee, minor units."""
        request = pb.FundGuaranteeRequest(
            id=instruction_id.bytes,
            end_to_end_id=end_to_end_id,
            platform_account_id=platform_account_id.bytes,
            guarantee_account_id=guarantee_account_id.bytes,
            amount_minor=amount_minor,
            currency=currency,
        )
        return state_of(self._connection.call(self._stub.FundGuarantee, request).state)

    def fund_shortfall(
        self,
        instruction_id: UUID,
        end_to_end_id: str,
        platform_account_id: UUID,
        amount_minor: int,
        currency: str,
    ) -> InstructionState:
        """Puts the platform's own money where it owes its clients some, minor units."""
        request = pb.FundShortfallRequest(
            id=instruction_id.bytes,
            end_to_end_id=end_to_end_id,
            platform_account_id=platform_account_id.bytes,
            amount_minor=amount_minor,
            currency=currency,
        )
        return state_of(self._connection.call(self._stub.FundShortfall, request).state)

    def allocate_suspense(
        self, suspended: Suspended, *, creditor_iban: str = "", platform_account_id: UUID | None = None
    ) -> InstructionState:
        """Gives money in suspense to whom it belongs, as an operator: a client's IBAN, or an account of the platform.

        It is HELD until another operator approves it.
        """
        request = pb.AllocateSuspenseRequest(
            tenant_id=suspended.tenant_id.bytes,
            entry_id=suspended.entry_id.bytes,
            suspense_account_id=suspended.suspense_account_id.bytes,
            creditor_iban=creditor_iban,
            platform_account_id=platform_account_id.bytes if platform_account_id else b"",
        )
        return state_of(self._connection.call(self._stub.AllocateSuspense, request).state)

    def return_suspense(self, suspended: Suspended, bank_iban: str) -> InstructionState:
        """Returns money in suspense to its payer by the bank, as an operator; HELD until another approves it."""
        request = pb.ReturnSuspenseRequest(
            tenant_id=suspended.tenant_id.bytes,
            entry_id=suspended.entry_id.bytes,
            suspense_account_id=suspended.suspense_account_id.bytes,
            bank_iban=bank_iban,
        )
        return state_of(self._connection.call(self._stub.ReturnSuspense, request).state)

    def all_suspended(self, tenant_id: UUID) -> Iterator[SuspendedEntry]:
        """A platform's bank entries in suspense, in order of their ids, fetched page by page; for operators."""
        after = b""
        while True:
            request = pb.ListSuspendedRequest(tenant_id=tenant_id.bytes, after_id=after, page_size=_SUSPENDED_PAGE)
            page = self._connection.call(self._stub.ListSuspended, request)
            yield from map(_suspended, page.entries)
            if not page.next_id:
                return
            after = page.next_id

    def suspended(self, tenant_id: UUID, entry_id: UUID) -> SuspendedState:
        """How a bank's entry in suspense stands, and whom the lists of now name behind it; for operators."""
        request = pb.GetSuspendedRequest(tenant_id=tenant_id.bytes, entry_id=entry_id.bytes)
        reply = self._connection.call(self._stub.GetSuspended, request)
        findings = [
            SuspendedFinding(list_reference=each.list_reference, finding_sha256=each.finding_sha256)
            for each in reply.findings
        ]
        return SuspendedState(
            entry=_suspended(reply.entry),
            reason=reply.reason,
            blocked=reply.blocked,
            findings=tuple(findings),
            payer_name=reply.payer_name,
            payer_iban=reply.payer_iban,
        )

    def release_suspended(self, tenant_id: UUID, entry_id: UUID, document_sha256: bytes, note: str) -> UUID:
        """Proposes to release blocked money, since the lists name somebody else: returns what another confirms.

        `document_sha256` names what shows it, 32 bytes; `note` says why, 1 to 280 characters, no personal data.
        """
        request = pb.ReleaseSuspendedRequest(
            tenant_id=tenant_id.bytes, entry_id=entry_id.bytes, document_sha256=document_sha256, note=note
        )
        return UUID(bytes=self._connection.call(self._stub.ReleaseSuspended, request).proposal_id)


def _agreement(agreement: FeeAgreement) -> pb.FeeAgreement:
    return pb.FeeAgreement(
        id=agreement.id.bytes,
        client_id=agreement.client_id.bytes,
        kind=agreement.kind,
        currency=agreement.currency,
        maximum_minor=agreement.maximum_minor,
        rate_ppm=agreement.rate_ppm,
        from_day=(agreement.from_day - _EPOCH).days,
        until_day=(agreement.until_day - _EPOCH).days,
        document_sha256=agreement.document_sha256,
    )


def _agreement_as_read(read: pb.FeeAgreement) -> FeeAgreement:
    return FeeAgreement(
        id=UUID(bytes=read.id),
        client_id=UUID(bytes=read.client_id),
        kind=read.kind,
        currency=read.currency,
        maximum_minor=read.maximum_minor,
        rate_ppm=read.rate_ppm,
        from_day=_EPOCH + timedelta(days=read.from_day),
        until_day=_EPOCH + timedelta(days=read.until_day),
        document_sha256=read.document_sha256,
    )


def _suspended(read: pb.SuspendedEntry) -> SuspendedEntry:
    return SuspendedEntry(
        entry_id=UUID(bytes=read.entry_id),
        amount_minor=read.amount_minor,
        currency=read.currency,
        reference=read.reference,
        reason=read.reason,
        mirror_id=UUID(bytes=read.mirror_id),
        suspended_ns=read.suspended_ns,
        clearing=state_of(read.clearing) if read.HasField("clearing") else None,
    )


def _fee(fee: Fee) -> pb.Fee:
    return pb.Fee(
        id=fee.id.bytes if fee.id else b"",
        agreement_id=fee.agreement_id.bytes,
        base_instruction_id=fee.base_instruction_id.bytes if fee.base_instruction_id else b"",
        end_to_end_id=fee.end_to_end_id,
        debtor_iban=fee.debtor_iban,
        fee_account_id=fee.fee_account_id.bytes,
        amount_minor=fee.amount_minor,
        currency=fee.currency,
        remittance=fee.remittance,
    )
