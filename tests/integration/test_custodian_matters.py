"""What a bank and a platform disagree about, and whom lists name: opened, decided and shown, over real services."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from ringfence.console_host.work import SdkWork
from ringfence.ids import external_id
from ringfence.payments import InstructionStatus, ListFormat
from ringfence_console.beside import Money
from ringfence_console.ports import NotThere
from ringfence_console.work import Done, Item, Subject, Words
from ringfence_local_stack.scenario import Platform, Scenario, fresh, messages
from ringfence_local_stack.scenario.waiting import eventually

from .stating import bank_day, state_nothing, state_wrongly

DOCUMENT = b"d" * 32


def items_of(work: SdkWork, platform: Platform, subject: Subject) -> list[Item]:
    """Gives the open work of a platform about something."""
    return [each for each in work.items() if each.tenant_id == platform.id and each.subject is subject]


def confirm(scenario: Scenario, done: Done, service: str) -> None:
    """Has the other operator confirm what was proposed, in the console too."""
    work = SdkWork(scenario.operators[1])
    matter = work.matter(Subject.PROPOSAL, f"{service}.{done.proposal_id}")
    assert work.send(work.command(matter, "confirm", Words())).result == "CONFIRMED"


def test_a_break_is_corrected_the_way_its_mirror_lacks(scenario: Scenario) -> None:
    """Its life has who took each step; what is to be moved follows from what is lacking, and two people do it."""
    platform, today = scenario.platform("Nora Vale"), bank_day()
    account, work = platform.customer("Nora Vale").account, SdkWork(scenario.operators[0])
    state_nothing(platform.bank, today - timedelta(days=1), today - timedelta(days=1))
    platform.fund([account], 1_00, platform.bank.mirror)
    state_nothing(platform.bank, today, today)
    assert eventually(lambda: bool(items_of(work, platform, Subject.BREAK)))
    (item,) = items_of(work, platform, Subject.BREAK)
    matter = work.matter(Subject.BREAK, item.key)
    assert matter.beside.life is not None
    assert [each.status for each in matter.beside.life.steps] == ["DETECTED", "CLASSIFIED"]
    ours = {each.name: each.ours for each in matter.beside.compared}
    assert getattr(ours["amount"], "minor", None) == 1_00
    work.send(work.command(matter, "take", Words("mine")))
    matter = work.matter(Subject.BREAK, item.key)
    assert matter.offer("take") is None
    words = Words("no bank knows it", inputs={"account": str(account.id), "amount": "100"})
    command = work.command(matter, "correct", words)
    assert command.request["entries"] == [
        {
            "debit_account_id": str(account.id),
            "credit_account_id": str(platform.bank.mirror.id),
            "amount_minor": "100",
        }
    ]
    confirm(scenario, work.send(command), "custody")
    assert account.posted_minor == 0
    after = work.matter(Subject.BREAK, item.key)
    assert after.beside.life is not None
    by = scenario.operators[0].credentials.principal_id
    assert by in {each.by_id for each in after.beside.life.steps}


def test_an_exception_is_shown_beside_what_was_expected(scenario: Scenario) -> None:
    """The closing balance is what is wrong with it, and alone; what two people make void waits no longer."""
    platform, work = scenario.platform("Nora Vale"), SdkWork(scenario.operators[0])
    state_wrongly(platform.bank, bank_day())
    (item,) = items_of(work, platform, Subject.EXCEPTION)
    matter = work.matter(Subject.EXCEPTION, item.key)
    wrong = [(each.name, each.theirs, each.ours) for each in matter.beside.compared if each.is_wrong]
    assert wrong == [("closing", Money(1_00, 978), Money(0, 978))]
    confirm(
        scenario, work.send(work.command(matter, "void", Words("of another account", DOCUMENT))), "payment-instruction"
    )
    with pytest.raises(NotThere):
        work.matter(Subject.EXCEPTION, item.key)


def test_an_entry_in_doubt_is_one_of_its_candidates(scenario: Scenario) -> None:
    """What it may be stands beside it; two people say that it is that, and no money moves."""
    platform, work = scenario.platform("Nora Vale"), SdkWork(scenario.operators[0])
    iban = platform.customer("Nora Vale").iban
    platform.bank.tell(messages.entry(30_00, iban, reference=fresh("R")))
    platform.bank.tell(messages.entry(30_00, iban))
    (item,) = items_of(work, platform, Subject.ENTRY)
    matter = work.matter(Subject.ENTRY, item.key)
    (candidate,) = matter.beside.candidates
    words = Words("told twice", DOCUMENT, {"candidate": candidate.key})
    confirm(scenario, work.send(work.command(matter, "same", words)), "payment-instruction")
    assert items_of(work, platform, Subject.ENTRY) == []
    assert platform.bank.holds_minor == 30_00


def test_a_hit_shows_the_listed_name_to_operators_alone(scenario: Scenario) -> None:
    """As its publisher writes it, beside what was typed."""
    platform, name = scenario.platform("Nora Vale", "Ivo Marsh"), fresh("Zora")
    payer, payee = platform.customer("Nora Vale"), platform.customer("Ivo Marsh")
    platform.bank.deposit(payer, 100_000_00)
    payment = platform.pay(payer, payee.iban, name, 50_000_00)
    payment.wait_for(InstructionStatus.HELD)
    listed = f"name,kind,reference\nLISTED Nobody,person,N-1\n{name.upper()},person,Z-1\n".encode()
    operator = scenario.operators[0]
    imported = operator.payments.import_sanctions_list(
        external_id("list", platform.id, name).hex, ListFormat.CSV, listed, time.time_ns()
    )
    if imported.proposal_id is not None:
        scenario.operators[1].proposals["payment-instruction"].confirm([imported.proposal_id])
    work = SdkWork(operator)
    assert eventually(lambda: bool(items_of(work, platform, Subject.HIT)))
    (item,) = items_of(work, platform, Subject.HIT)
    (hit,) = work.matter(Subject.HIT, item.key).beside.hits
    assert (hit.typed, hit.reference, list(hit.names)) == (name, "Z-1", [(name.upper(), True)])
    assert hit.is_stopping
    assert SdkWork(platform.approver).matter(Subject.HIT, item.key).beside.hits == ()
    done = work.send(work.command(work.matter(Subject.HIT, item.key), "release", Words("another person")))
    second = SdkWork(scenario.operators[1]).matter(Subject.PROPOSAL, f"payment-instruction.{done.proposal_id}")
    assert [each.key for each in second.about] == [item.key]
    assert second.beside.hits == [hit]
