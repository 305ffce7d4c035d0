"""Platforms' limits: checks bounds, maps, calls one handler, maps back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.rpc import bounds
from ringfence_kernel.values.business_days import time_zones
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.money import MAX_AMOUNT_MINOR, currency
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as pb

from ringfence_payment_instruction.limits.application.setting import Limits
from ringfence_payment_instruction.limits.domain.bounds import Bounds, PlatformLimits
from ringfence_payment_instruction.submissions.api import mapping

MAX_ROWS = 1_000
Key = TypeVar("Key")
Value = TypeVar("Value")
MAX_VERSION = 2**31 - 1


@dataclass(frozen=True, slots=True)
class LimitsApi:
    """Sets and shows limits."""

    limits: Limits

    async def SetLimits(self, request: pb.SetLimitsRequest, context: Any) -> pb.SetLimitsResponse:
        """Puts a platform's limits in force."""
        tenant = mapping.tenant(request.tenant_id)
        bounds.size("limits", len(request.limits), maximum=MAX_ROWS)
        bounds.size("approvers", len(request.approvers), maximum=MAX_ROWS)
        limits = PlatformLimits(
            bounds.number("version", request.version, minimum=1, maximum=MAX_VERSION),
            _once("limits", (_limit(each) for each in request.limits)),
            _once("approvers", (_approver(each) for each in request.approvers)),
            _time_zone(request.time_zone),
        )
        answer = await self.limits.set(current_caller(), tenant, limits)
        return pb.SetLimitsResponse(version=answer.version, proposal_id=answer.proposal)

    async def GetLimits(self, request: pb.GetLimitsRequest, context: Any) -> pb.GetLimitsResponse:
        """Returns the limits in force for a platform."""
        tenant = mapping.tenant(request.tenant_id)
        debtor = bounds.optional_identifier("debtor_account_id", request.debtor_account_id)
        own = await self.limits.get(tenant)
        bounds.size("currencies", len(request.currencies), maximum=MAX_ROWS)
        ledgers = {currency(each).numeric_code for each in request.currencies} or own.by_ledger.keys()
        rows = [(ledger, self.limits.installation.bounds(own, ledger)) for ledger in sorted(ledgers)]
        used = await self._used(tenant, debtor, [ledger for ledger, _ in rows]) if debtor else []
        return pb.GetLimitsResponse(
            uses=used,
            version=own.version,
            limits=[
                pb.CurrencyLimits(
                    currency=currency(ledger).alpha,
                    payment_minor=each.payment_minor,
                    debtor_day_minor=each.debtor_day_minor,
                    day_minor=each.day_minor,
                    approver_minor=each.approver_minor,
                )
                for ledger, each in rows
            ],
            approvers=[
                pb.ApproverLimit(approver_id=approver, currency=currency(ledger).alpha, maximum_minor=maximum)
                for (approver, ledger), maximum in sorted(own.by_approver.items())
            ],
            time_zone=own.time_zone,
        )

    async def _used(self, tenant: bytes, debtor: bytes, ledgers: Sequence[int]) -> list[pb.LimitsUse]:
        found = await self.limits.used(tenant, debtor, current_caller().subject, ledgers)
        return [
            pb.LimitsUse(
                currency=currency(ledger).alpha,
                debtor_day_minor=min(each.debtor_minor, MAX_AMOUNT_MINOR),
                day_minor=min(each.platform_minor, MAX_AMOUNT_MINOR),
                approver_minor=min(each.approver_minor, MAX_AMOUNT_MINOR),
            )
            for ledger, each in zip(ledgers, found, strict=True)
        ]


def _time_zone(name: str) -> str:
    if name and name not in time_zones():
        raise InvalidArgument("time_zone is not in the IANA time zone database", field="time_zone")
    return name


def _limit(row: pb.CurrencyLimits) -> tuple[int, Bounds]:
    amounts = [
        bounds.number(f"limits.{name}", getattr(row, name), minimum=0, maximum=MAX_AMOUNT_MINOR)
        for name in ("payment_minor", "debtor_day_minor", "day_minor", "approver_minor")
    ]
    return currency(row.currency).numeric_code, Bounds(*amounts)


def _approver(row: pb.ApproverLimit) -> tuple[tuple[bytes, int], int]:
    maximum = bounds.number("approvers.maximum_minor", row.maximum_minor, minimum=0, maximum=MAX_AMOUNT_MINOR)
    approver = bounds.identifier("approvers.approver_id", row.approver_id)
    return (approver, currency(row.currency).numeric_code), maximum


def _once(field: str, rows: Iterable[tuple[Key, Value]]) -> dict[Key, Value]:
    """Returns rows by key; raises InvalidArgument where one comes twice."""
    listed = list(rows)
    found = dict(listed)
    if len(found) != len(listed):
        raise InvalidArgument(f"{field} must not repeat", field=field)
    return found
