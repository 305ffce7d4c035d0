"""A business day: money comes in and goes out, banks tell of it, and two people close it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

from ringfence.payments import InstructionStatus
from ringfence.reconciliation import Break, BreakStatus
from ringfence.safeguarding import DayStatus, SafeguardingDay
from ringfence_local_stack.scenario import eventually, new_iban

from .banks import File
from .town import Account, Town

SECONDS = 120.0
LEAST_MINOR, MOST_MINOR = 1_00, 900_00
PAYEES = ("Alpha Teal", "Beta Ochre", "Gamma Slate")
SHARE_PAID = 3
"""One payment goes out for so many deposits."""


@dataclass
class Life:
    """Goes through days in order; the same seed has the same amounts."""

    town: Town
    random: Random
    traffic: int
    documents: dict[str, str] = field(default_factory=dict)
    """The figures that were signed, by platform, currency and day."""
    payments: int = 0

    def live(self, day: date) -> None:
        """A day's traffic, on the accounts whose currency has it."""
        accounts = [each for each in self.town.accounts if self.town.is_business_day(each.currency, day)]
        for account in accounts:
            account.house.deliver(self._deposits(account, day))
        for account in accounts:
            self.settle(account)
        for account in accounts:
            if account.pays:
                self._pay(account, day)

    def settle(self, account: Account) -> None:
        """Waits until everything that was told is booked."""
        held = account.house.holds_minor(account.bank.iban)
        assert eventually(lambda: account.bank.holds_minor == held, SECONDS), (
            f"{account.name}: the bank told of {held}, the books have {account.bank.holds_minor}"
        )

    def state(self, day: date) -> None:
        """Every bank closes the day, which is over."""
        for account in self.town.accounts:
            if self.town.is_business_day(account.currency, day):
                account.house.deliver(self.statement(account, day))

    def statement(self, account: Account, day: date, **request: Any) -> list[File]:
        """The statement of an account from where the last one ended."""
        first = account.told_until + timedelta(1) if account.told_until else day
        account.told_until = day
        return account.house.statement(account.bank.iban, account.currency, first, day, **request)

    def close(self, day: date) -> list[SafeguardingDay]:
        """Two operators close a day of every platform and currency that has it."""
        first, second = self.town.scenario.operators
        closed = []
        for platform_id, currency in sorted({(each.platform.id, each.currency) for each in self.town.accounts}):
            if not self.town.is_business_day(currency, day):
                continue
            found = self._computed(platform_id, currency, day)
            first.safeguarding.prepare(found.key, "looked at")
            second.safeguarding.review(found.key, "agreed")
            closed.append(first.safeguarding.sign(found.key))
            self.documents[f"{self._name_of(platform_id)} {currency} {day}"] = closed[-1].document
        return closed

    def breaks(self) -> list[Break]:
        """All that are not closed."""
        return list(self.town.scenario.operators[0].reconciliation.breaks())

    def _computed(self, platform_id: UUID, currency: str, day: date) -> SafeguardingDay:
        operator = self.town.scenario.operators[0]
        found: list[SafeguardingDay] = []

        def look() -> bool:
            days = operator.safeguarding.days(platform_id)
            found[:] = [each for each in days if (each.key.currency, each.key.day) == (currency, day)]
            return bool(found) and found[0].status >= DayStatus.COMPUTED

        assert eventually(look, SECONDS), f"{currency} {day} is not computed: {found}"
        return found[0]

    def _deposits(self, account: Account, day: date) -> list[File]:
        # By its first deposit a bank learns which of its accounts a client's payments leave by.
        known = [] if account.told_until else list(account.customers)
        deposits = [
            {
                "creditor_iban": each.iban,
                "amount": _decimal(self.random.randint(LEAST_MINOR, MOST_MINOR)),
                "currency": account.currency,
                "debtor_name": "A Payer",
            }
            for each in (*known, *self.random.choices(account.customers, k=self.traffic))
        ]
        return account.house.ask(account_iban=account.bank.iban, day=day.isoformat(), deposits=deposits)

    def _pay(self, account: Account, day: date) -> None:
        orders = []
        for customer in self.random.sample(
            list(account.customers), min(self.traffic // SHARE_PAID, len(account.customers))
        ):
            amount = self.random.randint(LEAST_MINOR, LEAST_MINOR * 20)
            balances = customer.account.balances()
            if balances.posted_minor - balances.reserved_minor >= amount:
                payee = self.random.choice(PAYEES)
                orders.append(account.platform.order(customer.iban, new_iban(), payee, amount))
        if not orders:
            return
        payments = account.platform.submit(orders)
        self.payments += len(payments)
        for each in payments:
            each.wait_for(InstructionStatus.SENT, seconds=SECONDS)
        account.house.deliver(account.house.pay(day))
        for each in payments:
            each.wait_for(InstructionStatus.RECONCILED, seconds=SECONDS)

    def _name_of(self, platform_id: UUID) -> str:
        return next(each.platform.name for each in self.town.accounts if each.platform.id == platform_id)


def is_waiting(found: Break) -> bool:
    """Whether a break waits for somebody."""
    return found.status not in (BreakStatus.MATCHED, BreakStatus.RESOLVED, BreakStatus.CLOSED)


def run(life: Life, days: Sequence[date]) -> None:
    """Lives some days, the first of which is open; after the last one the next is."""
    for day, following in itertools.pairwise(days):
        life.live(day)
        life.town.step(following)
        life.state(day)
        life.close(day)


def _decimal(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"
