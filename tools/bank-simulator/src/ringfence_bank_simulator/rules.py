"""What becomes of a payment (README.md, "What it answers to a payment")."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass
from decimal import Decimal

from ringfence_bank_simulator.requests import Payment

SETTLED, REJECTED = "ACSC", "RJCT"
_IBAN = re.compile("[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The status of a payment, and the ISO 20022 reason of a rejection."""

    status: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """The bank's rules; without any, every payment to a well-formed IBAN settles."""

    closed_accounts: Set[str] = frozenset()
    fail_amounts: Set[Decimal] = frozenset()
    silent_amounts: Set[Decimal] = frozenset()

    def decide(self, payment: Payment) -> Verdict | None:
        """Returns what becomes of a payment, None where the bank never says."""
        amount = Decimal(payment.amount)
        if payment.creditor_iban is not None and not _has_right_check_digits(payment.creditor_iban):
            return Verdict(REJECTED, "AC01")
        if payment.creditor_iban in self.closed_accounts:
            return Verdict(REJECTED, "AC04")
        if amount in self.fail_amounts:
            return Verdict(REJECTED, "MS03")
        return None if amount in self.silent_amounts else Verdict(SETTLED)


def _has_right_check_digits(iban: str) -> bool:
    """Checks ISO 7064 MOD 97-10, with letters as 10 to 35."""
    if _IBAN.fullmatch(iban) is None:
        return False
    return int("".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])) % 97 == 1
