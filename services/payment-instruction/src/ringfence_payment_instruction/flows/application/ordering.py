"""Ordering what is no client's payment: screened, bounded by limits, approved and settled as payments are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.service.threads import computed

from ringfence_payment_instruction.submissions.application.receiving import Content, Objection, Receiving, Sides
from ringfence_payment_instruction.submissions.application.tenants import tenant_of
from ringfence_payment_instruction.submissions.application.views import StateView, first_states
from ringfence_payment_instruction.submissions.domain import events, reasons
from ringfence_payment_instruction.submissions.domain.orders import (
    BY_BANK,
    Alias,
    Order,
    digest,
    forbiddance,
    ibans_of,
    invalidity,
    ledger_of,
    shortfall_account,
    sides,
)


@dataclass(frozen=True, slots=True)
class Ordering:
    """Takes in orders of any purpose."""

    receiving: Receiving

    async def take_in(
        self,
        caller: Caller,
        tenant: bytes,
        submission_id: bytes,
        orders: Sequence[Order],
        objection: Objection,
        *,
        asked: Sequence[Order] = (),
    ) -> list[StateView]:
        """Returns where each instruction stood once taken in; idempotent and raises as `submit_batch`.

        `asked` are the orders as the caller asks for them, where their ids hang on the moment.
        """
        content = Content(
            tenant,
            submission_id,
            events.KIND_BATCH,
            await computed(len(orders), digest, asked or orders),
            orders,
            objection=objection,
        )
        return first_states(await self.receiving.take_in(caller, content))

    async def refusal(self, tenant: bytes, order: Order, objection: Objection) -> str:
        """Returns why an order would be refused at once, empty where it would be taken in; nothing is recorded."""
        if flaw := invalidity(order):
            return flaw
        aliases = await self.receiving.identity.resolve(ibans_of([order]))
        pair = sides(tenant, order, aliases)
        return forbiddance(tenant, *pair, order.purpose) or objection(order, pair, aliases)

    async def move_own(self, caller: Caller, submission_id: bytes, orders: Sequence[Order]) -> list[StateView]:
        """Moves the platform's own money, out by the bank or into guarantee; as `take_in`."""
        return await self.take_in(caller, tenant_of(caller), submission_id, orders, without_bank_account)

    async def fund_shortfall(self, caller: Caller, order: Order) -> list[StateView]:
        """Moves the platform's own money to what it owes its clients in a currency; as `take_in`."""
        funding = replace(order, creditor_account=shortfall_account(ledger_of(order.currency)))
        return await self.move_own(caller, order.instruction_id, [funding])


def without_bank_account(order: Order, pair: Sides, aliases: Mapping[str, Alias]) -> str:
    """Returns why an order cannot leave by the bank: the IBAN it is to leave from is none of the tenant's at a bank."""
    if order.purpose not in BY_BANK:
        return ""
    bank, debtor = aliases.get(order.debtor_iban), pair[0]
    is_own = bank is not None and debtor is not None and bank.bank_mirror and bank.tenant == debtor.tenant
    return "" if is_own else reasons.BANK_ACCOUNT_REQUIRED
