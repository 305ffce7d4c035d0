"""What a bank tells about an account, whatever the format: statements, reports and notifications, in clear.

It lives in memory only: what is kept of it is in `told` and the events.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import IntEnum

CREDIT = "CRDT"
DEBIT = "DBIT"
BOOKED = "BOOK"
MAX_ENTRIES = 250_000
"""Of one file, and of all pages of a statement: they are decided on together, in memory (docs/statements.md)."""


class Kind(IntEnum):
    """How much a telling says: only a statement is complete; the others are news."""

    STATEMENT = 1  # camt.053, MT940
    REPORT = 2  # camt.052, MT942
    NOTIFICATION = 3  # camt.054


@dataclass(frozen=True, slots=True)
class Account:
    """An account at the bank: an IBAN, or an id with the scheme that it is of (a code, or the bank's own word)."""

    iban: str = ""
    other: str = ""
    scheme: str = ""

    def __str__(self) -> str:
        """Returns the number alone."""
        return self.iban or self.other


@dataclass(frozen=True, slots=True)
class Balance:
    """A booked balance at the begin or end of a day; an amount below zero is owed to the bank.

    `intermediate` says that further pages of the statement follow it or precede it.
    """

    amount_minor: int
    currency: str
    day: date | None
    intermediate: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Which page of how many this is: the numbers of the pages begin with 1; one is the last."""

    number: int
    last: bool


@dataclass(frozen=True, slots=True)
class Return:
    """Why a payment came back: an ISO code or the bank's own word, and what the original was."""

    reason: str = ""
    originator: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Party:
    """One who is named in details: his role in ISO 20022 (`Dbtr`, `UltmtCdtr`, `DbtrAgt` …), name and account."""

    role: str
    name: str = ""
    account: Account = Account()


@dataclass(frozen=True, slots=True)
class Detail:
    """One transaction of an entry.

    `amount_minor` is its share in the entry's currency, below zero where it goes the other way, None where the bank
    does not say. References that stand for none are empty. `remittance` are the texts, or else the creditor's
    references (ISO 11649); `others` are references of further kinds, by element name.
    """

    amount_minor: int | None = None
    bank_reference: str = ""
    transaction_id: str = ""
    end_to_end_id: str = ""
    instruction_id: str = ""
    message_id: str = ""
    uetr: str = ""
    others: tuple[tuple[str, str], ...] = ()
    parties: tuple[Party, ...] = ()
    remittance: str = ""
    returned: Return | None = None

    def party(self, role: str) -> Party:
        """Returns who has a role, one without a name where nobody is told of."""
        for party in self.parties:
            if party.role == role:
                return party
        return Party(role)


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement as the bank books it (`Ntry`, field 61).

    `direction` is that in which the money went, as booked; `reversal` says that it undoes an earlier movement, and
    turns nothing. `entry_reference` is a position within the telling, never an identity. `transactions` is how many
    transactions it stands for, None where the bank leaves that open.
    """

    amount_minor: int
    currency: str
    direction: str
    reversal: bool
    status: str
    booking_date: date | None
    value_date: date | None
    entry_reference: str = ""
    bank_reference: str = ""
    transactions: int | None = None
    details: tuple[Detail, ...] = ()
    text: str = ""

    @property
    def is_booked(self) -> bool:
        """Tells whether it moves money: what is pending or for information may never come."""
        return self.status == BOOKED

    @property
    def signed_minor(self) -> int:
        """Returns the amount, below zero where money went out."""
        return self.amount_minor if self.direction == CREDIT else -self.amount_minor


@dataclass(frozen=True, slots=True)
class Totals:
    """How many entries of one direction a bank says there are, and their sum."""

    direction: str
    count: int
    sum_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Heading:
    """Everything that stands around the entries of one telling about one account.

    Numbers and dates are None where the bank does not say them. `copy` is CODU, COPY or DUPL: a hint, never a proof.
    """

    kind: Kind
    format: str
    message_id: str
    id: str
    account: Account
    currency: str
    created: date | None = None
    first_day: date | None = None
    last_day: date | None = None
    page: Page | None = None
    electronic_sequence: int | None = None
    legal_sequence: int | None = None
    copy: str = ""
    opening: Balance | None = None
    closing: Balance | None = None
    totals: tuple[Totals, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """One telling about one account, whole or one page of it."""

    heading: Heading
    entries: tuple[Entry, ...]

    @property
    def moved_minor(self) -> int:
        """Returns the sum of the booked entries, below zero where more went out than came in."""
        return sum(entry.signed_minor for entry in self.entries if entry.is_booked)


@dataclass(frozen=True, slots=True)
class StatementFile:
    """One file: its digest and every telling in it."""

    sha256: bytes
    statements: tuple[Statement, ...]
