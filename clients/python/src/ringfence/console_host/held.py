"""What a payment that waits is held against: limits with what counts towards them, and the lists that it was put to."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from ringfence_console.beside import Money
from ringfence_console.work import Edition, Limit

from ringfence.client import Client
from ringfence.money import ledger_of
from ringfence.payments import Instruction


def limits_of(client: Client, tenant: UUID, found: Instruction) -> Sequence[Limit]:
    """Gives the limits of its currency, each with what it comes to with this payment; of a day where that is told."""
    order, me = found.order, client.credentials.principal_id
    told = client.limits.get(tenant, [order.currency], debtor_account_id=found.debtor_account_id)
    bounds = next((each for each in told.currencies if each.currency == order.currency), None)
    if bounds is None:
        return ()
    own = [each.maximum_minor for each in told.approvers if (each.approver_id, each.currency) == (me, order.currency)]
    used = next((each for each in told.uses if each.currency == order.currency), None)
    ledger, amount = ledger_of(order.currency), order.amount_minor
    counted: list[tuple[str, int | None, int]] = [
        ("LIMIT_PAYMENT", 0, bounds.payment_minor),
        ("LIMIT_DEBTOR_DAY", used.debtor_day_minor if used else None, bounds.debtor_day_minor),
        ("LIMIT_DAY", used.day_minor if used else None, bounds.day_minor),
        ("LIMIT_APPROVER", used.approver_minor if used else None, min([bounds.approver_minor, *own])),
    ]
    return [
        Limit(name, None if before is None else Money(before + amount, ledger), Money(bound, ledger))
        for name, before, bound in counted
    ]


def screened_by(client: Client) -> Sequence[Edition] | None:
    """Gives the lists in force, by which it would be stopped; None to platforms' people, who are not told."""
    if client.credentials.tenant_id is not None:
        return None
    return [Edition(each.list_name, each.published_ns, each.stale_ns) for each in client.payments.sanctions_lists()]
