"""What a bank tells of movements on its account: one is one and two are two, in whatever words."""

from __future__ import annotations

from ringfence.errors import RingfenceError
from ringfence.ledger import AccountClass
from ringfence.payments import InstructionStatus
from ringfence_local_stack.scenario import Scenario, fresh, new_iban
from ringfence_local_stack.scenario.messages import batch, entry, share

from .registry import Finding, case

EUR_100, EUR_200, EUR_300 = 100_00, 200_00, 300_00


@case()
def placeholder_reference(scenario: Scenario, need: Finding) -> None:
    """A bank that has no reference writes a placeholder; two deposits that carry it are two deposits."""
    for word in ("NONREF", "NOTPROVIDED"):
        platform = scenario.platform("Nora Vale", "Ivo Marsh")
        nora, ivo = platform.customers("Nora Vale", "Ivo Marsh")
        first = platform.bank.notification(entry(EUR_100, nora.iban, reference=word))
        platform.bank.hand_in(first)
        platform.bank.tell(entry(EUR_100, ivo.iban, reference=word, payer="Another Payer"))
        platform.bank.hand_in(first)
        booked = platform.bank.holds_minor
        need(booked == 2 * EUR_100, f"{word}: 2 × 100.00 came in, {booked} are in the book")
        try:
            platform.bank.tell(entry(70_00, ivo.iban, reference=word, payer="A Third Payer"))
        except RingfenceError as refusal:
            need(False, f"{word}: another amount is refused with {refusal.reason}")
        need(platform.bank.holds_minor == booked + 70_00, f"{word}: 70.00 more came in, and are not in the book")


@case()
def placeholder_of_another_kind(scenario: Scenario, need: Finding) -> None:
    """Words that stand for no reference tell nothing apart: what may be the same waits for the statement, in a list."""
    platform = scenario.platform("Nora Vale")
    nora = platform.customer("Nora Vale")
    for word in ("NONREF", "NOTPROVIDED"):
        platform.bank.tell(entry(EUR_100, nora.iban, reference=word))
    statements = scenario.operators[0].statements
    held = [each.amount_minor for each in statements.held_entries(platform.id, platform.bank.mirror.id)]
    need(platform.bank.holds_minor == EUR_100, f"100.00 came in for sure, the mirror has {platform.bank.holds_minor}")
    need(held == [EUR_100], f"held for the statement are {held}")


@case()
def told_twice(scenario: Scenario, need: Finding) -> None:
    """The same movement in the same file, and in another with other news, came in once."""
    platform = scenario.platform("Nora Vale")
    nora = platform.customer("Nora Vale")
    movement, news = (entry(amount, nora.iban, reference=fresh("R")) for amount in (40_00, 2_00))
    told = platform.bank.notification(movement)
    for content in (told, told, platform.bank.notification(news, movement)):
        platform.bank.hand_in(content)
    need(platform.bank.holds_minor == 42_00, f"40.00 and 2.00 came in, the mirror has {platform.bank.holds_minor}")
    need(nora.account.posted_minor == 42_00, f"the client has {nora.account.posted_minor}")


@case()
def sum_first_then_details(scenario: Scenario, need: Finding) -> None:
    """A movement told as a sum and told again with its parts came in once, and is whose the parts say."""
    platform = scenario.platform("Nora Vale", "Ivo Marsh")
    nora, ivo = platform.customers("Nora Vale", "Ivo Marsh")
    reference = fresh("B")
    platform.bank.tell(batch(EUR_300, reference))
    platform.bank.tell(batch(EUR_300, reference, [share(EUR_100, nora.iban), share(EUR_200, ivo.iban)]))
    need(platform.bank.holds_minor == EUR_300, f"300.00 came in, the mirror has {platform.bank.holds_minor}")
    held = [nora.account.posted_minor, ivo.account.posted_minor]
    need(held == [EUR_100, EUR_200], f"the clients have {held}")


@case()
def details_in_another_order(scenario: Scenario, need: Finding) -> None:
    """The parts of a movement in another order are the same movement: nothing new, and nothing refused."""
    platform = scenario.platform("Nora Vale", "Ivo Marsh")
    nora, ivo = platform.customers("Nora Vale", "Ivo Marsh")
    reference, parts = fresh("B"), [share(EUR_100, nora.iban), share(EUR_200, ivo.iban)]
    platform.bank.tell(batch(EUR_300, reference, parts))
    try:
        platform.bank.tell(batch(EUR_300, reference, parts[::-1]))
    except RingfenceError as refusal:
        need(False, f"the other order is refused with {refusal.reason}")
    need(platform.bank.holds_minor == EUR_300, f"300.00 came in, the mirror has {platform.bank.holds_minor}")


@case()
def flagged_as_duplicate(scenario: Scenario, need: Finding) -> None:
    """A notification that calls itself a duplicate brings nothing new, though its ids are new."""
    platform = scenario.platform("Nora Vale")
    movement = entry(15_00, platform.customer("Nora Vale").iban)
    platform.bank.tell(movement)
    platform.bank.tell(movement, copy="DUPL")
    need(platform.bank.holds_minor == 15_00, f"15.00 came in, the mirror has {platform.bank.holds_minor}")


@case()
def reversed_deposit(scenario: Scenario, need: Finding) -> None:
    """Money that the bank has taken back is not paid out."""
    platform = scenario.platform("Nora Vale")
    nora, reference = platform.customer("Nora Vale"), fresh("R")
    platform.bank.tell(entry(80_00, nora.iban, reference=reference))
    platform.bank.tell(entry(80_00, nora.iban, reference=f"{reference}-2", incoming=False, reversal=True))
    status, reason = platform.pay(nora, new_iban(), "Alpha Teal", 80_00).outcome()
    need(status == "REJECTED", f"80.00 were taken back, and then 80.00 paid out: {status} {reason}")


@case()
def reversed_when_it_is_spent(scenario: Scenario, need: Finding) -> None:
    """What the bank takes back of money that is spent is owed by the platform, and no other client pays for it."""
    platform = scenario.platform("Nora Vale", "Ivo Marsh")
    (nora, ivo), reference = platform.customers("Nora Vale", "Ivo Marsh"), fresh("R")
    platform.bank.tell(entry(80_00, nora.iban, reference=reference))
    platform.pay(nora, ivo.iban, ivo.name, 50_00).wait_for(InstructionStatus.SETTLED)
    platform.bank.tell(entry(80_00, nora.iban, reference=f"{reference}-2", incoming=False, reversal=True))
    held = {"the mirror": platform.bank.holds_minor, "Nora": nora.account.posted_minor, "Ivo": ivo.account.posted_minor}
    need(held == {"the mirror": 0, "Nora": 0, "Ivo": 50_00}, f"80.00 were taken back of which 50.00 are Ivo's: {held}")
    owed = [
        each.balances.posted_minor
        for each in platform.client.custody.totals().classes
        if each.account_class is AccountClass.SHORTFALL
    ]
    need(owed == [-50_00], f"the platform owes {owed}")


@case()
def reversed_payment_comes_back(scenario: Scenario, need: Finding) -> None:
    """A credit that reverses a debit is money that came in: it stands in the book, in suspense at the least."""
    platform = scenario.platform("Nora Vale")
    nora = platform.customer("Nora Vale")
    platform.bank.tell(entry(25_00, nora.iban, reference=fresh("R"), reversal=True))
    need(platform.bank.holds_minor == 25_00, f"25.00 came back, the mirror has {platform.bank.holds_minor}")


@case()
def entry_in_another_currency(scenario: Scenario, need: Finding) -> None:
    """An entry in a currency that the account does not have is not called credited where it is posted nowhere."""
    platform = scenario.platform("Nora Vale")
    nora = platform.customer("Nora Vale")
    try:
        answer = platform.bank.tell(entry(EUR_100, nora.iban, reference=fresh("R"), currency="USD"))
    except RingfenceError as refusal:
        need(refusal.reason and refusal.code != "INTERNAL", f"refused without a name: {refusal}")
        return
    totals = platform.client.custody.totals().classes
    booked = any(each.currency == "USD" and each.balances.debits_posted_minor for each in totals)
    need(booked or not answer.credited, f"{answer.credited} called credited, and posted in no book")
