"""Money in suspense goes back to its payer by the console, over real services; what a list has blocked does not."""

from __future__ import annotations

from uuid import UUID

import pytest
from ringfence.console_host.work import SdkWork
from ringfence.ids import new_id
from ringfence.ledger import AccountClass
from ringfence_console.acts import Acts, Changed
from ringfence_console.beside import Money
from ringfence_console.ports import Refused
from ringfence_console.work import Item, Subject, Words
from ringfence_local_stack.scenario import Payment, Platform, Scenario, fresh, messages, new_iban
from ringfence_local_stack.scenario.waiting import eventually


def came(platform: Platform, work: SdkWork, payer: str = "Fiona Example") -> Item:
    """Has money of nobody come in, and finds it among the work."""
    before = {each.key for each in of(work, platform, Subject.SUSPENSE)}
    platform.account(AccountClass.SUSPENSE)
    told = messages.entry(30_00, new_iban(), reference=fresh("R"), payer_iban=new_iban(), payer=payer)
    assert platform.bank.tell(told).suspended == 1
    (item,) = [each for each in of(work, platform, Subject.SUSPENSE) if each.key not in before]
    return item


def of(work: SdkWork, platform: Platform, subject: Subject) -> list[Item]:
    """Gives a platform's open work about something."""
    return [each for each in work.items() if each.tenant_id == platform.id and each.subject is subject]


def test_suspended_money_goes_back_to_its_payer(scenario: Scenario) -> None:
    """Listed, reviewed, ordered by one, approved by another, and gone: whoever clicks again orders nothing more."""
    platform, work = scenario.platform("Nora Vale"), SdkWork(scenario.operators[0])
    item = came(platform, work)
    assert (item.money, item.reason) == (Money(30_00, 978), "CREDITOR_UNKNOWN")
    acts, matter = Acts(work), work.matter(Subject.SUSPENSE, item.key)
    assert matter.details["payer"] == "Fiona Example"
    command = work.command(matter, "return", Words(inputs={"bank_iban": platform.bank.iban}))
    forms = [acts.draw(matter, command, "return") for _ in range(2)]
    done = acts.carry_out(forms[0], command.sha256)
    assert done.result in ("RECEIVED", "AUTHENTICATED", "SCREENED", "HELD")
    assert acts.carry_out(forms[0], command.sha256) == done
    with pytest.raises(Changed):
        acts.carry_out(forms[1], command.sha256)
    assert eventually(lambda: bool(of(work, platform, Subject.PAYMENT)))
    (payment,) = of(work, platform, Subject.PAYMENT)
    assert work.matter(Subject.PAYMENT, payment.key).objection == "APPROVER_IS_MAKER"
    assert work.matter(Subject.SUSPENSE, item.key).objection == "CLEARING_UNDER_WAY"
    assert [each.key for each in work.matter(Subject.SUSPENSE, item.key).about] == [payment.key]
    second = SdkWork(scenario.operators[1])
    approved = second.command(second.matter(Subject.PAYMENT, payment.key), "approve", Words())
    with pytest.raises(Refused):
        work.send(approved)
    second.send(approved)
    sent = Payment(platform.client, UUID(payment.key.partition(".")[2]))
    _, message = platform.bank.sent(sent)
    assert message.text("CdtrAcct/Id/IBAN") == matter.details["payer_iban"]
    assert work.matter(Subject.SUSPENSE, item.key).offers == []


def test_a_listed_payers_money_is_never_returned(scenario: Scenario) -> None:
    """Neither offered, nor done by a form that was drawn before: two people release it, or it stays."""
    platform, work = scenario.platform("Nora Vale"), SdkWork(scenario.operators[0])
    name = f"Zora {new_id().hex}"
    scenario.import_list([name])
    item = came(platform, work, payer=name)
    matter = work.matter(Subject.SUSPENSE, item.key)
    assert matter.objection == "SUSPENSE_BLOCKED"
    assert [each.act for each in matter.offers] == ["let_go"]
    assert matter.details["findings"]
    command = work.command(matter, "return", Words(inputs={"bank_iban": platform.bank.iban}))
    with pytest.raises(Refused) as refusal:
        work.send(command)
    assert refusal.value.reason == "SUSPENSE_BLOCKED"
