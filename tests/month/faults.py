"""What goes wrong, drawn by a seed: with news, with statements, with payments that a bank books late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from random import Random

from ringfence.reconciliation import BreakKind

from .town import Account, Town, days_from


class Fault(Enum):
    """A fault of a file, or of what a bank does, and what it is by the design: a break, or nothing but a word."""

    LATE = "late"
    TWICE = "twice"
    UNTOLD = "untold"
    NO_REFERENCE = "no_reference"
    OTHER_REFERENCE = "other_reference"
    OTHER_DATE = "other_date"
    DUPLICATE = "duplicate"
    SUM = "sum"
    SPLIT = "split"
    WRONG_BALANCE = "wrong_balance"
    MISSING = "missing"
    DOUBLED = "doubled"
    WRONG_CURRENCY = "wrong_currency"
    ABSENT = "absent"
    PAGES = "pages"
    MT940 = "mt940"
    IN_TWO = "in_two"
    REVERSED = "reversed"
    UNBOOKED = "unbooked"


WITH_NEWS = (
    Fault.LATE,
    Fault.TWICE,
    Fault.UNTOLD,
    Fault.NO_REFERENCE,
    Fault.OTHER_REFERENCE,
    Fault.OTHER_DATE,
    Fault.DUPLICATE,
    Fault.SUM,
    Fault.SPLIT,
)
WRONG = (Fault.WRONG_BALANCE, Fault.MISSING, Fault.WRONG_CURRENCY)
"""With these a statement is an exception until a corrected one comes."""
WITH_STATEMENTS = (*WRONG, Fault.ABSENT, Fault.DOUBLED, Fault.PAGES, Fault.MT940, Fault.IN_TWO)
AS_ONE = frozenset({Fault.SUM, Fault.SPLIT})
OF_ENTRIES = frozenset(
    {Fault.NO_REFERENCE, Fault.OTHER_REFERENCE, Fault.OTHER_DATE, Fault.DUPLICATE, Fault.SUM, Fault.SPLIT}
)
OF_ONE = frozenset({Fault.MISSING, Fault.DOUBLED, Fault.WRONG_CURRENCY})
KINDS = {**dict.fromkeys((*WRONG, Fault.ABSENT), BreakKind.EVIDENCE), Fault.UNBOOKED: BreakKind.TIMING}
"""The class of break that a fault is; the others are none."""


@dataclass
class Plan:
    """Which faults are where; whoever judges what was found never sees it before the end."""

    faults: dict[tuple[str, date], set[Fault]] = field(default_factory=dict)

    def of(self, account: Account, day: date) -> set[Fault]:
        """What goes wrong on an account on a day."""
        return self.faults.get((account.name, day), set())

    def put(self, account: Account, day: date, fault: Fault) -> None:
        """Has something go wrong."""
        self.faults.setdefault((account.name, day), set()).add(fault)


def drawn(town: Town, random: Random, days: Sequence[date], count: int) -> Plan:
    """Draws so many faults: every kind in turn, at most one of news, one of statements and one of payments a day.

    The first day is as it should be, and so is the last statement: what is late has come by then.
    """
    plan = Plan()
    places = [
        (account, day) for day in days[1:-1] for account in town.accounts if town.is_business_day(account.currency, day)
    ]
    kinds = [*WITH_NEWS, *WITH_STATEMENTS, Fault.REVERSED, Fault.UNBOOKED]
    for number in range(count):
        fault = kinds[number % len(kinds)]
        # What is booked a day late is on a statement before the end.
        last = days[-2] if fault is Fault.UNBOOKED else days[-1]
        free = [place for place in places if place[1] < last and _fits(town, plan, fault, *place)]
        if free:
            account, day = random.choice(free)
            plan.put(account, day, fault)
    return plan


def _fits(town: Town, plan: Plan, fault: Fault, account: Account, day: date) -> bool:
    there = plan.of(account, day)
    if fault is Fault.UNBOOKED:
        # Where the statement comes with that of the next day, nobody sees what it lacked.
        following = plan.of(account, town.next_business_day(account.currency, day))
        return account.pays and there.isdisjoint({fault, Fault.ABSENT}) and Fault.MT940 not in following
    if fault is Fault.MT940 and _is_booked_late(town, plan, account, day):
        # Of a payment that no other telling has named it says an amount alone: people match it.
        return False
    if fault is Fault.REVERSED or Fault.REVERSED in there:
        return not there
    if fault is Fault.IN_TWO and account.pays:
        # Half a day lacks what clients may have spent by then.
        return False
    if fault is Fault.ABSENT and (Fault.UNBOOKED in there or not _is_missed(town, account.currency, day)):
        return False
    rivals = WITH_NEWS if fault in WITH_NEWS else WITH_STATEMENTS
    return there.isdisjoint(rivals)


def _is_booked_late(town: Town, plan: Plan, account: Account, day: date) -> bool:
    """Whether a bank books payments of the business day before on a day."""
    before = [each for (name, each), faults in plan.faults.items() if name == account.name and Fault.UNBOOKED in faults]
    return any(town.next_business_day(account.currency, each) == day for each in before)


def _is_missed(town: Town, currency: str, day: date) -> bool:
    """Whether a statement of a day is missed before that of the next business day comes, on the weekday after it."""
    closed = town.next_business_day(currency, day)
    return town.is_business_day(currency, days_from(closed, 2)[-1])
