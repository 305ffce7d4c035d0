"""The API of the scenario does what it says, on real servers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ringfence.errors import RingfenceError
from ringfence.identity import KycStatus, PrincipalKind
from ringfence.ledger import AccountClass, AccountStatus
from ringfence.payments import InstructionStatus
from ringfence_local_stack.errors import LocalStackError
from ringfence_local_stack.scenario import Platform, Scenario, StillWaiting, fresh, messages, new_iban

DOCUMENT = Path(__file__).parents[2] / "docs" / "scenario.md"


@pytest.fixture(scope="module")
def platform(case_stack: Scenario) -> Platform:
    """A platform with two customers, one of whom has money."""
    platform = case_stack.platform("Nora Vale", "Ivo Marsh")
    platform.bank.deposit(platform.customer("Nora Vale"), 500_00)
    return platform


def test_documented_example_runs(case_stack: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example of docs/scenario.md, as it stands there, comes to its end."""

    @contextmanager
    def private(**options: Any) -> Iterator[Scenario]:
        yield case_stack

    monkeypatch.setattr(Scenario, "private", private)
    (example,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert len(example.strip().splitlines()) <= 12
    exec(compile(example, str(DOCUMENT), "exec"), {})


def test_attached_scenario_sees_the_same_stack(case_stack: Scenario, platform: Platform) -> None:
    """Another process of the owner finds platform, operators and feeds, but owns no part of the stack."""
    with Scenario.attached(case_stack.stack.directory) as attached:
        assert Platform(attached.sandbox, platform.name, "EUR").id == platform.id
        assert attached.regulator.audit.verify_sources()
        with pytest.raises(LocalStackError):
            _ = attached.processes
    assert "custody" in case_stack.processes.parts


def test_party_is_registered_or_verified(case_stack: Scenario, platform: Platform) -> None:
    """A party that is only registered waits for KYC, and so does its account; verified, both are open."""
    party = platform.party("Rosa Lindqvist", verified=False)
    account = platform.account(AccountClass.CLIENT, owner=party, active=False)

    def standing() -> tuple[KycStatus, AccountStatus]:
        (found,) = case_stack.operators[0].identity.parties([party.id], platform.id)
        (opened,) = platform.client.custody.accounts([account.id])
        return found.kyc_status, opened.status

    assert standing() == (KycStatus.SUBMITTED, AccountStatus.PENDING_KYC)
    platform.verify([party])
    (customer,) = platform.enrol([party])
    assert standing()[0] is KycStatus.VERIFIED
    assert platform.bank.deposit(customer, 1_00).credited == 1


@pytest.mark.parametrize(
    "account_class", [each for each in AccountClass if each is not AccountClass.SHORTFALL], ids=lambda each: each.name
)
def test_account_of_each_class_is_opened(platform: Platform, account_class: AccountClass) -> None:
    """An account of every class can be had, with its currency and nothing on it."""
    owner = platform.customer("Nora Vale").party if account_class is AccountClass.CLIENT else None
    opened = platform.account(account_class, owner=owner, currency="CZK")
    assert (opened.account_class, opened.currency) == (account_class, "CZK")
    assert (opened.posted_minor, opened.reserved_minor) == (0, 0)


def test_what_is_short_is_an_account_of_custody_alone(platform: Platform) -> None:
    """Nobody opens the account that stands for what is owed to clients."""
    with pytest.raises(RingfenceError, match="ACCOUNT_RESERVED"):
        platform.account(AccountClass.SHORTFALL, currency="CZK")


def test_bank_answers_a_payment(platform: Platform) -> None:
    """The played bank reads the order, takes it away, and settles or refuses it; what is set aside follows."""
    nora, iban = platform.customer("Nora Vale"), new_iban()
    before = nora.account.posted_minor
    paid, refused = (platform.pay(nora, iban, "Alpha Teal", amount) for amount in (7_00, 9_00))
    assert [each.outcome()[0] for each in (paid, refused)] == ["SENT", "SENT"]
    assert nora.account.reserved_minor == 16_00
    content, sent = platform.bank.sent(paid)
    assert sent.text("IntrBkSttlmAmt") == "7.00"
    assert sent.has("CdtrAcct/Id/IBAN")
    assert sent.message_id.encode() in content
    assert platform.bank.sent(paid)[0] == content
    assert platform.bank.answer(paid, "ACSC") == "archive"
    assert platform.bank.answer(refused, "RJCT", "AC04") == "archive"
    assert paid.wait_for(InstructionStatus.SETTLED).order.amount_minor == 7_00
    assert refused.wait_for(InstructionStatus.FAILED).state.iso_reason_code == "AC04"
    assert (nora.account.posted_minor, nora.account.reserved_minor) == (before - 7_00, 0)


def test_wait_ends_with_what_was_seen(platform: Platform) -> None:
    """A state that does not come in time is named together with the one that is there."""
    payment = platform.pay(platform.customer("Nora Vale"), platform.customer("Ivo Marsh").iban, "Ivo Marsh", 1)
    payment.wait_for(InstructionStatus.SETTLED)
    with pytest.raises(StillWaiting, match=r"SETTLED after 0\.1 s, not FAILED"):
        payment.wait_for(InstructionStatus.FAILED, seconds=0.1)


def test_file_in_the_inbox_goes_where_it_must(platform: Platform) -> None:
    """What can never be read is refused; money that the rail's feed vouches for, and an answer, are archived."""
    nora = platform.customer("Nora Vale")
    deposit = platform.bank.notification(messages.entry(1_00, nora.iban, reference=fresh("R")))
    report = messages.status_report(fresh("M"), [messages.report_row("RJCT", transaction_id="ab" * 16)])
    places = [platform.bank.lay_in(content) for content in (b"<no", report, deposit)]
    assert places == ["refused", "archive", "archive"]


def test_orders_are_handed_in_by_file(platform: Platform) -> None:
    """A pain.001 of two payments becomes two payments, inside the book and to the bank."""
    nora, ivo = platform.customers("Nora Vale", "Ivo Marsh")
    orders = [messages.order(1_00, each, "Somebody", remittance="rent") for each in (ivo.iban, new_iban())]
    answer, payments = platform.submit_file(messages.order_file(nora.iban, orders))
    assert b"<GrpSts>ACTC</GrpSts>" in answer.status_report or b"ACCP" in answer.status_report
    assert [each.outcome()[0] for each in payments] == ["SETTLED", "SENT"]
    assert platform.bank.sent(payments[1])[1].text("RmtInf/Ustrd") == "rent"


def test_two_people_act_together(case_stack: Scenario) -> None:
    """What one operator proposes and the other confirms is done; the proposer alone is not enough."""
    newcomer = case_stack.newcomer(PrincipalKind.OPERATOR)
    done = case_stack.by_two(
        lambda first: first.identity.register_principals([newcomer]),
        lambda second, proposed: [
            *proposed,
            *second.proposals["identity"].confirm([each.proposal_id for each in proposed]),
        ],
    )
    assert [each.reason for each in done] == ["APPROVAL_PENDING", ""]
    assert case_stack.principal(PrincipalKind.BANK_FEED).credentials.principal_id


def test_imported_list_is_in_force(case_stack: Scenario, platform: Platform) -> None:
    """A payment to a name on a list that was just imported is refused."""
    name = f"Listed {fresh()}"
    assert case_stack.import_list([name]) == 1
    ended = platform.pay(platform.customer("Nora Vale"), platform.customer("Ivo Marsh").iban, name, 1).outcome()
    assert ended == ("REJECTED", "SANCTIONS_HIT")


def test_held_payment_waits_for_the_second_person(platform: Platform) -> None:
    """Above the limit of the sandbox a payment rests until somebody decides."""
    nora = platform.customer("Nora Vale")
    platform.bank.deposit(nora, 10_001_00)
    assert platform.pay(nora, new_iban(), "Alpha Teal", 10_001_00).outcome() == ("HELD", "SECOND_APPROVER_REQUIRED")
    assert platform.approver.credentials.tenant_id == platform.id


def test_funded_accounts_have_their_money(platform: Platform) -> None:
    """The importer posts deposits without a bank's word, for tests of the ledger alone."""
    mirror = platform.account(AccountClass.BANK_MIRROR)
    accounts = platform.accounts(AccountClass.CLIENT, [platform.customer("Nora Vale").party] * 3)
    platform.fund(accounts, 42, mirror)
    assert [each.posted_minor for each in (*accounts, mirror)] == [42, 42, 42, -126]
