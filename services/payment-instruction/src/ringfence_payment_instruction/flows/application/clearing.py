"""Clearing suspense: money goes to whom it belongs, or back to its payer. Two operators decide each time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.values.money import currency
from ringfence_kernel.writing.writer import Unit

from ringfence_payment_instruction.deposits.domain.errors import SuspendedEntryUnknown
from ringfence_payment_instruction.deposits.domain.suspended import MOST_ATTEMPTS, SuspendedEntry, clearing_id
from ringfence_payment_instruction.flows.application.ordering import Ordering, without_bank_account
from ringfence_payment_instruction.flows.domain.errors import PayerUnknown, SuspenseAttempts, SuspenseBlocked
from ringfence_payment_instruction.submissions.application.submissions import Submissions
from ringfence_payment_instruction.submissions.application.views import StateView
from ringfence_payment_instruction.submissions.domain.orders import Order, OrderPurpose
from ringfence_payment_instruction.submissions.domain.past import Asked, submission_key
from ringfence_payment_instruction.submissions.domain.reasons import iso_reason
from ringfence_payment_instruction.submissions.domain.status import CAME_TO_NOTHING, Status
from ringfence_payment_instruction.submissions.domain.submission import Submission

OWN_ATTEMPTS = 8
"""How often so by one operator's orders: nobody alone locks an entry."""
LONGEST_END_TO_END_ID = 35


class Suspense(Protocol):
    """What lies in suspense."""

    async def find(self, tenant: bytes, entry: bytes) -> SuspendedEntry | None:
        """Returns a tenant's entry in suspense as the lists of now see it, None where there is none.

        Raises KeysUnavailable, IdentityUnavailable, ClientNotIndexed.
        """


class Named(NamedTuple):
    """Whose money is cleared: the tenant, the bank's entry, and the account in the book where it lies."""

    tenant: bytes
    entry: bytes
    suspense_account: bytes


@dataclass(frozen=True, slots=True)
class Clearing:
    """Takes in what operators decide about suspense: each entry whole, and once."""

    submissions: Submissions
    ordering: Ordering
    suspense: Suspense

    async def allocate(self, caller: Caller, named: Named, creditor_iban: str, platform_account: bytes) -> StateView:
        """Gives money to whom it belongs: to a client by IBAN, or to an account of the platform's own.

        Raises SuspendedEntryUnknown, SuspenseBlocked, SuspenseAttempts, as `Suspense.find`, and as `submit_batch`:
        SubmissionConflict where something else was done about the entry.
        """
        order = self._order(await self._entry(named), named, OrderPurpose.SUSPENSE_ALLOCATION)
        order = replace(order, creditor_iban=creditor_iban, creditor_account=platform_account or ZERO_ID)
        return await self._once(caller, named, order)

    async def give_back(self, caller: Caller, named: Named, bank_iban: str) -> StateView:
        """Returns money to its payer's account by the bank; raises as `allocate`, and PayerUnknown."""
        entry = await self._entry(named)
        if not (entry.payer_iban and entry.payer_name):
            raise PayerUnknown
        order = self._order(entry, named, OrderPurpose.SUSPENSE_RETURN)
        order = replace(order, creditor_iban=entry.payer_iban, creditor_name=entry.payer_name)
        return await self._once(caller, named, replace(order, debtor_iban=bank_iban))

    async def _entry(self, named: Named) -> SuspendedEntry:
        entry = await self.suspense.find(named.tenant, named.entry)
        if entry is None:
            raise SuspendedEntryUnknown
        if entry.is_blocked:
            raise SuspenseBlocked
        return entry

    def _order(self, entry: SuspendedEntry, named: Named, purpose: OrderPurpose) -> Order:
        return Order(
            instruction_id=ZERO_ID,
            end_to_end_id=entry.reference[:LONGEST_END_TO_END_ID],
            debtor_iban="",
            creditor_iban="",
            creditor_name="",
            amount_minor=entry.amount_minor,
            currency=currency(entry.ledger).alpha,
            purpose=purpose,
            debtor_account=named.suspense_account,
            # Whoever the bank named is looked at by the lists of the day on which the money goes on.
            debtor_name=entry.payer_name if purpose is OrderPurpose.SUSPENSE_ALLOCATION else "",
            parties=entry.parties,
            mandate=entry.id,
        )

    async def _once(self, caller: Caller, named: Named, order: Order) -> StateView:
        identifier = await self._free_id(named._replace(entry=order.mandate), caller.subject)
        refusal = await self.ordering.refusal(
            named.tenant, replace(order, instruction_id=identifier), without_bank_account
        )
        if refusal and self.submissions.state.handed_in(named.tenant, identifier) is None:
            # Nothing is recorded: what can never be done uses no attempt.
            return StateView(identifier, Status.REJECTED, refusal, iso_reason(refusal))
        orders = [replace(order, instruction_id=identifier)]
        (view,) = await self.ordering.take_in(caller, named.tenant, identifier, orders, without_bank_account)
        return view

    async def _free_id(self, named: Named, operator: bytes) -> bytes:
        """Returns the id under which nothing was done about an entry, or what was done has not come to nothing."""
        ids = [clearing_id(named.tenant, named.entry, attempt) for attempt in range(MOST_ATTEMPTS)]

        def command(unit: Unit) -> bytes:
            own = 0
            for each in ids:
                found = self.submissions.state.handed_in(named.tenant, each)
                if not isinstance(found, Submission) or found.statuses[0] not in CAME_TO_NOTHING:
                    if own >= OWN_ATTEMPTS and found is None:
                        raise SuspenseAttempts
                    return each
                own += found.received.maker == operator
            raise SuspenseAttempts

        asked = Asked(submissions=[submission_key(named.tenant, each) for each in ids])
        return await self.submissions.knowing(asked, command)
