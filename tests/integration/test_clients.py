"""What is known of clients, from their registration to their erasure, on the whole platform."""

from __future__ import annotations

import json
from hashlib import sha256
from uuid import UUID

import grpc
from ringfence.identity import Alias, AliasAction, ItemResult, KycDecision, KycStatus, require_done
from ringfence.ledger import AccountClass, AccountStatus
from ringfence.payments import InstructionStatus
from ringfence_local_stack.sandbox.onboarding import agree, await_status
from ringfence_local_stack.scenario import Platform, Scenario, messages, new_iban
from ringfence_local_stack.scenario.people import Customer
from ringfence_protos.identity.v1 import identity_pb2, identity_pb2_grpc

from .asking import resolved


def reasons(results: list[ItemResult]) -> list[str]:
    """Returns how each item ended."""
    return [each.reason for each in results]


def erased(scenario: Scenario, platform: Platform, party: UUID) -> ItemResult:
    """Has two operators erase a client; returns what the first was answered."""
    first, second = scenario.operators
    (result,) = first.identity.erase_parties(platform.id, [party])
    if result.proposal_id:
        agree(second, [result])
    return result


def block(scenario: Scenario, platform: Platform, party: UUID) -> None:
    """Blocks a client as the service that screens does."""
    stack = scenario.stack
    certificate = stack.issue_service_certificate("payment-instruction")
    tls = grpc.ssl_channel_credentials(
        stack.workload_ca_file.read_bytes(), certificate.key.read_bytes(), certificate.certificate.read_bytes()
    )
    hit = identity_pb2.PartyBlock(
        tenant_id=platform.id.bytes,
        party_id=party.bytes,
        list_reference="demo 1",
        entry_sha256=bytes(32),
        evidence_sha256=bytes(32),
    )
    with grpc.secure_channel(stack.addresses["identity"], tls, [("grpc.ssl_target_name_override", "identity")]) as to:
        request = identity_pb2.BlockPartiesRequest(blocks=[hit])
        (result,) = identity_pb2_grpc.PartyServiceStub(to).BlockParties(request, timeout=30).results
    assert result.reason == ""


def test_an_ibans_owner_is_the_owner_of_its_account(scenario: Scenario) -> None:
    """Another client's account, the platform's own for a client, a client's for the platform: none is taken."""
    platform = scenario.platform("Nora Vale", "Ivo Marsh")
    nora, ivo = platform.customers("Nora Vale", "Ivo Marsh")
    own = platform.account(AccountClass.PLATFORM)
    suspense = platform.account(AccountClass.SUSPENSE)
    other = scenario.platform("Nora Vale").customer("Nora Vale")

    def claimed(account: UUID, owner: UUID | None) -> str:
        (result,) = platform.client.identity.register_aliases([Alias(new_iban(), account, owner)])
        return result.reason

    wrong = [(ivo.account.id, nora.party.id), (own.id, nora.party.id), (nora.account.id, None), (suspense.id, None)]
    wrong += [(other.account.id, nora.party.id), (platform.bank.mirror.id, None), (nora.party.id, nora.party.id)]
    assert {claimed(*each) for each in wrong} == {"ACCOUNT_NOT_OWNED"}
    assert claimed(nora.account.id, nora.party.id) == claimed(own.id, None) == "PENDING"


def test_a_claim_on_a_taken_iban_is_answered_as_any_other(scenario: Scenario) -> None:
    """A second platform learns nothing, gets nothing, and money for the IBAN goes where it went before."""
    first, second = scenario.platform("Nora Vale"), scenario.platform("Ivo Marsh")
    nora, ivo = first.customer("Nora Vale"), second.customer("Ivo Marsh")
    claims = [Alias(iban, ivo.account.id, ivo.party.id) for iban in (nora.iban, new_iban())]
    for _ in range(2):
        taken, free = second.client.identity.register_aliases(claims)
        assert taken == free == ItemResult("PENDING")
    assert resolved(scenario.stack, nora.iban).account_id == nora.account.id.bytes
    first.bank.deposit(nora, 7_00)
    assert (nora.account.posted_minor, ivo.account.posted_minor) == (7_00, 0)
    operator = scenario.operators[0].identity
    refused = operator.change_aliases(second.id, AliasAction.CONFIRM, {nora.iban: ivo.party.id}, bytes(32))
    assert reasons(refused) == ["IBAN_TAKEN"]


def test_two_operators_remove_and_move_an_iban(scenario: Scenario) -> None:
    """Moved on a document, an IBAN stands for the other account at once; removed, for none, and is free again."""
    platform = scenario.platform("Nora Vale", "Ivo Marsh")
    nora, ivo = platform.customers("Nora Vale", "Ivo Marsh")
    first, second = scenario.operators
    platform.client.identity.register_aliases([Alias(nora.iban, ivo.account.id, ivo.party.id)])
    document = sha256(b"a letter of both").digest()
    moved = first.identity.change_aliases(platform.id, AliasAction.MOVE, {nora.iban: ivo.party.id}, document)
    agree(second, moved)
    assert resolved(scenario.stack, nora.iban).account_id == ivo.account.id.bytes
    agree(second, first.identity.change_aliases(platform.id, AliasAction.REMOVE, {nora.iban: ivo.party.id}, document))
    assert not resolved(scenario.stack, nora.iban).found
    again = [Alias(nora.iban, nora.account.id, nora.party.id)]
    assert reasons(platform.client.identity.register_aliases(again)) == ["PENDING"]
    agree(second, first.identity.change_aliases(platform.id, AliasAction.CONFIRM, {nora.iban: nora.party.id}, document))
    assert resolved(scenario.stack, nora.iban).account_id == nora.account.id.bytes


def test_the_banks_word_confirms_a_claim(scenario: Scenario) -> None:
    """The first deposit reaches the client whom the bank names with the IBAN; with another name it waits apart."""
    platform = scenario.platform("Nora Vale")
    party = platform.party("Ugo  Féron")
    account = platform.account(AccountClass.CLIENT, owner=party)
    iban = new_iban()
    assert reasons(platform.client.identity.register_aliases([Alias(iban, account.id, party.id)])) == ["PENDING"]
    platform.account(AccountClass.SUSPENSE)
    answer = platform.bank.tell(messages.entry(1_00, iban, holder="Somebody Else"))
    assert (answer.credited, answer.suspended) == (0, 1)
    answer = platform.bank.tell(messages.entry(5_00, iban, holder="UGO FÉRON"))
    assert (answer.credited, answer.suspended, account.posted_minor) == (1, 0, 5_00)
    assert reasons(platform.client.identity.register_aliases([Alias(iban, account.id, party.id)])) == [""]


def test_a_blocked_clients_accounts_are_held_until_two_release_him(scenario: Scenario) -> None:
    """Nothing moves on his accounts, also on one opened later; released and verified, what waited goes on."""
    platform = scenario.platform("Nora Vale", "Ivo Marsh")
    nora, ivo = platform.customers("Nora Vale", "Ivo Marsh")
    platform.bank.deposit(nora, 10_00)
    platform.bank.deposit(ivo, 10_00)
    platform.account(AccountClass.SUSPENSE)
    block(scenario, platform, nora.party.id)
    await_status(platform.client, platform.id, [nora.account.id], AccountStatus.FROZEN)
    later = platform.account(AccountClass.CLIENT, owner=nora.party, active=False)
    await_status(platform.client, platform.id, [later.id], AccountStatus.FROZEN)
    waiting = [platform.pay(nora, ivo.iban, ivo.name, 1_00), platform.pay(ivo, nora.iban, nora.name, 3_00)]
    stopped = [("SCREENED", "DEBTOR_NOT_ADMITTED"), ("SCREENED", "CREDITOR_BLOCKED")]
    assert [each.outcome(seconds=2) for each in waiting] == stopped
    assert (nora.account.posted_minor, ivo.account.posted_minor) == (10_00, 10_00)
    first, second = scenario.operators
    release = [KycDecision(party_id=nora.party.id, to=KycStatus.REVIEW, note="another person of this name")]
    (proposed,) = first.identity.decide_kyc(platform.id, release)
    assert proposed.proposal_id is not None
    require_done(second.proposals["identity"].confirm([proposed.proposal_id]))
    verified = [KycDecision(party_id=nora.party.id, to=KycStatus.VERIFIED, note="another person of this name")]
    require_done(first.identity.decide_kyc(platform.id, verified))
    await_status(platform.client, platform.id, [nora.account.id, later.id])
    for each in waiting:
        each.wait_for(InstructionStatus.SETTLED)
    assert (nora.account.posted_minor, ivo.account.posted_minor) == (12_00, 8_00)


def test_nobody_is_erased_while_something_stands_against_it(scenario: Scenario) -> None:
    """Money, a reservation, a payment under way and an order are named; with nothing left two erase him for good."""
    platform = scenario.platform("Nora Vale", "Ivo Marsh")
    nora, ivo = platform.customers("Nora Vale", "Ivo Marsh")
    platform.bank.deposit(nora, 9_00)
    operator = scenario.operators[0].identity
    require_done(operator.set_legal_hold(platform.id, [nora.party.id], "7 Cs 12/26"))
    result = erased(scenario, platform, nora.party.id)
    assert (result.reason, result.metadata) == ("ERASURE_REFUSED", {"causes": "BALANCE,LEGAL_HOLD"})
    agree(scenario.operators[1], operator.set_legal_hold(platform.id, [nora.party.id], "7 Cs 12/26", held=False))
    assert platform.pay(nora, ivo.iban, ivo.name, 9_00).outcome()[0] == "SETTLED"
    assert erased(scenario, platform, nora.party.id).reason == "APPROVAL_PENDING"
    register = scenario.stack.directory / "erased" / "erased" / nora.party.id.hex
    assert json.loads(register.read_text())["tenant"] == platform.id.hex
    assert platform.client.identity.parties([nora.party.id])[0].erased


def test_nothing_is_paid_to_an_erased_client(scenario: Scenario) -> None:
    """A payment to his IBAN is refused by name, a deposit waits apart, and nobody else ever gets the IBAN."""
    platform = scenario.platform("Nora Vale", "Ivo Marsh")
    nora, ivo = platform.customers("Nora Vale", "Ivo Marsh")
    platform.account(AccountClass.SUSPENSE)
    platform.bank.deposit(ivo, 9_00)
    assert erased(scenario, platform, nora.party.id).reason == "APPROVAL_PENDING"
    assert platform.pay(ivo, nora.iban, nora.name, 1_00).outcome() == ("REJECTED", "SUBJECT_ERASED")
    answer = platform.bank.deposit(Customer(nora.party, nora.account, nora.iban), 1_00)
    assert (answer.credited, answer.suspended) == (0, 1)
    claim = [Alias(nora.iban, ivo.account.id, ivo.party.id)]
    assert reasons(platform.client.identity.register_aliases(claim)) == ["PENDING"]
    operator = scenario.operators[0].identity
    for action in (AliasAction.CONFIRM, AliasAction.MOVE):
        refused = operator.change_aliases(platform.id, action, {nora.iban: ivo.party.id}, bytes(32))
        assert reasons(refused) == ["IBAN_TAKEN"]
