"""Money that is told, spent, not booked on its day and booked on the next one: nobody owes anything in the end."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from uuid import UUID

import pytest
from ringfence.payments import InstructionStatus
from ringfence.reconciliation import BreakKind
from ringfence_local_stack.scenario import Scenario, eventually

from ..integration.posing import unproven
from .banks import File
from .life import SECONDS, Life, is_waiting, run
from .town import build, days_from

OWED = UUID(bytes=b"shortfall" + bytes(3) + (978).to_bytes(4, "big"))
"""Where custody has what a platform owes in euros (docs/ledger.md)."""
TOLD_MINOR, SPENT_MINOR = 800_00, 700_00


@pytest.fixture(scope="module")
def life() -> Iterator[Life]:
    """A day that is closed, on a stack of its own: its days are stepped."""
    with Scenario.private() as scenario:
        life = Life(build(scenario, 2), Random(7), 1)
        run(life, days_from(life.town.first_day, 2))
        yield life


def _owed_minor(life: Life) -> int:
    custody = life.town.accounts[1].platform.client.custody
    return -sum(each.balances.posted_minor for each in custody.accounts([OWED]))


def _shortfalls(life: Life) -> list[int]:
    return [each.amount_minor for each in life.breaks() if each.kind is BreakKind.SHORTFALL and is_waiting(each)]


def test_what_is_booked_after_all_repays_what_was_owed_for_it(life: Life) -> None:
    """The client has what he had not spent, the break ends by itself, and audit finds each transfer proven."""
    account = life.town.accounts[1]
    rich, payee = account.customers
    _, day, following, last = days_from(life.town.first_day, 4)
    before = rich.account.posted_minor
    deposit = {"creditor_iban": rich.iban, "amount": "800.00", "currency": "EUR", "debtor_name": "A Payer"}
    told = account.house.ask(account_iban=account.bank.iban, day=following.isoformat(), deposits=[deposit])
    account.house.deliver(
        [File(each.name, each.content.replace(f"{following}".encode(), f"{day}".encode())) for each in told]
    )
    assert eventually(lambda: rich.account.posted_minor == before + TOLD_MINOR, SECONDS)
    life.live(day)
    spent = rich.account.posted_minor - (TOLD_MINOR - SPENT_MINOR)
    payment = account.platform.pay(rich, payee.iban, payee.name, spent)
    payment.wait_for(InstructionStatus.SETTLED, seconds=SECONDS)
    life.town.step(following)
    life.state(day)
    assert eventually(lambda: _owed_minor(life) == SPENT_MINOR, SECONDS)
    assert eventually(lambda: _shortfalls(life) == [-SPENT_MINOR], SECONDS)
    assert rich.account.posted_minor == 0
    life.town.step(last)
    life.state(following)
    assert eventually(lambda: _owed_minor(life) == 0 and life.is_even(account), SECONDS)
    assert rich.account.posted_minor == TOLD_MINOR - SPENT_MINOR
    assert eventually(lambda: not any(map(is_waiting, life.breaks())), SECONDS)
    assert unproven(life.town.scenario, account.platform) == []
