"""Custody hears late how clients stand: nobody is refused for what was, and everybody else's money moves."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from ringfence.identity import Alias, KycDecision, KycStatus, require_done
from ringfence.ledger import AccountClass, AccountStatus
from ringfence.payments import InstructionStatus
from ringfence_local_stack.processes.ways import Ways
from ringfence_local_stack.sandbox.onboarding import await_status, register_ibans
from ringfence_local_stack.scenario import Platform, Scenario, eventually, new_iban
from ringfence_local_stack.scenario.people import Customer

from .conftest import PATIENCE
from .test_clients import block

SECONDS = 30.0


@dataclass(frozen=True)
class Town:
    """A platform whose custody reaches identity by a way that can be cut."""

    scenario: Scenario
    ways: Ways


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    """A stack of its own."""
    with Ways() as ways, Scenario.private(patience=PATIENCE) as scenario:
        stack = scenario.processes
        port = int(stack.running.listens["identity"].rpartition(":")[2])
        settings = stack.running.service_settings["custody"]
        assert isinstance(settings, dict)
        settings["RINGFENCE_IDENTITY_ADDRESS"] = ways.to("identity", port)
        stack.restart("custody")
        yield Town(scenario, ways)


def release(scenario: Scenario, platform: Platform, customer: Customer) -> None:
    """Has two operators release a client, and verifies him."""
    first, second = scenario.operators
    decision = KycDecision(party_id=customer.party.id, to=KycStatus.REVIEW, note="another person of this name")
    (proposed,) = first.identity.decide_kyc(platform.id, [decision])
    assert proposed.proposal_id is not None
    require_done(second.proposals["identity"].confirm([proposed.proposal_id]))
    verify(scenario, platform, customer)


def verify(scenario: Scenario, platform: Platform, customer: Customer) -> None:
    """Verifies a client."""
    decision = KycDecision(party_id=customer.party.id, to=KycStatus.VERIFIED, note="checked")
    require_done(scenario.operators[0].identity.decide_kyc(platform.id, [decision]))


def test_a_released_clients_payments_wait_for_custody(town: Town) -> None:
    """payment-instruction has heard of the release first: his payment and deposit wait, and then are as he stands."""
    scenario = town.scenario
    platform = scenario.platform("Nora Vale", "Ivo Marsh", "Ada Lund")
    nora, ivo, ada = platform.customers("Nora Vale", "Ivo Marsh", "Ada Lund")
    platform.account(AccountClass.SUSPENSE)
    for each in (nora, ivo):
        platform.bank.deposit(each, 10_00)
    block(scenario, platform, nora.party.id)
    await_status(platform.client, platform.id, [nora.account.id], AccountStatus.FROZEN)
    waiting = [platform.pay(nora, ivo.iban, ivo.name, 1_00), platform.pay(ivo, nora.iban, nora.name, 3_00)]
    stopped = {"DEBTOR_NOT_ADMITTED", "CREDITOR_BLOCKED"}
    assert eventually(lambda: {each.look().state.reason for each in waiting} == stopped, SECONDS)
    town.ways.cut("identity")
    with ExitStack() as ending:
        depositing = ending.enter_context(ThreadPoolExecutor(1))
        ending.callback(town.ways.mend, "identity")
        release(scenario, platform, nora)
        unsettled = {"OWNER_STANDING_UNSETTLED"}
        assert eventually(lambda: {each.look().state.reason for each in waiting} == unsettled, SECONDS)
        platform.pay(ivo, ada.iban, ada.name, 2_00).wait_for(InstructionStatus.SETTLED, seconds=SECONDS)
        scenario.processes.restart("payment-instruction")
        deposit = depositing.submit(platform.bank.deposit, nora, 5_00)
        waiting.append(platform.pay(nora, ada.iban, ada.name, 4_00))
        assert eventually(lambda: {each.look().state.reason for each in waiting} == unsettled, SECONDS)
    for each in waiting:
        each.wait_for(InstructionStatus.SETTLED, seconds=SECONDS)
    assert (deposit.result().credited, nora.account.posted_minor) == (1, 13_00)


def test_who_was_just_verified_is_paid_once_custody_has_heard_it(town: Town) -> None:
    """A first verification, followed by a payment at once; of whom nothing was said a payment is refused for good."""
    scenario = town.scenario
    platform = scenario.platform("Ivo Marsh")
    ivo = platform.customer("Ivo Marsh")
    platform.bank.deposit(ivo, 10_00)
    parties = [platform.party(name, verified=False) for name in ("Nora Vale", "Ada Lund")]
    accounts = [platform.account(AccountClass.CLIENT, owner=each, active=False) for each in parties]
    nora, ada = (Customer(*both, new_iban()) for both in zip(parties, accounts, strict=True))
    aliases = [Alias(each.iban, each.account.id, each.party.id) for each in (nora, ada)]
    register_ibans(platform.client, scenario.operators, platform.id, aliases)
    assert platform.pay(ivo, ada.iban, ada.name, 1_00).outcome() == ("REJECTED", "CREDITOR_ACCOUNT_BLOCKED")
    town.ways.cut("identity")
    try:
        platform.verify([nora.party])
        payment = platform.pay(ivo, nora.iban, nora.name, 2_00)
        assert eventually(lambda: payment.look().state.reason == "OWNER_STANDING_UNSETTLED", SECONDS)
    finally:
        town.ways.mend("identity")
    payment.wait_for(InstructionStatus.SETTLED, seconds=SECONDS)
    assert nora.account.posted_minor == 2_00
