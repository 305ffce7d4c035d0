"""What the ledger speaks of: accounts, transfers, balances, and the names behind its numbers (docs/ledger.md)."""

from dataclasses import dataclass
from datetime import date
from enum import IntEnum, IntFlag
from uuid import UUID

ALL_OF_IT = 2**64 - 1
"""The amount that posts all that is pending."""


class AccountClass(IntEnum):
    """What an account is for; decides who may pay whom."""

    CLIENT = 1
    PLATFORM = 2
    BANK_MIRROR = 3
    SUSPENSE = 4
    FEE = 5
    GUARANTEE = 6
    SHORTFALL = 7


class AccountStatus(IntEnum):
    """Whether money moves on an account."""

    PENDING_KYC = 1
    ACTIVE = 2
    RESTRICTED = 3
    DORMANT = 4
    FROZEN = 5
    CLOSING = 6
    CLOSED = 7
    REJECTED = 8
    PENDING_LETTER = 9


class AccountSide(IntEnum):
    """Side of a transfer that an account is on."""

    DEBIT = 1
    CREDIT = 2


class AccountFlag(IntFlag):
    """Bits of an account's flags."""

    LINKED = 1
    DEBITS_MUST_NOT_EXCEED_CREDITS = 2
    CREDITS_MUST_NOT_EXCEED_DEBITS = 4
    HISTORY = 8
    CLOSED = 32
    OVERDRAFT_COVERED = 256


class TransferFlag(IntFlag):
    """Bits of a transfer's flags."""

    LINKED = 1
    PENDING = 2
    POST_PENDING_TRANSFER = 4
    VOID_PENDING_TRANSFER = 8
    BALANCING_DEBIT = 16
    BALANCING_CREDIT = 32
    CLOSING_DEBIT = 64
    CLOSING_CREDIT = 128


class Purpose(IntEnum):
    """Why money moves: the `code` of a transfer."""

    DEPOSIT = 1
    WITHDRAWAL = 2
    PAYMENT = 3
    FEE = 4
    FEE_REFUND = 5
    FEE_COLLECTION = 6
    PLATFORM_PAYOUT = 7
    PLATFORM_GRANT = 8
    SUSPENSE_ALLOCATION = 9
    SUSPENSE_RETURN = 10
    GUARANTEE_FUNDING = 11
    GUARANTEE_CALL = 12
    GUARANTEE_RELEASE = 13
    CORRECTION = 14
    BANK_SWEEP = 15
    CLOSURE = 16
    SHORTFALL_FUNDING = 17
    BANK_ALLOCATION = 18
    BANK_REVERSAL = 19
    BANK_RETRACTION = 20
    BANK_CHARGE = 21
    BANK_RESTORATION = 22


@dataclass(frozen=True, kw_only=True)
class NewAccount:
    """An account to open; clients' accounts have an owner. `code` is the platform's own kind of account."""

    id: UUID
    account_class: AccountClass
    currency: str
    owner_id: UUID | None = None
    code: int = 1
    flags: int = 0
    user_data_128: UUID | None = None
    user_data_64: int = 0
    user_data_32: int = 0


@dataclass(frozen=True, kw_only=True)
class NewTransfer:
    """A transfer to create; a post or void names the pending transfer and may leave accounts and amount out.

    `user_data_128` names the mandate: the instruction, bank entry or decision behind it. `value_date` None is the day
    of the commit.
    """

    id: UUID
    amount_minor: int
    currency: str
    code: int
    debit_account_id: UUID | None = None
    credit_account_id: UUID | None = None
    pending_id: UUID | None = None
    user_data_128: UUID | None = None
    user_data_64: int = 0
    user_data_32: int = 0
    timeout_seconds: int = 0
    flags: int = 0
    value_date: date | None = None


@dataclass(frozen=True)
class Balances:
    """Debits and credits of an account, pending and posted, in minor units."""

    debits_pending_minor: int
    debits_posted_minor: int
    credits_pending_minor: int
    credits_posted_minor: int

    @property
    def posted_minor(self) -> int:
        """Posted balance: credits minus debits."""
        return self.credits_posted_minor - self.debits_posted_minor

    @property
    def reserved_minor(self) -> int:
        """What is set aside for payments on their way out."""
        return self.debits_pending_minor


@dataclass(frozen=True)
class Result:
    """What became of a row: the name of its status and the time, UTC nanoseconds, that the ledger gave it."""

    id: UUID
    status: str
    timestamp_ns: int

    @property
    def done(self) -> bool:
        """Whether it stands in the ledger as asked, by this call or an earlier one."""
        return self.status in ("created", "exists")


@dataclass(frozen=True)
class TransferResult(Result):
    """The same of a transfer, with the balances after it where they were asked for and it was not refused."""

    debit: Balances | None = None
    credit: Balances | None = None


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account as read, with its balances of that moment."""

    id: UUID
    owner_id: UUID | None
    account_class: AccountClass
    currency: str
    code: int
    flags: AccountFlag
    status: AccountStatus
    order_reference: str
    balances: Balances
    timestamp_ns: int
    user_data_128: UUID | None
    user_data_64: int
    user_data_32: int


@dataclass(frozen=True, kw_only=True)
class Transfer(NewTransfer):
    """A transfer as it stands in the ledger."""

    timestamp_ns: int


@dataclass(frozen=True, kw_only=True)
class TransferFilter:
    """Which transfers are meant: those that have every value named here; None and 0 stand for any."""

    code: int = 0
    user_data_128: UUID | None = None
    user_data_64: int = 0
    user_data_32: int = 0
    currency: str | None = None


@dataclass(frozen=True)
class AccountsMoved:
    """The state of each account after a decision, and what another person must confirm, None where it is done."""

    status: list[AccountStatus]
    proposal_id: UUID | None


@dataclass(frozen=True)
class StatementEntry:
    """A line of a statement: the transfer, the posted balance after it, and the feed position of its commit."""

    transfer: Transfer
    balance_minor: int
    position: int


@dataclass(frozen=True)
class ClassTotal:
    """Totals of one class of accounts in one currency."""

    account_class: AccountClass
    currency: str
    accounts: int
    balances: Balances


@dataclass(frozen=True)
class Totals:
    """The totals of a book at one feed position."""

    classes: list[ClassTotal]
    transfers: int
    position: int

    def balanced_currencies(self) -> dict[str, bool]:
        """Whether debits equal credits, posted and pending, per currency."""
        sums: dict[str, tuple[int, int]] = {}
        for each in self.classes:
            posted, pending = sums.get(each.currency, (0, 0))
            balances = each.balances
            sums[each.currency] = (
                posted + balances.posted_minor,
                pending + balances.credits_pending_minor - balances.debits_pending_minor,
            )
        return {currency: total == (0, 0) for currency, total in sums.items()}
