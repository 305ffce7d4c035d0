"""Who may pay whom: the account classes, and the purposes a transfer may have, as data.

This table is the minimum of every book. A purpose is the `code` of a transfer; it permits certain pairs of classes and
says on whose mandate money moves. Mandates other than the platform's own are named by the transfer's `user_data_128`
(instruction, bank entry, or operator's decision); a transfer that names none is refused. A book may adopt a stricter
table (rule_packs.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, IntEnum
from itertools import product

from ringfence_kernel.values.money import CURRENCIES

from ringfence_custody.ledger.domain.result_codes import (
    AMOUNT_MAX,
    COVERED,
    CREDITS_LIMITED,
    DEBITS_LIMITED,
    AccountFlag,
)

LEDGERS = frozenset(currency.numeric_code for currency in CURRENCIES)
NO_MAXIMUM = AMOUNT_MAX
CREDIT_SHIFT = 13
"""An account's key takes 13 bits; that of the credit side stands above that of the debit side."""
CLASS_MASK = 7
"""The class is in the lowest bits of an account's key."""


class AccountClass(IntEnum):
    """What an account is for."""

    CLIENT = 1
    PLATFORM = 2
    BANK_MIRROR = 3
    SUSPENSE = 4
    FEE = 5
    GUARANTEE = 6
    SHORTFALL = 7


def account_key(ledger: int, account_class: int) -> int:
    """Returns ledger and class as one int of 13 bits."""
    return ledger << 3 | account_class


class Mandate(Enum):
    """Who must have asked for the movement."""

    CLIENT = "the client whose account is debited"
    BANK = "the bank: an entry of its statement"
    OPERATOR = "an operator of the custodian"
    PLATFORM = "the platform, over its own money"


@dataclass(frozen=True, slots=True)
class Purpose:
    """A reason for moving money: the pairs (debit class, credit class) it permits, its mandate, and its bounds.

    `mandate_required` says that transfers must name the mandate; `maximum_minor` bounds a transfer's amount, in minor
    units of its currency.
    """

    code: int
    name: str
    mandate: Mandate
    pairs: frozenset[tuple[AccountClass, AccountClass]]
    closing_only: bool = False
    mandate_required: bool = True
    maximum_minor: int = NO_MAXIMUM


C = AccountClass


def _purpose(code: int, name: str, mandate: Mandate, *pairs: tuple[C, C], closing_only: bool = False) -> Purpose:
    return Purpose(code, name, mandate, frozenset(pairs), closing_only, mandate is not Mandate.PLATFORM)


CORRECTION = 14
"""The purpose by which people put right what custody and a bank disagree about."""
TAKEN_BACK = frozenset({19, 20, 21})
"""Purposes by which a bank takes money that it has taken: no state, hold or limit of a mirror stands against a fact."""
OF_FACTS = frozenset({17, 18, *TAKEN_BACK, 22})
"""What a bank does to money that lies in the book, and what makes up for it: no rules of a book take it away."""
OWN_WAYS_OUT = frozenset({5, 6, 7, 8})
"""How a platform comes to its own money, or gives it away: it stops while the platform owes clients any."""
PURPOSES = (
    _purpose(
        1, "deposit", Mandate.BANK, (C.BANK_MIRROR, C.CLIENT), (C.BANK_MIRROR, C.PLATFORM), (C.BANK_MIRROR, C.SUSPENSE)
    ),
    _purpose(2, "withdrawal", Mandate.CLIENT, (C.CLIENT, C.BANK_MIRROR)),
    _purpose(3, "payment", Mandate.CLIENT, (C.CLIENT, C.CLIENT)),
    _purpose(4, "fee", Mandate.CLIENT, (C.CLIENT, C.FEE)),
    _purpose(5, "fee_refund", Mandate.PLATFORM, (C.FEE, C.CLIENT)),
    _purpose(6, "fee_collection", Mandate.PLATFORM, (C.FEE, C.PLATFORM)),
    _purpose(7, "platform_payout", Mandate.PLATFORM, (C.PLATFORM, C.BANK_MIRROR)),
    _purpose(8, "platform_grant", Mandate.PLATFORM, (C.PLATFORM, C.CLIENT)),
    _purpose(9, "suspense_allocation", Mandate.OPERATOR, (C.SUSPENSE, C.CLIENT), (C.SUSPENSE, C.PLATFORM)),
    _purpose(10, "suspense_return", Mandate.OPERATOR, (C.SUSPENSE, C.BANK_MIRROR)),
    _purpose(11, "guarantee_funding", Mandate.BANK, (C.BANK_MIRROR, C.GUARANTEE), (C.PLATFORM, C.GUARANTEE)),
    _purpose(12, "guarantee_call", Mandate.OPERATOR, (C.GUARANTEE, C.CLIENT)),
    _purpose(13, "guarantee_release", Mandate.OPERATOR, (C.GUARANTEE, C.PLATFORM)),
    _purpose(CORRECTION, "correction", Mandate.OPERATOR, (C.BANK_MIRROR, C.CLIENT), (C.CLIENT, C.BANK_MIRROR)),
    _purpose(15, "bank_sweep", Mandate.BANK, (C.BANK_MIRROR, C.BANK_MIRROR)),
    _purpose(16, "closure", Mandate.OPERATOR, *product(C, C), closing_only=True),
    _purpose(17, "shortfall_funding", Mandate.BANK, (C.BANK_MIRROR, C.SHORTFALL), (C.PLATFORM, C.SHORTFALL)),
    _purpose(18, "bank_allocation", Mandate.BANK, (C.SUSPENSE, C.CLIENT)),
    _purpose(
        19,
        "bank_reversal",
        Mandate.BANK,
        (C.SHORTFALL, C.BANK_MIRROR),
        (C.CLIENT, C.SHORTFALL),
        (C.SUSPENSE, C.SHORTFALL),
    ),
    _purpose(
        20,
        "bank_retraction",
        Mandate.BANK,
        (C.SHORTFALL, C.BANK_MIRROR),
        (C.CLIENT, C.SHORTFALL),
        (C.SUSPENSE, C.SHORTFALL),
    ),
    _purpose(21, "bank_charge", Mandate.BANK, (C.SHORTFALL, C.BANK_MIRROR)),
    _purpose(
        22,
        "bank_restoration",
        Mandate.BANK,
        (C.BANK_MIRROR, C.SUSPENSE),
        (C.BANK_MIRROR, C.CLIENT),
        (C.BANK_MIRROR, C.SHORTFALL),
    ),
)

OWED_TO_US = frozenset({int(C.BANK_MIRROR), int(C.SHORTFALL)})
"""Classes whose balance is a debit: what banks and the platform owe."""
_ANY = int(AccountFlag.LINKED | AccountFlag.HISTORY | AccountFlag.CLOSED)
PERMITTED_FLAGS: dict[int, int] = {
    int(each): _ANY | (CREDITS_LIMITED if each in OWED_TO_US else DEBITS_LIMITED) for each in AccountClass
} | {int(C.CLIENT): _ANY | DEBITS_LIMITED | COVERED}
"""Flags that an account of each class may have."""


def stored_flags(account_class: int, flags: int) -> int:
    """Returns the flags with the balance limit of the class, which nobody can leave out.

    A bank mirror and a shortfall may not be credited beyond their debits, every other account not debited beyond its
    credits, except a client's account whose overdraft a guarantee covers.
    """
    if account_class in OWED_TO_US:
        return flags | CREDITS_LIMITED
    return flags if flags & COVERED else flags | DEBITS_LIMITED


class RulePack:
    """The purposes compiled for look-up; `has_maximum` tells whether any of them bounds the amount."""

    def __init__(self, purposes: Iterable[Purpose], version: str = "minimum") -> None:
        """Compiles a table of purposes with distinct codes."""
        self.version = version
        self.purposes = {purpose.code: purpose for purpose in purposes}
        self.has_maximum = any(purpose.maximum_minor != NO_MAXIMUM for purpose in self.purposes.values())
        self._lanes: dict[tuple[int, int, bool], dict[int, tuple[int, int]]] = {}

    def permits(self, code: int, debit_class: int, credit_class: int, closing: bool) -> bool:
        """Tells whether money may move between the classes for this purpose."""
        purpose = self.purposes[code]
        return (debit_class, credit_class) in purpose.pairs and (closing or not purpose.closing_only)

    def needs_mandate(self, code: int) -> bool:
        """Tells whether the transfer must name its mandate."""
        return self.purposes[code].mandate_required

    def maximum_minor(self, code: int) -> int:
        """Returns the largest amount of one transfer for a purpose; what is no purpose has no bound of its own."""
        purpose = self.purposes.get(code)
        return NO_MAXIMUM if purpose is None else purpose.maximum_minor

    def lanes(self, code: int, ledger: int, mandated: bool) -> dict[int, tuple[int, int]]:
        """Returns where money may pass for a purpose in a ledger: sum of debit key and credit key -> the classes.

        `mandated` says that the transfers name a mandate.
        """
        lanes = self._lanes.get((code, ledger, mandated))
        if lanes is None:
            lanes = dict(self._compile(code, ledger, mandated))
            if lanes:  # callers choose codes and ledgers: what leads nowhere is not kept
                self._lanes[code, ledger, mandated] = lanes
        return lanes

    def _compile(self, code: int, ledger: int, mandated: bool) -> Iterator[tuple[int, tuple[int, int]]]:
        purpose = self.purposes.get(code)
        if purpose is None or purpose.closing_only or ledger not in LEDGERS:
            return
        if mandated or not self.needs_mandate(code):
            for debit, credit in purpose.pairs:
                key = account_key(ledger, debit) + (account_key(ledger, credit) << CREDIT_SHIFT)
                yield key, (int(debit), int(credit))


MINIMUM = RulePack(PURPOSES)
