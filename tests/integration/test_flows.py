"""Fees, suspense, own money, guarantees and limits, through all services."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from uuid import UUID

import pytest
from ringfence.errors import RingfenceError
from ringfence.flows import Fee, FeeAgreement, OwnPayout, Suspended, entry_id
from ringfence.identity import Alias, require_done
from ringfence.ids import new_id
from ringfence.ledger import AccountClass
from ringfence.payments import Decision
from ringfence_local_stack.sandbox.onboarding import register_ibans
from ringfence_local_stack.scenario import Scenario, messages
from ringfence_local_stack.scenario.account import Account
from ringfence_local_stack.scenario.ibans import new_iban
from ringfence_local_stack.scenario.payment import Payment, Status
from ringfence_local_stack.scenario.platform import Platform
from ringfence_local_stack.scenario.waiting import eventually, fresh

from .posing import unproven


@pytest.fixture
def platform(scenario: Scenario) -> Iterator[Platform]:
    """A platform whose customer Nora has 1,000.00 EUR; audit finds every move over its bank justified."""
    scenario.import_list(["Nobody At All"], "flows")
    made = scenario.platform()
    made.bank.deposit(made.customer("Nora Vale"), 1_000_00)
    yield made
    assert unproven(scenario, made) == []


def own_account(scenario: Scenario, platform: Platform, funds_minor: int) -> Account:
    """Opens an account of the platform's own, and has its own money come in by the bank."""
    account, iban = platform.account(AccountClass.PLATFORM), new_iban()
    register_ibans(platform.client, scenario.operators, platform.id, [Alias(iban, account.id, platform.id)])
    platform.bank.tell(messages.entry(funds_minor, iban, reference=fresh("R")))
    assert account.posted_minor == funds_minor
    return account


def suspended(platform: Platform, amount_minor: int, payer_iban: str) -> Suspended:
    """Has money of nobody come in."""
    reference = fresh("R")
    platform.account(AccountClass.SUSPENSE)
    told = messages.entry(amount_minor, new_iban(), reference=reference, payer_iban=payer_iban)
    assert platform.bank.tell(told).suspended == 1
    identifier = entry_id(platform.id, platform.bank.iban, reference)
    accounts = platform.client.custody.list_accounts()
    (lies,) = [
        each.id for each in accounts if each.account_class is AccountClass.SUSPENSE and each.balances.posted_minor
    ]
    return Suspended(tenant_id=platform.id, entry_id=identifier, suspense_account_id=lies)


def test_an_agreed_fee_is_debited(platform: Platform) -> None:
    """From the client to the account for fees; above the agreement, and onto another class, it is refused."""
    nora, fees = platform.customer("Nora Vale"), platform.account(AccountClass.FEE)
    today = date.today()
    agreement = FeeAgreement(
        id=new_id(),
        client_id=nora.party.id,
        kind="monthly",
        currency="EUR",
        maximum_minor=5_00,
        from_day=today - timedelta(days=1),
        until_day=today + timedelta(days=30),
        document_sha256=b"d" * 32,
    )
    platform.client.flows.agree_fee(agreement)
    assert list(platform.client.flows.fee_agreements()) == [agreement]

    def outcome(amount_minor: int, to: UUID) -> tuple[str, str]:
        fee = Fee(
            id=new_id(),
            agreement_id=agreement.id,
            end_to_end_id=fresh("F"),
            debtor_iban=nora.iban,
            fee_account_id=to,
            amount_minor=amount_minor,
            currency="EUR",
            remittance=fresh("fee"),
        )
        (state,) = platform.client.flows.charge_fees(new_id(), [fee])
        return Payment(platform.client, state.instruction_id).outcome()

    assert outcome(5_00, fees.id) == ("SETTLED", "")
    assert outcome(5_01, fees.id) == ("REJECTED", "FEE_EXCEEDS_AGREEMENT")
    assert outcome(1_00, platform.account(AccountClass.PLATFORM).id) == ("REJECTED", "TRANSFER_FORBIDDEN")
    assert (fees.posted_minor, nora.account.posted_minor) == (5_00, 995_00)
    platform.client.flows.end_fee_agreement(agreement.id)
    assert outcome(1_00, fees.id) == ("REJECTED", "FEE_NOT_AGREED")


def test_suspense_is_cleared_by_two_operators(scenario: Scenario, platform: Platform) -> None:
    """To the client it belongs to; the platform's key may not, nor may one operator alone."""
    first, second = scenario.operators
    nora, lying = platform.customer("Nora Vale"), suspended(platform, 30_00, new_iban())
    with pytest.raises(RingfenceError, match="SCOPE_MISSING"):
        platform.client.flows.allocate_suspense(lying, creditor_iban=nora.iban)
    state = first.flows.allocate_suspense(lying, creditor_iban=nora.iban)
    payment = Payment(platform.client, state.instruction_id)
    assert payment.outcome() == ("HELD", "SECOND_OPERATOR_REQUIRED")
    (alone,) = first.payments.decide([payment.id], Decision.APPROVE, tenant_id=platform.id)
    (own,) = platform.approver.payments.decide([payment.id], Decision.APPROVE)
    assert (alone.reason, own.reason) == ("APPROVER_IS_MAKER", "OPERATOR_REQUIRED")
    second.payments.decide([payment.id], Decision.APPROVE, tenant_id=platform.id)
    payment.wait_for(Status.SETTLED)
    assert nora.account.posted_minor == 1_030_00


def test_blocked_suspense_is_released_by_two_operators(scenario: Scenario, platform: Platform) -> None:
    """A list names the payer: nothing moves before, whoever asks; released, it goes to the client it was meant for."""
    first, second = scenario.operators
    nora, name, reference = platform.customer("Nora Vale"), f"Zora {new_id().hex}", fresh("R")
    scenario.import_list([name])
    told = messages.entry(30_00, nora.iban, reference=reference, payer=name, payer_iban=new_iban())
    assert platform.bank.tell(told).suspended == 1
    entry = entry_id(platform.id, platform.bank.iban, reference)
    (lies,) = [
        each.id for each in platform.client.custody.list_accounts() if each.account_class is AccountClass.SUSPENSE
    ]
    lying = Suspended(tenant_id=platform.id, entry_id=entry, suspense_account_id=lies)
    state = first.flows.suspended(platform.id, entry)
    assert (state.reason, state.blocked, len(state.findings)) == ("PAYER_ON_SANCTIONS_LIST", True, 1)
    for operator in (first, second):
        with pytest.raises(RingfenceError, match="SUSPENSE_BLOCKED"):
            operator.flows.allocate_suspense(lying, creditor_iban=nora.iban)
        with pytest.raises(RingfenceError, match="SUSPENSE_BLOCKED"):
            operator.flows.return_suspense(lying, platform.bank.iban)
    proposal = first.flows.release_suspended(platform.id, entry, b"d" * 32, "born in another century")
    (described,) = second.proposals["payment-instruction"].waiting(platform.id)
    assert described.id == proposal
    assert state.findings[0].finding_sha256.hex() in described.description
    require_done(second.proposals["payment-instruction"].confirm([proposal]))
    with pytest.raises(RingfenceError, match="SUSPENSE_NOT_BLOCKED"):
        first.flows.release_suspended(platform.id, entry, b"d" * 32, "once more")
    payment = Payment(platform.client, first.flows.allocate_suspense(lying, creditor_iban=nora.iban).instruction_id)
    payment.wait_for(Status.HELD)
    second.payments.decide([payment.id], Decision.APPROVE, tenant_id=platform.id)
    payment.wait_for(Status.SETTLED)
    assert nora.account.posted_minor == 1_030_00


def test_suspense_goes_back_to_its_payer(scenario: Scenario, platform: Platform) -> None:
    """By the bank, to the account that it came from."""
    first, second = scenario.operators
    payer_iban = new_iban()
    lying = suspended(platform, 30_00, payer_iban)
    state = first.flows.return_suspense(lying, platform.bank.iban)
    payment = Payment(platform.client, state.instruction_id)
    payment.wait_for(Status.HELD)
    second.payments.decide([payment.id], Decision.APPROVE, tenant_id=platform.id)
    _, sent = platform.bank.sent(payment)
    assert sent.text("CdtrAcct/Id/IBAN") == payer_iban


def test_own_money_comes_in_goes_out_and_guarantees(scenario: Scenario, platform: Platform) -> None:
    """By the bank in and out, and into guarantee inside the book."""
    own, guarantee = own_account(scenario, platform, 500_00), platform.account(AccountClass.GUARANTEE)
    payout = OwnPayout(
        id=new_id(),
        end_to_end_id=fresh("E"),
        platform_account_id=own.id,
        bank_iban=platform.bank.iban,
        creditor_iban=new_iban(),
        creditor_name="The Landlord",
        amount_minor=100_00,
        currency="EUR",
    )
    platform.client.flows.pay_out(payout)
    _, sent = platform.bank.sent(Payment(platform.client, payout.id))
    assert sent.text("CdtrAcct/Id/IBAN") == payout.creditor_iban
    state = platform.client.flows.fund_guarantee(new_id(), fresh("G"), own.id, guarantee.id, 50_00, "EUR")
    assert Payment(platform.client, state.instruction_id).outcome() == ("SETTLED", "")
    assert guarantee.posted_minor == 50_00
    wrong = platform.client.flows.fund_guarantee(
        new_id(), fresh("G"), platform.customer("Nora Vale").account.id, guarantee.id, 1_00, "EUR"
    )
    assert Payment(platform.client, wrong.instruction_id).outcome() == ("REJECTED", "TRANSFER_FORBIDDEN")


def test_sums_of_a_day_and_the_same_payment_again(platform: Platform) -> None:
    """A second payment just below the limit waits, as does one that was ordered before; the maker withdraws it."""
    nora = platform.customer("Nora Vale")
    platform.bank.deposit(nora, 30_000_00)
    ivo = platform.customer("Ivo Marsh")
    assert platform.pay(nora, ivo.iban, ivo.name, 9_999_99).outcome() == ("SETTLED", "")
    held = platform.pay(nora, ivo.iban, ivo.name, 9_999_99)
    assert held.outcome() == ("HELD", "SECOND_APPROVER_REQUIRED")
    (state,) = platform.client.payments.cancel([held.id])
    assert state.status is Status.CANCELLED
    order = platform.order(nora.iban, ivo.iban, ivo.name, 1)
    (first,) = platform.submit([order])
    assert first.outcome() == ("SETTLED", "")
    again = type(order)(**{**vars(order), "id": new_id(), "end_to_end_id": fresh("E")})
    (second,) = platform.submit([again])
    assert second.outcome() == ("HELD", "POSSIBLE_DUPLICATE")
    assert platform.pay(nora, ivo.iban, ivo.name, 40_000_00).outcome() == ("REJECTED", "INSUFFICIENT_FUNDS")
    assert eventually(lambda: ivo.account.posted_minor == 10_000_00, 5)
