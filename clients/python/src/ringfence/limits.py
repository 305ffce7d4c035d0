"""Limits: what a platform's people may move alone, by currency and by approver."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import grpc
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as pb
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2_grpc

from ringfence.ids import optional
from ringfence.transport import Connection


@dataclass(frozen=True, kw_only=True)
class CurrencyLimits:
    """What needs no second person in one currency, minor units; at a bound itself a payment passes.

    `debtor_day_minor` and `day_minor` bound the sums of a debtor's account and of the platform on a day (UTC) that no
    second person approved, `approver_minor` what one approver may approve alone.
    """

    currency: str
    payment_minor: int
    debtor_day_minor: int
    day_minor: int
    approver_minor: int


@dataclass(frozen=True, kw_only=True)
class ApproverLimit:
    """What one approver may approve alone, minor units, where that is less than the platform's limit for approvers."""

    approver_id: UUID
    currency: str
    maximum_minor: int


@dataclass(frozen=True, kw_only=True)
class LimitsUse:
    """What has passed on one person's word within a day in a currency, minor units, as it counts against limits.

    Of the debtor's account that was asked for, of the platform, and what the caller has let pass alone.
    """

    currency: str
    debtor_day_minor: int
    day_minor: int
    approver_minor: int


@dataclass(frozen=True)
class PlatformLimits:
    """Limits in force; version 0 stands for a platform that has none of its own."""

    version: int
    currencies: list[CurrencyLimits]
    approvers: list[ApproverLimit]
    time_zone: str = ""
    """IANA time zone in which the platform's payments have their days; empty where their currency settles."""
    uses: Sequence[LimitsUse] = ()
    """In the order of the currencies, where it was asked for a debtor's account and the service tells it."""


class Limits:
    """Limits of platforms, kept by payment-instruction."""

    def __init__(self, channel: grpc.Channel, connection: Connection) -> None:
        self._connection = connection
        self._stub = payment_instruction_pb2_grpc.PaymentInstructionServiceStub(channel)

    def set(
        self,
        tenant_id: UUID,
        version: int,
        currencies: Sequence[CurrencyLimits],
        approvers: Sequence[ApproverLimit] = (),
        time_zone: str = "",
    ) -> UUID | None:
        """Puts limits in force in place of those of the version before, as an operator.

        Where more could move than before, or days would begin elsewhere, they are proposed only: returns the proposal
        that another operator confirms, else None. Idempotent by version.
        """
        request = pb.SetLimitsRequest(
            tenant_id=tenant_id.bytes,
            version=version,
            limits=[
                pb.CurrencyLimits(
                    currency=each.currency,
                    payment_minor=each.payment_minor,
                    debtor_day_minor=each.debtor_day_minor,
                    day_minor=each.day_minor,
                    approver_minor=each.approver_minor,
                )
                for each in currencies
            ],
            approvers=[
                pb.ApproverLimit(
                    approver_id=each.approver_id.bytes, currency=each.currency, maximum_minor=each.maximum_minor
                )
                for each in approvers
            ],
            time_zone=time_zone,
        )
        return optional(self._connection.call(self._stub.SetLimits, request).proposal_id)

    def get(
        self,
        tenant_id: UUID | None = None,
        currencies: Sequence[str] = (),
        *,
        debtor_account_id: UUID | None = None,
    ) -> PlatformLimits:
        """Limits in force in some currencies, by default those that the platform has limits of its own for.

        With a debtor's account also how much has passed within a day.
        """
        request = pb.GetLimitsRequest(
            tenant_id=tenant_id.bytes if tenant_id else b"",
            currencies=currencies,
            debtor_account_id=debtor_account_id.bytes if debtor_account_id else b"",
        )
        reply = self._connection.call(self._stub.GetLimits, request)
        return PlatformLimits(
            reply.version,
            [
                CurrencyLimits(
                    currency=each.currency,
                    payment_minor=each.payment_minor,
                    debtor_day_minor=each.debtor_day_minor,
                    day_minor=each.day_minor,
                    approver_minor=each.approver_minor,
                )
                for each in reply.limits
            ],
            [
                ApproverLimit(
                    approver_id=UUID(bytes=each.approver_id),
                    currency=each.currency,
                    maximum_minor=each.maximum_minor,
                )
                for each in reply.approvers
            ],
            reply.time_zone,
            [
                LimitsUse(
                    currency=each.currency,
                    debtor_day_minor=each.debtor_day_minor,
                    day_minor=each.day_minor,
                    approver_minor=each.approver_minor,
                )
                for each in reply.uses
            ],
        )
