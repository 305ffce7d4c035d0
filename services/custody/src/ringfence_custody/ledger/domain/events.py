"""Events of a book, packed as columns (docs/ledger.md, packed events).

Columns are bytes, little-endian. A column that is empty has 0 in every row; one that holds a single value has it in
every row. Accounts are dense indexes: 1, 2, 3, … in order of creation within the book.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class AccountsCreated:
    """Accounts opened by one request; the first row gets `first_index`."""

    TOPIC: ClassVar[str] = "AccountsCreated.v1"
    first_index: int
    id: bytes
    """16 bytes."""
    owner_id: bytes
    """16 bytes; zero without an owner."""
    account_class: bytes
    """u8."""
    ledger: bytes
    """u32, ISO 4217 numeric."""
    code: bytes
    """u16."""
    flags: bytes
    """u16, with the limit that the class implies."""
    status: bytes
    """u8, lifecycle state at opening."""
    holds: bytes
    """u8, bits of Hold."""
    user_data_128: bytes
    """16 bytes."""
    user_data_64: bytes
    """u64."""
    timestamp_ns: bytes
    """u64, UTC."""
    user_data_32: bytes = b""
    """u32."""


@dataclass(frozen=True, slots=True)
class TransfersCreated:
    """All transfers of one book in one commit, in the order decided, as stored: amounts clipped, defaults filled in.

    `number` counts these events in the book from 1; `first_row` counts the transfers before. Ledger and classes are
    those of the accounts. `burnt` are ids that failed for a transient reason and never may be used again.
    """

    TOPIC: ClassVar[str] = "TransfersCreated.v1"
    number: int
    first_row: int
    timestamp_ns: int
    """UTC of the first row: row k has timestamp_ns + k + delay_ns[k]."""
    id: bytes
    """16 bytes."""
    debit_account: bytes
    """u32 index."""
    credit_account: bytes
    """u32 index."""
    amount_minor: bytes
    """u64."""
    delay_ns: bytes
    """u64."""
    pending_id: bytes
    """16 bytes: the pending transfer that the row posts or voids."""
    user_data_128: bytes
    """16 bytes: the mandate's reference."""
    user_data_64: bytes
    """u64."""
    timeout_seconds: bytes
    """u32."""
    code: bytes
    """u16, purpose."""
    flags: bytes
    """u16."""
    value_date_days: bytes
    """i32, days since 1970-01-01."""
    burnt: bytes
    """16 bytes each; not a column of the rows."""
    user_data_32: bytes = b""
    """u32."""
    pending_owner: bytes = b""
    """16 bytes for each pending row, in order: who reserved it; a single one holds for all. Empty before revision 3."""


@dataclass(frozen=True, slots=True)
class TransfersEvidenced:
    """Transfers that payment-instruction created on the bank's word alone, and what they rest on."""

    TOPIC: ClassVar[str] = "TransfersEvidenced.v1"
    timestamp_ns: int
    id: bytes
    """16 bytes: the transfers."""
    evidence_sha256: bytes
    """32 bytes: of the bank's file."""
    entry_id: bytes
    """16 bytes: the entry or answer in it."""
    feed_id: bytes
    """16 bytes: the principal that vouched for it; zero where the rail brought it."""


@dataclass(frozen=True, slots=True)
class TransfersExpired:
    """Pending transfers whose time was over, in order of expiry; what they reserved is free again."""

    TOPIC: ClassVar[str] = "TransfersExpired.v1"
    timestamp_ns: int
    id: bytes
    """16 bytes."""


@dataclass(frozen=True, slots=True)
class OwnerStandingChanged:
    """What identity's feed says of an owner, and what it did to the owner's accounts."""

    TOPIC: ClassVar[str] = "OwnerStandingChanged.v1"
    timestamp_ns: int
    owner_id: bytes
    standing: int
    account: bytes
    """u32 index."""
    status: bytes
    """u8, lifecycle state after it."""
    holds: bytes
    """u8, holds after it."""


@dataclass(frozen=True, slots=True)
class AccountsFrozen:
    """Accounts frozen by an order."""

    TOPIC: ClassVar[str] = "AccountsFrozen.v1"
    timestamp_ns: int
    order_reference: str
    ordered_by: bytes
    """16 bytes: the operator."""
    account: bytes
    """u32 index."""


@dataclass(frozen=True, slots=True)
class AccountsReleased:
    """Accounts released from an order."""

    TOPIC: ClassVar[str] = "AccountsReleased.v1"
    timestamp_ns: int
    order_reference: str
    ordered_by: bytes
    """16 bytes: the operator."""
    account: bytes
    """u32 index."""


@dataclass(frozen=True, slots=True)
class AccountStatusChanged:
    """An account's lifecycle state was changed by a decision: restricted, dormant, active again, closing, closed."""

    TOPIC: ClassVar[str] = "AccountStatusChanged.v1"
    timestamp_ns: int
    account: int
    status: int
    decided_by: bytes
    """16 bytes: who decided it."""
    reason: str = ""
    """Why, or the reference of the decision; no personal data."""


@dataclass(frozen=True, slots=True)
class RulesAdopted:
    """A book's rules from here on: what the purposes of its transfers allow (docs/ledger.md, rules of a book)."""

    TOPIC: ClassVar[str] = "RulesAdopted.v1"
    timestamp_ns: int
    version: str
    document: str
    """All of the rules, in canonical text."""
    sha256: bytes
    """32 bytes, of the document in UTF-8."""
    adopted_by: bytes
    """16 bytes: the operator."""


@dataclass(frozen=True, slots=True)
class MigrationOpened:
    """A window in which an importer may post to the book."""

    TOPIC: ClassVar[str] = "MigrationOpened.v1"
    timestamp_ns: int
    window: bytes
    """16 bytes."""
    until_ns: int
    """When it ends by itself, UTC."""
    reason: str
    opened_by: bytes
    """16 bytes: the operator who proposed it."""


@dataclass(frozen=True, slots=True)
class MigrationClosed:
    """The window is closed."""

    TOPIC: ClassVar[str] = "MigrationClosed.v1"
    timestamp_ns: int
    window: bytes
    """16 bytes."""
    reason: str
    closed_by: bytes
    """16 bytes: the operator who proposed it."""


EVENTS = (
    AccountsCreated,
    TransfersCreated,
    TransfersEvidenced,
    MigrationOpened,
    MigrationClosed,
    TransfersExpired,
    OwnerStandingChanged,
    AccountsFrozen,
    AccountsReleased,
    AccountStatusChanged,
    RulesAdopted,
)
