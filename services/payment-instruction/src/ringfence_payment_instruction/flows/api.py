"""Flows beside payments: checks bounds, maps, calls one handler, maps back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.rpc import bounds
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.iban import compact
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.values.money import MAX_AMOUNT_MINOR, currency
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as pb

from ringfence_payment_instruction.flows.application.agreements import FeeAgreements
from ringfence_payment_instruction.flows.application.charging import Charging, Fee
from ringfence_payment_instruction.flows.application.clearing import Clearing, Named
from ringfence_payment_instruction.flows.application.ordering import Ordering
from ringfence_payment_instruction.flows.domain.events import FeeAgreed
from ringfence_payment_instruction.flows.domain.fees import MILLION
from ringfence_payment_instruction.submissions.api import mapping
from ringfence_payment_instruction.submissions.application.tenants import tenant_of
from ringfence_payment_instruction.submissions.domain.orders import Order, OrderPurpose

MAX_KIND = 35
MAX_DAY = 2**31 - 1
MAX_ROWS = 1_000
PAGE_SIZE = 100
DIGEST_BYTES = 32
LONGEST_TEXT = mapping.LONGEST_TEXT


@dataclass(frozen=True, slots=True)
class FlowsApi:
    """Fees, suspense, the platform's own money, guarantees."""

    agreements: FeeAgreements
    charging: Charging
    clearing: Clearing
    ordering: Ordering

    async def AgreeFee(self, request: pb.AgreeFeeRequest, context: Any) -> pb.AgreeFeeResponse:
        """Records a fee agreement."""
        caller, row = current_caller(), request.agreement
        bounds.size("agreement.document_sha256", len(row.document_sha256), minimum=DIGEST_BYTES, maximum=DIGEST_BYTES)
        from_day = bounds.number("agreement.from_day", row.from_day, minimum=0, maximum=MAX_DAY)
        await self.agreements.agree(
            FeeAgreed(
                tenant=tenant_of(caller),
                agreement=bounds.identifier("agreement.id", row.id),
                client=bounds.identifier("agreement.client_id", row.client_id),
                kind=bounds.text("agreement.kind", row.kind, maximum=MAX_KIND),
                ledger=currency(row.currency).numeric_code,
                maximum_minor=bounds.number(
                    "agreement.maximum_minor", row.maximum_minor, minimum=1, maximum=MAX_AMOUNT_MINOR
                ),
                rate_ppm=bounds.number("agreement.rate_ppm", row.rate_ppm, minimum=0, maximum=MILLION),
                from_day=from_day,
                until_day=bounds.number("agreement.until_day", row.until_day, minimum=from_day, maximum=MAX_DAY),
                document_sha256=row.document_sha256,
                agreed_by=caller.subject,
            )
        )
        return pb.AgreeFeeResponse()

    async def EndFeeAgreement(self, request: pb.EndFeeAgreementRequest, context: Any) -> pb.EndFeeAgreementResponse:
        """Ends a fee agreement."""
        caller = current_caller()
        await self.agreements.end(caller, tenant_of(caller), bounds.identifier("agreement_id", request.agreement_id))
        return pb.EndFeeAgreementResponse()

    async def ListFeeAgreements(
        self, request: pb.ListFeeAgreementsRequest, context: Any
    ) -> pb.ListFeeAgreementsResponse:
        """Returns fee agreements, page by page."""
        tenant = mapping.tenant(request.tenant_id)
        after = bounds.optional_identifier("after_id", request.after_id) or b""
        size = bounds.page("page_size", request.page_size, default=PAGE_SIZE, maximum=MAX_ROWS)
        found, more = await self.agreements.listed(tenant, after, size)
        return pb.ListFeeAgreementsResponse(agreements=[_agreement(each) for each in found], more=more)

    async def ChargeFees(self, request: pb.ChargeFeesRequest, context: Any) -> pb.ChargeFeesResponse:
        """Debits agreed fees."""
        submission_id = bounds.identifier("submission_id", request.submission_id)
        bounds.size("fees", len(request.fees), minimum=1, maximum=MAX_ROWS)
        fees = [_fee(each) for each in request.fees]
        return pb.ChargeFeesResponse(
            states=mapping.states(await self.charging.charge(current_caller(), submission_id, fees))
        )

    async def PayOutOwnMoney(self, request: pb.PayOutOwnMoneyRequest, context: Any) -> pb.PayOutOwnMoneyResponse:
        """Pays the platform's own money out."""
        _short(request, "end_to_end_id", "bank_iban", "creditor_iban", "creditor_name", "currency", "remittance")
        order = Order(
            instruction_id=bounds.identifier("id", request.id),
            end_to_end_id=request.end_to_end_id,
            debtor_iban=compact(request.bank_iban),
            creditor_iban=compact(request.creditor_iban),
            creditor_name=request.creditor_name,
            amount_minor=request.amount_minor,
            currency=request.currency,
            remittance=request.remittance,
            purpose=OrderPurpose.PLATFORM_PAYOUT,
            debtor_account=bounds.identifier("platform_account_id", request.platform_account_id),
        )
        (view,) = await self.ordering.move_own(current_caller(), order.instruction_id, [order])
        return pb.PayOutOwnMoneyResponse(state=mapping.state(view))

    async def FundGuarantee(self, request: pb.FundGuaranteeRequest, context: Any) -> pb.FundGuaranteeResponse:
        """Puts the platform's own money into guarantee."""
        _short(request, "end_to_end_id", "currency")
        order = Order(
            instruction_id=bounds.identifier("id", request.id),
            end_to_end_id=request.end_to_end_id,
            debtor_iban="",
            creditor_iban="",
            creditor_name="",
            amount_minor=request.amount_minor,
            currency=request.currency,
            purpose=OrderPurpose.GUARANTEE_FUNDING,
            debtor_account=bounds.identifier("platform_account_id", request.platform_account_id),
            creditor_account=bounds.identifier("guarantee_account_id", request.guarantee_account_id),
        )
        (view,) = await self.ordering.move_own(current_caller(), order.instruction_id, [order])
        return pb.FundGuaranteeResponse(state=mapping.state(view))

    async def FundShortfall(self, request: pb.FundShortfallRequest, context: Any) -> pb.FundShortfallResponse:
        """Puts the platform's own money where it owes its clients some."""
        _short(request, "end_to_end_id", "currency")
        order = Order(
            instruction_id=bounds.identifier("id", request.id),
            end_to_end_id=request.end_to_end_id,
            debtor_iban="",
            creditor_iban="",
            creditor_name="",
            amount_minor=request.amount_minor,
            currency=request.currency,
            purpose=OrderPurpose.SHORTFALL_FUNDING,
            debtor_account=bounds.identifier("platform_account_id", request.platform_account_id),
        )
        (view,) = await self.ordering.fund_shortfall(current_caller(), order)
        return pb.FundShortfallResponse(state=mapping.state(view))

    async def AllocateSuspense(self, request: pb.AllocateSuspenseRequest, context: Any) -> pb.AllocateSuspenseResponse:
        """Gives money in suspense to whom it belongs."""
        named = _named(request)
        bounds.size("creditor_iban", len(request.creditor_iban), maximum=LONGEST_TEXT)
        account = bounds.optional_identifier("platform_account_id", request.platform_account_id) or ZERO_ID
        if bool(request.creditor_iban) == (account != ZERO_ID):
            raise InvalidArgument("one of creditor_iban and platform_account_id must be given", field="creditor_iban")
        view = await self.clearing.allocate(current_caller(), named, compact(request.creditor_iban), account)
        return pb.AllocateSuspenseResponse(state=mapping.state(view))

    async def ReturnSuspense(self, request: pb.ReturnSuspenseRequest, context: Any) -> pb.ReturnSuspenseResponse:
        """Returns money in suspense to its payer."""
        named = _named(request)
        bounds.size("bank_iban", len(request.bank_iban), minimum=1, maximum=LONGEST_TEXT)
        view = await self.clearing.give_back(current_caller(), named, compact(request.bank_iban))
        return pb.ReturnSuspenseResponse(state=mapping.state(view))


def _named(request: pb.AllocateSuspenseRequest | pb.ReturnSuspenseRequest) -> Named:
    return Named(
        mapping.tenant(request.tenant_id),
        bounds.identifier("entry_id", request.entry_id),
        bounds.identifier("suspense_account_id", request.suspense_account_id),
    )


def _fee(row: pb.Fee) -> Fee:
    _short(row, "end_to_end_id", "debtor_iban", "currency", "remittance")
    base = bounds.optional_identifier("fees.base_instruction_id", row.base_instruction_id) or b""
    if bool(base) == bool(row.id):
        raise InvalidArgument("one of id and base_instruction_id must be given", field="fees.id")
    order = Order(
        instruction_id=base or bounds.identifier("fees.id", row.id),
        end_to_end_id=row.end_to_end_id,
        debtor_iban=compact(row.debtor_iban),
        creditor_iban="",
        creditor_name="",
        amount_minor=row.amount_minor,
        currency=row.currency,
        remittance=row.remittance,
        purpose=OrderPurpose.FEE,
        creditor_account=bounds.identifier("fees.fee_account_id", row.fee_account_id),
        mandate=bounds.identifier("fees.agreement_id", row.agreement_id),
    )
    return Fee(order, base)


def _short(row: Any, *names: str) -> None:
    """Raises InvalidArgument for a text that is no slip of the pen."""
    for name in names:
        bounds.size(name, len(getattr(row, name)), maximum=LONGEST_TEXT)


def _agreement(event: FeeAgreed) -> pb.FeeAgreement:
    return pb.FeeAgreement(
        id=event.agreement,
        client_id=event.client,
        kind=event.kind,
        currency=currency(event.ledger).alpha,
        maximum_minor=event.maximum_minor,
        rate_ppm=event.rate_ppm,
        from_day=event.from_day,
        until_day=event.until_day,
        document_sha256=event.document_sha256,
    )
