"""A business day: money comes in and goes out, banks tell of it, and two people close it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from random import Random
from typing import Any
from uuid import UUID

from ringfence.identity import require_done
from ringfence.payments import InstructionStatus
from ringfence.reconciliation import Break, BreakKind, BreakStatus
from ringfence.safeguarding import DayStatus, SafeguardingDay
from ringfence.statements import Remedy
from ringfence_local_stack.scenario import eventually, new_iban

from .banks import File
from .faults import AS_ONE, OF_ENTRIES, OF_ONE, WITH_NEWS, WITH_STATEMENTS, WRONG, Fault, Plan
from .town import Account, Town

SECONDS = 120.0
LEAST_MINOR, MOST_MINOR = 1_00, 900_00
PAID_MINOR, FIRST_MINOR = 20_00, 500_00
"""The largest payment of a client, one a day; the least first deposit, which lasts him for the month."""
PAYEES = ("Alpha Teal", "Beta Ochre", "Gamma Slate")
SHARE_PAID = 3
"""One payment goes out for so many deposits."""


@dataclass
class Life:
    """Goes through days in order; the same seed has the same amounts."""

    town: Town
    random: Random
    traffic: int
    plan: Plan = field(default_factory=Plan)
    documents: dict[str, str] = field(default_factory=dict)
    """The figures that were signed, by platform, currency and day."""
    payments: int = 0
    found: dict[UUID, Break] = field(default_factory=dict)
    """All breaks that were ever seen, as they were first."""
    late_payments: Counter[tuple[str, date]] = field(default_factory=Counter)
    """How many were booked late, by account and day."""
    _late: list[tuple[Account, list[File]]] = field(default_factory=list)
    _news: list[tuple[Account, list[File]]] = field(default_factory=list)
    _signed: set[date] = field(default_factory=set)
    _unsigned: list[tuple[UUID, str, date]] = field(default_factory=list)

    def live(self, day: date) -> None:
        """A day's traffic, on the accounts whose currency has it."""
        accounts = [each for each in self.town.accounts if self.town.is_business_day(each.currency, day)]
        for account in accounts:
            self._receive(account, day)
        for account in accounts:
            if not self.plan.of(account, day) & set(WITH_NEWS):
                self.settle(account)
        for account in accounts:
            if Fault.REVERSED in self.plan.of(account, day):
                self._reverse(account, day)
        for account in accounts:
            if account.pays:
                self._pay(account, day)
        # What a day that could not be closed yet has of breaks by now.
        self._look()

    def settle(self, account: Account) -> None:
        """Waits until the books, with what is held in doubt, have what the bank has booked, unless that is told late.

        What is told while yesterday's money was found by its amount alone may be of that: it waits for the statement.
        """
        if any(each is account for each, _ in self._late):
            return
        assert eventually(lambda: self._missing_minor(account) == self._held_minor(account), SECONDS), (
            f"{account.name}: {self._missing_minor(account)} is missing in the books, {self._held_minor(account)} held"
        )

    def is_even(self, account: Account) -> bool:
        """Whether the books hold what the bank has booked."""
        return self._missing_minor(account) == 0

    def _missing_minor(self, account: Account) -> int:
        return account.house.holds_minor(account.bank.iban) - account.bank.holds_minor

    def _held_minor(self, account: Account) -> int:
        statements = self.town.scenario.operators[0].statements
        held = [each for each in statements.held_entries(account.platform.id, account.bank.mirror.id) if each.doubt]
        # What a statement may have had is in the books as that has it, whatever becomes of the news.
        new = [each for each in held if account.told_until is None or each.day > account.told_until]
        return sum(each.amount_minor if each.incoming else -each.amount_minor for each in new)

    def state(self, day: date) -> None:
        """The banks close the day, which is over; what was late of earlier days comes first."""
        for account in self.town.accounts:
            if not self.town.is_business_day(account.currency, day):
                continue
            self._unsigned.append((account.platform.id, account.currency, day))
            faults = self.plan.of(account, day) & set(WITH_STATEMENTS)
            if Fault.ABSENT in faults:
                self._late.append((account, self.statement(account, day)))
                continue
            self._deliver_late(account)
            wrong = faults & set(WRONG)
            for fault in wrong:
                self._hand_in_wrong(account, day, fault)
            account.house.deliver(self.statement(account, day, **self._asked(account, day, faults)))
            if wrong:
                self._void(account)
            if Fault.IN_TWO in faults:
                account.house.sequence[account.bank.iban] += 1
        for account, files in self._news:
            account.house.deliver(files)
        self._news.clear()

    def statement(self, account: Account, day: date, **request: Any) -> list[File]:
        """The statement of an account from where the last one ended."""
        first = account.told_until + timedelta(1) if account.told_until else day
        account.told_until = day
        return account.house.statement(account.bank.iban, account.currency, first, day, **request)

    def close(self) -> None:
        """Two operators close the days that are stated; one of which something is late or open waits for it."""
        first, second = self.town.scenario.operators
        for account in self.town.accounts:
            assert eventually(lambda account=account: self._is_noted(account), SECONDS), account.name  # type: ignore[misc]
        waiting = {(each.platform.id, each.currency) for each, _ in self._late}
        left = []
        for platform_id, currency, day in dict.fromkeys(self._unsigned):
            if (platform_id, currency) in waiting or not self.town.is_over(currency, day):
                left.append((platform_id, currency, day))
                continue
            found = self._computed(platform_id, currency, day)
            # A payment on its way is a break until the next statement has it.
            self._look()
            if found.open:
                left.append((platform_id, currency, day))
                continue
            first.safeguarding.prepare(found.key, "looked at")
            second.safeguarding.review(found.key, "agreed")
            signed = first.safeguarding.sign(found.key)
            self._signed.add(day)
            self.documents[f"{self._name_of(platform_id)} {currency} {day}"] = signed.document
        self._unsigned = left

    def is_closed(self) -> bool:
        """Closes what is left, and what has another version by now; tells whether nothing is."""
        self._look()
        signed = {(each.platform.id, each.currency, day) for each in self.town.accounts for day in self._signed}
        for platform_id in {each.platform.id for each in self.town.accounts}:
            for each in self.town.scenario.operators[0].safeguarding.days(platform_id):
                key = platform_id, each.key.currency, each.key.day
                if each.status is not DayStatus.SIGNED and key in signed:
                    self._unsigned.append(key)
        self.close()
        return not self._unsigned

    def _is_noted(self, account: Account) -> bool:
        """Whether custody knows the newest statement of an account that the bank has sent."""
        day = account.told_until
        if day is None or any(each is account for each, _ in self._late):
            return True
        found = self.town.scenario.operators[0].reconciliation.day(account.bank.mirror.id, book_id=account.platform.id)
        closing_minor = account.house.holds_minor(account.bank.iban, day)
        return (found.last_day, found.closing_minor) == (day, closing_minor)

    @property
    def unsigned(self) -> int:
        """How many days wait."""
        return len(self._unsigned)

    def _look(self) -> None:
        for each in self.breaks():
            self.found.setdefault(each.id, each)

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

    def _receive(self, account: Account, day: date) -> None:
        """Money comes in, and the bank tells of it, well or not."""
        faults = self.plan.of(account, day) & set(WITH_NEWS)
        # By its first deposit a bank learns which of its accounts a client's payments leave by.
        known = [] if account.told_until else list(account.customers)
        deposits = [
            {
                "creditor_iban": each.iban,
                "amount": _decimal(self.random.randint(least_minor, MOST_MINOR)),
                "currency": account.currency,
                "debtor_name": "A Payer",
            }
            for customers, least_minor in (
                (known, FIRST_MINOR),
                (self.random.choices(account.customers, k=self.traffic), LEAST_MINOR),
            )
            for each in customers
        ]
        told = account.house.ask(
            account_iban=account.bank.iban,
            day=day.isoformat(),
            deposits=deposits,
            as_one=bool(faults & AS_ONE),
            is_told=Fault.UNTOLD not in faults,
            faults=[{"fault": each.value} for each in faults if each in OF_ENTRIES],
        )
        if Fault.LATE in faults:
            self._news.append((account, told))
        else:
            account.house.deliver(told * (2 if Fault.TWICE in faults else 1))

    def _reverse(self, account: Account, day: date) -> None:
        """The bank takes a deposit of the day back; its client has it still."""
        taken = account.house.first_reference(account.bank.iban, day)
        debit = {"account_iban": account.bank.iban, "reverses": taken, "day": day.isoformat()}
        account.house.deliver(account.house.ask(debit=debit))
        self.settle(account)

    def _hand_in_wrong(self, account: Account, day: date, fault: Fault) -> None:
        """A statement that is an exception; its number is used up by the corrected one."""
        before = account.told_until
        files = self.statement(account, day, faults=[self._fault_of(account, day, fault)])
        account.house.sequence[account.bank.iban] -= 1
        account.told_until = before
        account.house.deliver(files)
        operator = self.town.scenario.operators[0]
        exceptions = operator.statements.exceptions
        assert eventually(lambda: bool(list(exceptions(account.platform.id, account.bank.mirror.id))), SECONDS)
        assert eventually(lambda: self._has_evidence_break(account), SECONDS), f"{account.name} {day} {fault}"

    def _void(self, account: Account) -> None:
        """Two people say that a wrong statement counts for nothing: the bank has sent another under a new id."""
        first, second = self.town.scenario.operators
        where = account.platform.id, account.bank.mirror.id
        for each in list(first.statements.exceptions(*where)):
            proposal = first.statements.work_off(
                *where, each.telling_id, Remedy.VOID, each.digest, "replaced by the bank"
            )
            require_done(second.proposals["payment-instruction"].confirm([proposal]))
        assert eventually(lambda: not self._has_evidence_break(account), SECONDS)

    def _fault_of(self, account: Account, day: date, fault: Fault) -> dict[str, Any]:
        """The fault, of the first entry of the day where it is of one."""
        if fault not in OF_ONE:
            return {"fault": fault.value}
        return {"fault": fault.value, "reference": account.house.first_reference(account.bank.iban, day)}

    def _asked(self, account: Account, day: date, faults: set[Fault]) -> dict[str, Any]:
        """How a statement is asked for that is right, in another form; the balance says that what is doubled is one."""
        asked: dict[str, Any] = {}
        if Fault.DOUBLED in faults:
            asked["faults"] = [self._fault_of(account, day, Fault.DOUBLED)]
        if Fault.PAGES in faults:
            asked["pages"] = 3
        if Fault.IN_TWO in faults:
            asked["faults"] = [{"fault": Fault.IN_TWO.value}]
        if Fault.MT940 in faults:
            asked["format"] = "MT940"
        return asked

    def _has_evidence_break(self, account: Account) -> bool:
        self._look()
        of_mirror = (each for each in self.breaks() if each.mirror_id == account.bank.mirror.id)
        return any(each.kind is BreakKind.EVIDENCE and is_waiting(each) for each in of_mirror)

    def _deliver_late(self, account: Account) -> None:
        """Statements that are late, once the break is there, then news that is."""
        for each, files in [found for found in self._late if found[0] is account]:
            assert eventually(lambda: self._has_evidence_break(account), SECONDS), f"nothing is missed: {account.name}"
            each.house.deliver(files)
            self._late.remove((each, files))

    def _pay(self, account: Account, day: date) -> None:
        count = min(max(1, self.traffic // SHARE_PAID), len(account.customers))
        orders = []
        for customer in self.random.sample(list(account.customers), count):
            amount, payee = self.random.randint(LEAST_MINOR, PAID_MINOR), self.random.choice(PAYEES)
            orders.append(account.platform.order(customer.iban, new_iban(), payee, amount))
        payments = account.platform.submit(orders)
        self.payments += len(payments)
        for each in payments:
            each.wait_for(InstructionStatus.SENT, seconds=SECONDS)
        is_late = Fault.UNBOOKED in self.plan.of(account, day)
        if is_late:
            self.late_payments[account.name, day] += len(payments)
        booked = self.town.next_business_day(account.currency, day) if is_late else day
        files = account.house.pay(booked)
        account.house.deliver([each for each in files if not (is_late and "camt054" in each.name)])
        wanted = InstructionStatus.SETTLED if is_late else InstructionStatus.RECONCILED
        for each in payments:
            each.wait_for(wanted, seconds=SECONDS)

    def _name_of(self, platform_id: UUID) -> str:
        return next(each.platform.name for each in self.town.accounts if each.platform.id == platform_id)


def is_waiting(found: Break) -> bool:
    """Whether a break waits for somebody."""
    return found.status not in (BreakStatus.MATCHED, BreakStatus.RESOLVED, BreakStatus.CLOSED)


def run(life: Life, days: Sequence[date], told: Callable[[str], None] = lambda text: None) -> None:
    """Lives some days, the first of which is open; after the last one the next is, and all are closed."""
    for day, following in pairwise(days):
        life.live(day)
        life.town.step(following)
        life.state(day)
        life.close()
        told(f"{day} {life.payments} payments, {len(life.documents)} days signed, {len(life.found)} breaks")
    assert eventually(life.is_closed, SECONDS), f"{life.unsigned} days are not closed"


def _decimal(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"
