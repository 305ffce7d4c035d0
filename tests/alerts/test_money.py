"""Money that nobody is known for, shown by its alert until somebody does what the runbook says."""

from __future__ import annotations

from ringfence.ids import new_id
from ringfence.ledger import AccountClass, NewTransfer, Purpose
from ringfence_local_stack.scenario import Platform, Scenario, messages
from ringfence_local_stack.scenario.ibans import new_iban

from deploy.checks.monitoring.prometheus import Prometheus

from .conftest import PAYER

SUSPENDED_MINOR = 70


def test_money_for_nobody(scenario: Scenario, platform: Platform, prometheus: Prometheus) -> None:
    """suspense-lies: an operator finds the account; the book's importer allocates what is in it to whose it is."""
    platform.bank.tell(messages.entry(SUSPENDED_MINOR, new_iban()))
    prometheus.await_firing("RingfenceSuspenseLies")
    accounts = scenario.operators[0].custody.list_accounts(platform.id)
    [suspense] = [each for each in accounts if each.account_class == AccountClass.SUSPENSE]
    client = platform.customer(PAYER).account
    allocation = NewTransfer(
        id=new_id(),
        amount_minor=SUSPENDED_MINOR,
        currency=platform.currency,
        code=Purpose.SUSPENSE_ALLOCATION,
        debit_account_id=suspense.id,
        credit_account_id=client.id,
        user_data_128=new_id(),
    )
    importer = platform.importer.custody
    assert [each.status for each in importer.create_transfers(platform.id, [allocation])] == ["created"]
    prometheus.await_quiet()
