"""Two platforms, their clients in four currencies, and their accounts at three banks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import cycle, islice

from ringfence.calendars import Calendar
from ringfence.client import Client
from ringfence.errors import RingfenceError
from ringfence.identity import Alias, PrincipalKind
from ringfence.ledger import AccountClass
from ringfence_local_stack.sandbox.onboarding import register_ibans
from ringfence_local_stack.scenario import Bank, Customer, Platform, Scenario, eventually, new_iban

from .banks import House, houses

CALENDARS = {"EUR": "TARGET", "GBP": "GB-ENG", "CNY": "CN", "USD": "WEEKDAYS"}
FIRST_NAMES = ("Nora", "Ivo", "Mara", "Emil", "Lena", "Otto", "Ines", "Hugo")
LAST_NAMES = ("Vale", "Marsh", "Field", "Brook", "Stone", "Wood")


@dataclass
class Account:
    """A platform's account at a bank; `pays` where payments leave by it, `told_until` the day its statements reach."""

    platform: Platform
    house: House
    bank: Bank
    customers: Sequence[Customer]
    pays: bool
    told_until: date | None = None

    @property
    def currency(self) -> str:
        """Its currency."""
        return self.bank.mirror.currency

    @property
    def name(self) -> str:
        """Which account it is, in words."""
        return f"{self.platform.name} {self.currency} {self.bank.iban[-4:]}"


@dataclass
class Town:
    """All of it, and the calendars by which its days go."""

    scenario: Scenario
    houses: Sequence[House]
    accounts: Sequence[Account]
    first_day: date
    years: dict[str, Calendar] = field(default_factory=dict)

    def is_business_day(self, currency: str, day: date) -> bool:
        """Whether a currency settles on a day, by the lists of the sandbox."""
        calendar = self.years[CALENDARS[currency]]
        (listed,) = [each for each in calendar.years if each.year == day.year] or [None]
        if listed is not None and (day in listed.closed or day in listed.working):
            return day in listed.working
        return day.weekday() < 5

    def next_business_day(self, currency: str, day: date) -> date:
        """The first business day of a currency after a day."""
        day += timedelta(1)
        while not self.is_business_day(currency, day):
            day += timedelta(1)
        return day

    def is_over(self, currency: str, day: date) -> bool:
        """Whether the business day of a currency after a day has opened."""
        opened = self.scenario.operators[0].calendars.get(CALENDARS[currency]).opened_day
        return opened is not None and opened > day

    def step(self, day: date) -> None:
        """Opens a day in every calendar of which it is a business day."""
        operator = self.scenario.operators[0]
        for currency, calendar in CALENDARS.items():
            opened = operator.calendars.get(calendar).opened_day
            if self.is_business_day(currency, day) and (opened is None or opened < day):
                assert _stepped(operator, calendar, opened) == day


def _stepped(operator: Client, calendar: str, opened: date | None) -> date | None:
    """Steps a calendar; one whose answer was lost with the process that gave it, and was asked again, is stepped."""
    try:
        return operator.calendars.step(calendar, opened)
    except RingfenceError as error:
        if error.reason != "DAY_STEPPED":
            raise
        return operator.calendars.get(calendar).opened_day


def build(scenario: Scenario, clients: int) -> Town:
    """Opens platforms, accounts and clients; returns once everything may be paid in."""
    feeds = [scenario.principal(PrincipalKind.BANK_FEED) for _ in range(2)]
    banks = houses(scenario, feeds)
    operator = scenario.operators[0]
    first = _align(operator)
    north = scenario.platform(name="north", currency="EUR")
    south = scenario.platform(name="south", currency="USD")
    euros, pounds = _customers(scenario, north, "EUR", clients), _customers(scenario, north, "GBP", clients)
    yuan, dollars = _customers(scenario, south, "CNY", clients), _customers(scenario, south, "USD", clients)
    accounts = [
        Account(north, banks[0], north.bank, euros, True),
        Account(north, banks[1], north.open_bank(feed=feeds[0]), euros, False),
        Account(north, banks[1], north.open_bank(currency="GBP", feed=feeds[0]), pounds, False),
        Account(south, banks[2], south.open_bank(currency="CNY", feed=feeds[1]), yuan, False),
        Account(south, banks[0], south.bank, dollars, True),
    ]
    years = {each: operator.calendars.get(each) for each in CALENDARS.values()}
    return Town(scenario, banks, accounts, first, years)


def _align(operator: Client) -> date:
    """Opens the same day in all calendars: it is tomorrow already where the sun is up; returns it."""

    def opened(calendar: str) -> date:
        assert eventually(lambda: operator.calendars.get(calendar).opened_day is not None, 30)
        found = operator.calendars.get(calendar).opened_day
        assert found is not None
        return found

    while len(days := {each: opened(each) for each in CALENDARS.values()}) and len(set(days.values())) > 1:
        behind = min(days, key=lambda each: days[each])
        operator.calendars.step(behind, days[behind])
    return days["TARGET"]


def days_from(day: date, count: int) -> list[date]:
    """So many days on which somebody works, from one on."""
    found = [day]
    while len(found) < count:
        day += timedelta(1)
        found += [day] if day.weekday() < 5 else []
    return found


def _customers(scenario: Scenario, platform: Platform, currency: str, count: int) -> list[Customer]:
    if currency != platform.currency:
        platform.account(AccountClass.SUSPENSE, currency=currency)
    names = list(islice(cycle(f"{first} {last}" for last in LAST_NAMES for first in FIRST_NAMES), count))
    parties = [platform.party(name, verified=False) for name in names]
    platform.verify(parties)
    accounts = platform.accounts(AccountClass.CLIENT, parties, currency=currency)
    made = [Customer(*both, new_iban()) for both in zip(parties, accounts, strict=True)]
    aliases = [Alias(each.iban, each.account.id, each.party.id) for each in made]
    register_ibans(platform.client, scenario.operators, platform.id, aliases)
    return made
