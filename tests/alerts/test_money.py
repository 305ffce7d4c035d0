"""Money that nobody is known for, or without a place, shown by its alert until somebody does what the runbook says."""

from __future__ import annotations

from ringfence.ids import new_id
from ringfence.ledger import AccountClass, NewTransfer, Purpose
from ringfence_local_stack.scenario import Platform, Scenario, messages
from ringfence_local_stack.scenario.account import Account
from ringfence_local_stack.scenario.ibans import new_iban
from ringfence_local_stack.scenario.waiting import fresh

from deploy.checks.monitoring.prometheus import Prometheus

from .conftest import PAYEE, PAYER, lines

SUSPENDED_MINOR = 70
REVERSED_MINOR = 30


def allocate(platform: Platform, client: Account) -> None:
    """Finds the book's suspense account, and has its importer move what lies there to whose it is."""
    accounts = platform.sandbox.operators[0].custody.list_accounts(platform.id)
    [suspense] = [each for each in accounts if each.account_class == AccountClass.SUSPENSE]
    allocation = NewTransfer(
        id=new_id(),
        amount_minor=SUSPENDED_MINOR,
        currency=platform.currency,
        code=Purpose.SUSPENSE_ALLOCATION,
        debit_account_id=suspense.id,
        credit_account_id=client.id,
        user_data_128=platform.id,
    )
    importer = platform.importer.custody
    assert [each.status for each in importer.create_transfers(platform.id, [allocation])] == ["created"]


def test_money_for_nobody(platform: Platform, prometheus: Prometheus) -> None:
    """suspense-lies: an operator finds the account; the book's importer allocates what is in it to whose it is."""
    platform.bank.tell(messages.entry(SUSPENDED_MINOR, new_iban()))
    prometheus.await_firing("RingfenceSuspenseLies")
    allocate(platform, platform.customer(PAYER).account)
    prometheus.await_quiet()


def test_money_without_a_place(scenario: Scenario, prometheus: Prometheus) -> None:
    """deposits-wait, book-account-missing: the log names lane and reason; where the account is opened money lies."""
    bare = scenario.platform(banked=False)
    bare.bank.tell(messages.entry(SUSPENDED_MINOR, new_iban()))
    prometheus.await_firing("RingfenceDepositsWait")
    assert bare.bank.holds_minor == 0
    [line] = lines(scenario, "payment-instruction", event="work_waits", lane="deposits")
    assert line["reason"] == "BOOK_ACCOUNT_MISSING"
    bare.account(AccountClass.SUSPENSE)
    prometheus.await_firing("RingfenceSuspenseLies", beside=["RingfenceDepositsWait"])
    allocate(bare, bare.customer(PAYEE).account)
    prometheus.await_quiet()


def test_a_deposit_that_the_bank_takes_back(platform: Platform, prometheus: Prometheus) -> None:
    """shortfall: the client has paid it on; the platform owes it, until it has paid that in of its own money."""
    own, payee, reference = platform.account(AccountClass.PLATFORM), platform.customer(PAYEE), fresh("R")
    platform.fund([own], REVERSED_MINOR, platform.bank.mirror)
    platform.bank.tell(messages.entry(REVERSED_MINOR, payee.iban, reference=reference))
    paid = platform.pay(payee, platform.customer(PAYER).iban, PAYER, REVERSED_MINOR)
    assert paid.outcome() == ("SETTLED", "")
    platform.bank.tell(
        messages.entry(REVERSED_MINOR, payee.iban, reference=f"{reference}-2", incoming=False, reversal=True)
    )
    prometheus.await_firing("RingfenceShortfall")
    platform.client.flows.fund_shortfall(new_id(), fresh("S"), own.id, REVERSED_MINOR, platform.currency)
    prometheus.await_quiet()
