"""Debiting agreed fees."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.values.clock import Clock
from ringfence_kernel.values.ids import ZERO_ID, external_id, show
from ringfence_kernel.writing.writer import Unit

from ringfence_payment_instruction.flows.application.ordering import Ordering
from ringfence_payment_instruction.flows.domain.fees import objection
from ringfence_payment_instruction.flows.domain.state import State
from ringfence_payment_instruction.submissions.application.receiving import Sides
from ringfence_payment_instruction.submissions.application.submissions import MOST_ROWS, Submissions
from ringfence_payment_instruction.submissions.application.tenants import tenant_of
from ringfence_payment_instruction.submissions.application.views import StateView
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.orders import Alias, Order, OrderPurpose, ledger_of
from ringfence_payment_instruction.submissions.domain.past import Asked
from ringfence_payment_instruction.submissions.domain.state import keys_of
from ringfence_payment_instruction.submissions.domain.status import HAPPENS
from ringfence_payment_instruction.submissions.domain.tallies import day_of


class Fee(NamedTuple):
    """A fee to debit: its order, and the client's payment that it is for, empty without one."""

    order: Order
    base: bytes


class _Base(NamedTuple):
    """A payment that a fee is for: who paid, and how much in minor units of which ledger."""

    client: bytes
    ledger: int
    amount_minor: int


def fee_id(tenant: bytes, kind: str, base: bytes) -> bytes:
    """Returns the instruction of the fee for a payment: of one kind there is one, whatever agreements there are."""
    return external_id("fee of a kind", tenant, f"{show(base)}/{kind}")


@dataclass(frozen=True, slots=True)
class Charging:
    """Takes in fees."""

    submissions: Submissions
    ordering: Ordering
    state: State
    clock: Clock

    async def charge(self, caller: Caller, submission_id: bytes, fees: Sequence[Fee]) -> list[StateView]:
        """Debits fees, each within its agreement, else it is REJECTED; idempotent and raises as `submit_batch`."""
        tenant = tenant_of(caller)
        bases = await self._bases(tenant, {fee.base for fee in fees if fee.base})
        agreements = await self.submissions.writer.commit(
            lambda unit: {fee.order.mandate: self.state.agreement(tenant, fee.order.mandate) for fee in fees}
        )
        asked = [_asked(tenant, fee) for fee in fees]
        day = day_of(self.clock.now_ns())

        def named(order: Order, fee: Fee) -> Order:
            """Takes up the id of the fee for a payment only where it may be due: what is refused does not use it."""
            agreement, base = agreements[fee.order.mandate], bases.get(fee.base)
            if not fee.base or agreement is None or base is None:
                return order
            ledger = ledger_of(order.currency)
            why = objection(agreement, base.client, ledger, order.amount_minor, base.amount_minor, day)
            return order if why else replace(order, instruction_id=fee_id(tenant, agreement.kind, fee.base))

        orders = [named(order, fee) for order, fee in zip(asked, fees, strict=True)]
        base_of = {order.instruction_id: fee.base for order, fee in zip(orders, fees, strict=True)}

        def outside(order: Order, sides: Sides, aliases: Mapping[str, Alias]) -> str:
            client = sides[0].owner_id if sides[0] is not None else ZERO_ID
            ledger, base = ledger_of(order.currency), bases.get(base_of[order.instruction_id])
            if base_of[order.instruction_id] and base is None:
                return reasons.FEE_NOT_AGREED
            base_minor = base.amount_minor if base and (base.client, base.ledger) == (client, ledger) else None
            return objection(agreements[order.mandate], client, ledger, order.amount_minor, base_minor, day)

        return await self.ordering.take_in(caller, tenant, submission_id, orders, outside, asked=asked)

    async def _bases(self, tenant: bytes, ids: Collection[bytes]) -> dict[bytes, _Base]:
        """Returns the clients' payments among instructions, of those whose money is set aside or has moved."""
        if not ids:
            return {}

        def command(unit: Unit) -> dict[bytes, _Base]:
            found = {}
            for each in ids:
                where = self.submissions.state.find(tenant, each)
                if where is not None:
                    submission, index = where
                    is_payment = submission.purpose(index) is OrderPurpose.PAYMENT
                    if is_payment and submission.statuses[index] in HAPPENS:
                        owner = submission.sealed(index).debtor_owner
                        found[each] = _Base(owner, submission.ledgers[index], submission.amounts_minor[index])
            return found

        return await self.submissions.knowing(Asked(keys_of(tenant, list(ids))), command, most_rows=MOST_ROWS)


def _asked(tenant: bytes, fee: Fee) -> Order:
    """Returns a fee as it is asked for: under an id that hangs on nothing but what is asked, for one try."""
    if not fee.base:
        return fee.order
    return replace(fee.order, instruction_id=external_id("fee", tenant, f"{show(fee.order.mandate)}/{show(fee.base)}"))
