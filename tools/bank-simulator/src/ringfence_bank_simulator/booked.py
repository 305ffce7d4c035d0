"""What the bank has booked on its customer's accounts: it is certain, whatever its files tell."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from decimal import Decimal

CREDIT, DEBIT = "CRDT", "DBIT"
TURNED = {CREDIT: DEBIT, DEBIT: CREDIT}


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transfer within a movement; its amount is a decimal text in the movement's currency."""

    reference: str
    amount: str
    debtor_name: str
    debtor_iban: str | None = None
    creditor_name: str | None = None
    creditor_iban: str | None = None
    remittance: str | None = None
    end_to_end_id: str = "NOTPROVIDED"
    transaction_id: str | None = None


@dataclass(frozen=True, slots=True)
class Movement:
    """Money booked on an account, on an ISO date: the sum of its transactions."""

    account: str
    reference: str
    credit_debit: str
    currency: str
    day: str
    transactions: tuple[Transaction, ...]
    reversal: bool = False

    @property
    def amount(self) -> str:
        """The sum of its transactions, a decimal text."""
        return decimal_text(sum((Decimal(each.amount) for each in self.transactions), Decimal(0)))

    @property
    def signed(self) -> Decimal:
        """The amount, below zero where money went out."""
        return Decimal(self.amount) if self.credit_debit == CREDIT else -Decimal(self.amount)


class Ledger:
    """All movements by reference."""

    def __init__(self) -> None:
        """Starts empty."""
        self._movements: dict[str, Movement] = {}

    def book(self, movements: Iterable[Movement]) -> None:
        """Books movements; one that is booked already stays as it is."""
        for each in movements:
            self._movements.setdefault(each.reference, each)

    def find(self, account: str, reference: str) -> Movement | None:
        """Returns the movement of an account with a reference, None where there is none."""
        found = self._movements.get(reference)
        return found if found is not None and found.account == account else None

    def between(self, account: str, currency: str, first_day: str, last_day: str) -> list[Movement]:
        """Returns what was booked from one day to another, both included, by day and in the order of booking."""
        found = [each for each in self._of(account, currency) if first_day <= each.day <= last_day]
        return sorted(found, key=lambda each: each.day)

    def balance_before(self, account: str, currency: str, day: str) -> Decimal:
        """Returns what the account held when a day began."""
        return sum((each.signed for each in self._of(account, currency) if each.day < day), Decimal(0))

    def _of(self, account: str, currency: str) -> Iterator[Movement]:
        return (each for each in self._movements.values() if (each.account, each.currency) == (account, currency))


def derived_id(*parts: str) -> str:
    """Returns an id of 28 characters that is the same whenever it is derived from the same parts."""
    return _derived(27, parts)


def derived_reference(*parts: str) -> str:
    """Returns such an id of 16 characters: the longest that field 61 of an MT940 holds."""
    return _derived(15, parts)


def _derived(length: int, parts: Iterable[str]) -> str:
    return "B" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:length].upper()


def decimal_text(amount: Decimal) -> str:
    """Returns an amount with two decimals, or with as many as it needs beyond."""
    shown = f"{amount.normalize():f}"
    whole, _, decimals = shown.partition(".")
    return f"{whole}.{decimals.ljust(2, '0')}"


def packed(movements: Iterable[Movement]) -> bytes:
    """Returns movements as JSON."""
    return json.dumps([asdict(each) for each in movements]).encode()


def unpacked(content: bytes) -> list[Movement]:
    """Returns what `packed` was given."""
    return [
        Movement(**{**each, "transactions": tuple(Transaction(**one) for one in each["transactions"])})
        for each in json.loads(content)
    ]
