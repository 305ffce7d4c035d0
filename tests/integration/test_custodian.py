"""The custodian's pages over real services: what people see, sign, and are refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ringfence.console_host.host import host_of
from ringfence.console_host.parts import SdkParts
from ringfence.console_host.work import SdkDays, SdkWork
from ringfence.errors import RingfenceError
from ringfence.identity import PrincipalKind
from ringfence.payments import Decision, InstructionStatus
from ringfence.remembered import Remembered
from ringfence_console.ports import NotThere, Refused
from ringfence_console.work import Item, State, Subject, Words
from ringfence_local_stack.scenario import Payment, Platform, Scenario
from ringfence_local_stack.scenario.waiting import eventually

BEFORE, LARGE = 100_000_00, 50_000_00


@pytest.fixture(scope="module")
def platform(scenario: Scenario) -> Platform:
    """A platform with a client who has money, and one who gets it."""
    made = scenario.platform("Nora Vale", "Ivo Marsh")
    made.bank.deposit(made.customer("Nora Vale"), BEFORE)
    return made


def held(platform: Platform, amount_minor: int = LARGE) -> Payment:
    """Has a payment wait for the second person."""
    payer, payee = platform.customer("Nora Vale"), platform.customer("Ivo Marsh")
    payment = platform.pay(payer, payee.iban, payee.name, amount_minor)
    payment.wait_for(InstructionStatus.HELD)
    return payment


def ended(payment: Payment) -> tuple[str, str]:
    """Returns how a payment has ended: right after a decision it may still stand as it stood."""
    state = payment.wait_for(*(each for each in InstructionStatus if each.is_end)).state
    return state.status.name, state.reason


def item_of(work: SdkWork, payment: Payment) -> Item:
    """Finds it in the list."""
    (found,) = [each for each in work.items() if each.key.endswith(str(payment.id))]
    return found


def test_a_second_person_signs_what_was_reviewed(platform: Platform) -> None:
    """It stands in the list with its amount; the balance after it is what the book then has."""
    payment, work = held(platform), SdkWork(platform.approver)
    item = item_of(work, payment)
    assert (item.subject, item.reason) == (Subject.PAYMENT, "SECOND_APPROVER_REQUIRED")
    assert item.money is not None
    assert item.money.minor == LARGE
    matter = work.matter(item.subject, item.key)
    assert matter.balance is not None
    assert (matter.balance.now.minor, matter.balance.after.minor) == (BEFORE, BEFORE - LARGE)
    assert matter.details["payee"] == "Ivo Marsh"
    done = work.send(work.command(matter, "approve", Words("seen")))
    assert ended(payment) == ("SETTLED", "")
    assert done.matter is not None
    assert done.matter.details["approved_by"] == platform.approver.credentials.principal_id
    assert platform.customer("Nora Vale").account.posted_minor == BEFORE - LARGE


def test_a_maker_is_offered_nothing_and_refused_anyway(platform: Platform, scenario: Scenario) -> None:
    """An operator sees the same payment, and that it cannot be paid, for another has taken the money."""
    payment, other, own = held(platform, 30_000_00), held(platform, 25_000_00), SdkWork(platform.client)
    platform.approver.payments.decide([other.id], Decision.APPROVE)
    assert ended(other) == ("SETTLED", "")
    matter = own.matter(Subject.PAYMENT, f"{platform.id}.{payment.id}")
    assert (matter.offers, matter.objection) == ((), "APPROVER_IS_MAKER")
    with pytest.raises(Refused) as refusal:
        own.send(own.command(matter, "approve", Words()))
    assert refusal.value.reason in ("APPROVER_IS_MAKER", "SCOPE_MISSING")
    operators = SdkWork(scenario.operators[0])
    seen = operators.matter(Subject.PAYMENT, item_of(operators, payment).key)
    assert seen.balance is not None
    assert not seen.balance.is_enough
    assert seen.standing["payable"] == "NO"
    operators.send(operators.command(seen, "refuse", Words("not the money")))
    assert ended(payment) == ("REJECTED", "APPROVAL_REFUSED")


def is_refused(read: Callable[[], object]) -> bool:
    """Tells whether somebody may not even look: each service hears of a suspension by itself, within seconds."""
    try:
        read()
    except RingfenceError:
        return True
    return False


def test_whoever_is_suspended_signs_nothing(platform: Platform, scenario: Scenario) -> None:
    """Though he has the command before him."""
    payment = held(platform, 10_001_00)
    other = scenario.principal(PrincipalKind.PLATFORM_APPROVER, platform=platform)
    work = SdkWork(other)
    matter = work.matter(Subject.PAYMENT, item_of(work, payment).key)
    command = work.command(matter, "approve", Words())
    scenario.operators[0].identity.suspend_principals([other.credentials.principal_id], "left the company")
    assert eventually(lambda: is_refused(lambda: other.payments.instructions([payment.id])))
    with pytest.raises(Refused) as refusal:
        work.send(command)
    assert refusal.value.reason in ("PRINCIPAL_SUSPENDED", "PRINCIPAL_NOT_ACTIVE")
    assert payment.look().state.status is InstructionStatus.HELD


def test_a_proposal_is_confirmed_by_another_operator(scenario: Scenario) -> None:
    """Its proposer may withdraw it alone; once decided it is gone."""
    first, second = scenario.operators
    (result,) = first.identity.register_principals([scenario.newcomer(PrincipalKind.PLATFORM)])
    key = f"identity.{result.proposal_id}"
    proposers, others = SdkWork(first), SdkWork(second)
    assert [each.act for each in proposers.matter(Subject.PROPOSAL, key).offers] == ["withdraw"]
    matter = others.matter(Subject.PROPOSAL, key)
    assert [each.act for each in matter.offers] == ["confirm", "refuse"]
    with pytest.raises(Refused) as refusal:
        proposers.send(proposers.command(matter, "confirm", Words()))
    assert refusal.value.reason == "SECOND_PERSON_REQUIRED"
    assert others.send(others.command(matter, "confirm", Words())).result == "CONFIRMED"
    with pytest.raises(NotThere):
        others.matter(Subject.PROPOSAL, key)


def test_nobody_opens_what_is_not_his(scenario: Scenario, platform: Platform) -> None:
    """Neither another platform's payment, nor what no address names."""
    payment = held(platform, 10_002_00)
    work = SdkWork(scenario.platform("Eva Stone").approver)
    for subject, key in (
        (Subject.PAYMENT, f"{platform.id}.{payment.id}"),
        (Subject.PAYMENT, "nonsense"),
        (Subject.BREAK, str(payment.id)),
        (Subject.DAY, f"{platform.id}.EUR.2026-13-99.payment-services"),
        (Subject.PROPOSAL, f"nobody.{payment.id}"),
    ):
        with pytest.raises((NotThere, Refused)):
            work.matter(subject, key)
    assert work.items() == []


def test_days_and_parts_are_seen(scenario: Scenario, platform: Platform) -> None:
    """Every service has somebody who leads and says how it is; what is not told to a platform's people is named."""
    operator = scenario.operators[0]
    health = SdkParts(operator).health()
    assert {each.service for each in health.processes if each.state is State.LEADS} == {
        "identity",
        "custody",
        "payment-instruction",
        "audit",
    }
    assert platform.id in {each.tenant_id for each in health.feeds}
    told = [each.figures for each in health.processes if each.figures is not None]
    assert len(told) == len(health.processes)
    for each in told:
        assert {name: each.checks[name] for name in ("database", "vault", "nats")} == {
            "database": "",
            "vault": "",
            "nats": "",
        }
        assert each.certificate_seconds is not None
        assert each.certificate_seconds > 0
    assert {lag.source for each in told for lag in each.lags} >= {"identity", "custody"}
    assert health.unseen == ()
    assert "VAULT" in SdkParts(platform.approver).health().unseen
    assert health.own_certificate_until_ns > 0
    days = SdkDays(operator).days()
    assert list(days) == sorted(days, key=lambda each: (-each.day.toordinal(), each.key))


def test_a_host_has_the_pages_of_its_persons_role(scenario: Scenario, platform: Platform, tmp_path_factory) -> None:
    """A regulator acts on nothing, and an operator reads no log."""
    remembered, key = Remembered(tmp_path_factory.mktemp("remembered")), scenario.sandbox.log_key()
    regulator = host_of(scenario.regulator, key, remembered, None)
    assert (regulator.reads_log, regulator.work, regulator.reader.role) == (True, None, "REGULATOR")
    for somebody in (scenario.operators[0], platform.approver):
        host = host_of(somebody, key, remembered, None)
        assert not host.reads_log
        assert host.work is not None
