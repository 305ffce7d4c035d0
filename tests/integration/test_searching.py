"""What a platform finds in its own book with the SDK, from the services as processes."""

from __future__ import annotations

import pytest
from ringfence.ledger import AccountClass, Purpose, TransferFilter, TransferFlag
from ringfence.payments import InstructionStatus
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.scenario import Platform, eventually, new_iban

from .traffic import PAYERS, Traffic, open_platform


@pytest.fixture(scope="module")
def platform(sandbox: Sandbox) -> Platform:
    """A platform whose clients have paid each other."""
    opened = open_platform(sandbox)
    with Traffic(opened) as traffic:
        traffic.wait_for_more(40)
    traffic.await_all_settled()
    return opened


def test_accounts_are_found_by_time_and_newest_first(platform: Platform) -> None:
    """The accounts of a time range, in either direction, are those of the whole list."""
    custody = platform.client.custody
    accounts = list(custody.list_accounts())
    times = [each.timestamp_ns for each in accounts]
    assert len(accounts) > 3
    assert list(custody.list_accounts(newest_first=True)) == accounts[::-1]
    assert list(custody.list_accounts(from_ns=times[1], until_ns=times[-1])) == accounts[1:-1]
    fees = [each for each in accounts if each.account_class is AccountClass.FEE]
    assert list(custody.list_accounts(account_class=AccountClass.FEE, newest_first=True)) == fees[::-1]


def test_transfers_are_found_by_currency(platform: Platform) -> None:
    """All transfers are in the book's only currency, the newest first; in another there is none."""
    custody = platform.client.custody
    made = list(custody.list_transfers())
    (currency,) = {each.currency for each in made}
    assert list(custody.list_transfers(where=TransferFilter(currency=currency), newest_first=True)) == made[::-1]
    assert list(custody.list_transfers(where=TransferFilter(currency="CZK"))) == []
    payments = TransferFilter(currency=currency, code=Purpose.PAYMENT)
    assert list(custody.list_transfers(where=payments)) == [each for each in made if each.code == Purpose.PAYMENT]


def test_a_statement_shows_reservations_on_request(platform: Platform) -> None:
    """A payment to another bank is reserved before it leaves: a line on request alone, and it moves no balance."""
    payer, _ = platform.customers(*PAYERS)
    custody = platform.client.custody
    before = list(custody.statement(payer.account.id))
    payment = platform.pay(payer, new_iban(), "Mara Holm", 500)
    payment.wait_for(InstructionStatus.SENT)
    assert eventually(lambda: len(list(custody.statement(payer.account.id, include_reservations=True))) > len(before))
    line = next(iter(custody.statement(payer.account.id, newest_first=True, include_reservations=True)))
    assert (line.transfer.amount_minor, line.balance_minor) == (500, before[-1].balance_minor)
    assert line.transfer.flags & TransferFlag.PENDING
    assert list(custody.statement(payer.account.id)) == before
