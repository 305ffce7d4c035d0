"""payment-instruction's process is taken over and books what it likes: custody believes it, and audit does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from ringfence.unproven import Flaw
from ringfence_local_stack.scenario import Platform, Scenario
from ringfence_local_stack.scenario.ibans import new_iban
from ringfence_local_stack.scenario.payment import Payment, Status
from ringfence_local_stack.scenario.waiting import eventually

from .posing import POST, SECONDS, VOID, Entry, Poser, newest_entry, unproven

AMOUNT_MINOR = 70_00
CLIENT, SECOND = "Nora Vale", "Ivo Marsh"

Booked = tuple[UUID, Flaw]
Attack = Callable[[Poser, "Story"], Booked]


class Story:
    """A platform and a neighbour, whose banks have told of money that came in; the newest entries of both."""

    def __init__(self, scenario: Scenario) -> None:
        """Plays it honestly as far as it goes."""
        self.scenario = scenario
        self.platform, self.neighbour = scenario.platform(CLIENT, SECOND), scenario.platform(CLIENT)
        for each in (self.platform, self.neighbour):
            each.bank.deposit(each.customer(CLIENT), AMOUNT_MINOR)
        self.payment = self.sent()
        self.own, self.other = self.entry(self.platform), self.entry(self.neighbour)

    def entry(self, platform: Platform) -> Entry:
        """Waits until the log states the platform's entry."""
        found: list[Entry] = []

        def is_there() -> bool:
            try:
                found.append(newest_entry(self.scenario, platform))
            except IndexError:
                return False
            return True

        assert eventually(is_there, SECONDS)
        return found[0]

    def sent(self) -> Payment:
        """A payment that the bank has, and has not answered."""
        payment = self.platform.pay(self.platform.customer(CLIENT), new_iban(), "A Payee", 5_00)
        self.platform.bank.sent(payment)
        return payment

    def deposit(self, poser: Poser, entry: Entry, amount_minor: int = AMOUNT_MINOR, client: str = CLIENT) -> UUID:
        """Books an entry."""
        return poser.deposit(self.platform, self.platform.customer(client).account, amount_minor, entry)

    def end(self, poser: Poser, flags: int) -> UUID:
        """Posts or voids the payment, on a file that does not speak of it."""
        reserved = self.payment.wait_for(Status.SENT).transfer_id
        assert reserved is not None
        return poser.end(self.platform, reserved, 5_00, flags, replace(self.own, entry_id=reserved.bytes))


ATTACKS: dict[str, Attack] = {
    "an invented file": lambda poser, story: (
        story.deposit(poser, replace(story.own, file=b"i" * 32)), Flaw.FILE_UNKNOWN,
    ),
    "a true file, beyond its last entry": lambda poser, story: (
        story.deposit(poser, replace(story.own, entry_id=b"e" * 16)), Flaw.ENTRY_UNKNOWN,
    ),
    "an entry once more": lambda poser, story: (story.deposit(poser, story.own), Flaw.BOOKED_BEFORE),
    "another platform's entry": lambda poser, story: (story.deposit(poser, story.other), Flaw.OTHER_TENANT),
    "another amount": lambda poser, story: (story.deposit(poser, story.own, AMOUNT_MINOR + 1), Flaw.OTHER_AMOUNT),
    "another client": lambda poser, story: (story.deposit(poser, story.own, client=SECOND), Flaw.OTHER_ACCOUNT),
    "another feed": lambda poser, story: (
        story.deposit(poser, replace(story.own, feed=b"n" * 16)), Flaw.OTHER_FEED,
    ),
    "a payment that the bank has not answered": lambda poser, story: (story.end(poser, POST), Flaw.ENTRY_UNKNOWN),
    "a refusal that the bank has not sent": lambda poser, story: (story.end(poser, VOID), Flaw.ENTRY_UNKNOWN),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_invented_is_found_and_holds_up_nobody(scenario: Scenario, attack: str) -> None:
    """Exactly the invention is a finding; what the neighbour's bank says is booked and proven as before."""
    story = Story(scenario)
    transfer, flaw = ATTACKS[attack](Poser(scenario), story)
    story.neighbour.bank.deposit(story.neighbour.customer(CLIENT), 1_00)
    audit = scenario.regulator.audit

    def found() -> list[Booked]:
        return [(each.transfer_id, each.flaw) for each in audit.prove_transfers(story.platform.id).unproven]

    assert eventually(lambda: bool(found()) and audit.prove_transfers().open == 0, SECONDS)
    assert found() == [(transfer, flaw)]
    assert audit.prove_transfers(story.neighbour.id).unproven == []


def test_what_the_bank_says_is_proven(scenario: Scenario) -> None:
    """Deposits, a payment that is settled and one that is refused: nothing is found."""
    story = Story(scenario)
    second = story.sent()
    assert story.platform.bank.answer(story.payment, "ACSC") == "archive"
    assert story.platform.bank.answer(second, "RJCT", "AC04") == "archive"
    story.payment.wait_for(Status.SETTLED)
    second.wait_for(Status.FAILED)
    assert unproven(scenario, story.platform) == []
