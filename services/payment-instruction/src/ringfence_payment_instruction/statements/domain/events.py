"""Events about what banks tell: frozen and packed. No names, no texts, no accounts outside.

Entries are columns, one row each: see `columns`. References are a byte of their kind and 16 bytes of a digest. The
tenant is filled in by who records them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ringfence_kernel.values.ids import ZERO_ID

BROUGHT_FORWARD, REPLACED, VOIDED = 1, 2, 3
"""How an exception is worked off."""


@dataclass(frozen=True, slots=True)
class StatementTaken:
    """A whole statement was taken for true: its balances hold, and it follows the one before."""

    TOPIC: ClassVar[str] = "StatementTaken.v1"
    mirror: bytes  # the mirror account in custody
    telling: bytes
    digest: bytes  # SHA-256 of its file, or of the digests of its pages
    content: bytes  # SHA-256 of its entries and balances: the same whatever file it comes in
    first_day: int  # days since 1970
    last_day: int
    opening_minor: int
    closing_minor: int
    electronic_sequence: int  # 0 where none is said
    legal_sequence: int
    tenant: bytes = ZERO_ID
    ledger: int = 0  # ISO 4217 numeric code


@dataclass(frozen=True, slots=True)
class StatementExcepted:
    """A telling posts nothing until people have worked it off."""

    TOPIC: ClassVar[str] = "StatementExcepted.v1"
    mirror: bytes
    telling: bytes
    digest: bytes
    kind: int  # FaultKind
    text: str
    first_day: int = 0  # 0 where it is not known
    last_day: int = 0
    tenant: bytes = ZERO_ID


@dataclass(frozen=True, slots=True)
class StatementStaged:
    """A page of a set that is not whole yet; its entries take effect with the last of them."""

    TOPIC: ClassVar[str] = "StatementStaged.v1"
    mirror: bytes
    pages: bytes  # id of the set
    number: int
    is_last: bool
    digest: bytes
    day: int  # when it came, days since 1970
    tenant: bytes = ZERO_ID


@dataclass(frozen=True, slots=True)
class PagesDecided:
    """A set of pages was whole, and is decided on as one telling."""

    TOPIC: ClassVar[str] = "PagesDecided.v1"
    mirror: bytes
    telling: bytes  # id of the set
    tenant: bytes = ZERO_ID


@dataclass(frozen=True, slots=True)
class MovementsTold:
    """Movements of the mirror that no telling had told of, each for the amount by which the mirror moves.

    `doubters` are movements of other days that one of a statement may be the same as: its money stays in suspense.
    """

    TOPIC: ClassVar[str] = "MovementsTold.v1"
    mirror: bytes
    telling: bytes
    movement_ids: bytes  # 16 bytes per row
    is_booked: bool  # by a statement; else it is news
    days: bytes  # 4 bytes per row, signed
    amounts_minor: bytes  # 8 bytes per row
    marks: bytes  # 1 byte per row: 1 incoming, 2 reversal, 4 may be another of its amount, 8 blocked
    transactions: bytes  # 4 bytes per row
    reference_counts: bytes  # 4 bytes per row
    part_counts: bytes  # 4 bytes per row
    part_amounts_minor: bytes  # 8 bytes per part
    part_reference_counts: bytes  # 4 bytes per part
    part_clients: bytes  # 16 bytes per part; zero where nobody is found
    part_marks: bytes  # 1 byte per part: 8 a list names somebody
    references: bytes  # 17 bytes each: those of the row, then those of its parts
    doubter_counts: bytes  # 4 bytes per row
    doubters: bytes  # 16 bytes each
    tenant: bytes = ZERO_ID


@dataclass(frozen=True, slots=True)
class MovementsToldAgain:
    """Entries that tell of known movements: what they add to these, and sums that stand for several."""

    TOPIC: ClassVar[str] = "MovementsToldAgain.v1"
    mirror: bytes
    telling: bytes
    entry_ids: bytes  # 16 bytes per row
    days: bytes
    amounts_minor: bytes
    marks: bytes
    transactions: bytes
    reference_counts: bytes
    part_counts: bytes
    part_amounts_minor: bytes
    part_reference_counts: bytes
    part_clients: bytes
    part_marks: bytes
    references: bytes
    member_counts: bytes  # 4 bytes per row: 1 for the movement itself, more for a sum
    members: bytes  # 16 bytes each
    tenant: bytes = ZERO_ID


@dataclass(frozen=True, slots=True)
class MovementsConfirmed:
    """A statement books movements that were told before; the mirror moves only where one had been taken back."""

    TOPIC: ClassVar[str] = "MovementsConfirmed.v1"
    mirror: bytes
    telling: bytes
    movement_ids: bytes  # 16 bytes per row
    days: bytes  # 4 bytes per row, signed: the statement's date wins
    restored_minor: bytes  # 8 bytes per row: by how much the mirror moves again
    how: bytes  # 1 byte per row: Confirmation
    tenant: bytes = ZERO_ID


@dataclass(frozen=True, slots=True)
class MovementAllocated:
    """Money of movements belongs to clients: it leaves suspense. The mirror does not move."""

    TOPIC: ClassVar[str] = "MovementAllocated.v1"
    mirror: bytes
    movement_ids: bytes  # 16 bytes per row
    parts: bytes  # 4 bytes per row: which of its parts
    clients: bytes  # 16 bytes per row
    amounts_minor: bytes  # 8 bytes per row
    tenant: bytes = ZERO_ID


@dataclass(frozen=True, slots=True)
class MovementNeverBooked:
    """Movements were told and the statement of their day does not have them: the mirror moves back."""

    TOPIC: ClassVar[str] = "MovementNeverBooked.v1"
    mirror: bytes
    telling: bytes
    movement_ids: bytes  # 16 bytes per row
    amounts_minor: bytes  # 8 bytes per row: what is missing of it
    alike: bytes  # 4 bytes per row: it is this one, or another of so many
    tenant: bytes = ZERO_ID


@dataclass(frozen=True, slots=True)
class EntryHeld:
    """Entries that may be known movements or new ones: nothing is posted before a statement says."""

    TOPIC: ClassVar[str] = "EntryHeld.v1"
    mirror: bytes
    telling: bytes
    entry_ids: bytes  # 16 bytes per row
    reasons: bytes  # 1 byte per row: Doubt
    days: bytes
    amounts_minor: bytes
    marks: bytes
    transactions: bytes
    reference_counts: bytes
    part_counts: bytes
    part_amounts_minor: bytes
    part_reference_counts: bytes
    part_clients: bytes
    part_marks: bytes
    references: bytes
    tenant: bytes = ZERO_ID


@dataclass(frozen=True, slots=True)
class EntryDecided:
    """What held entries, or money that a statement left in doubt, turned out to be.

    SAME of a booked movement in suspense takes it back: it is the other, which the mirror holds already.
    """

    TOPIC: ClassVar[str] = "EntryDecided.v1"
    mirror: bytes
    entry_ids: bytes  # 16 bytes per row
    outcomes: bytes  # 1 byte per row: Outcome
    movement_ids: bytes  # 16 bytes per row; zero where there is none
    tenant: bytes = ZERO_ID


@dataclass(frozen=True, slots=True)
class ClientsNamed:
    """Whose accounts they are that tellings name."""

    TOPIC: ClassVar[str] = "ClientsNamed.v1"
    mirror: bytes
    accounts: bytes  # 16 bytes per row
    owners: bytes  # 16 bytes per row
    tenant: bytes = ZERO_ID


@dataclass(frozen=True, slots=True)
class DebitsExplained:
    """What debits are: payments of ours, or charges of the bank."""

    TOPIC: ClassVar[str] = "DebitsExplained.v1"
    mirror: bytes
    movement_ids: bytes  # 16 bytes per row
    amounts_minor: bytes  # 8 bytes per row: how much of the movement it explains
    transfer_ids: bytes  # 16 bytes per row: the payment's transfer in custody; zero for a charge
    tenant: bytes = ZERO_ID


@dataclass(frozen=True, slots=True)
class MovementsCleared:
    """Money of movements does not wait in suspense for clients: it went elsewhere."""

    TOPIC: ClassVar[str] = "MovementsCleared.v1"
    mirror: bytes
    movement_ids: bytes  # 16 bytes per row
    tenant: bytes = ZERO_ID


@dataclass(frozen=True, slots=True)
class BankDaysForgotten:
    """What statements have booked up to a day leaves memory; tables answer for it."""

    TOPIC: ClassVar[str] = "BankDaysForgotten.v1"
    mirror: bytes
    last_day: int  # days since 1970
    tenant: bytes = ZERO_ID


@dataclass(frozen=True, slots=True)
class BankMovements:
    """What is said of movements, for those who compare the books with the bank."""

    TOPIC: ClassVar[str] = "BankMovements.v1"
    tenant: bytes
    mirror: bytes
    telling: bytes
    movement_ids: bytes  # 16 bytes per row
    states: bytes  # 1 byte per row: MovementState
    days: bytes  # 4 bytes per row, signed
    amounts_minor: bytes  # 8 bytes per row: what the mirror holds for it
    marks: bytes  # 1 byte per row: 1 incoming, 2 reversal
    entry_ids: bytes  # 16 bytes per row: whose transfer moves the mirror; zero for payments of ours
    transfer_ids: bytes  # 16 bytes per row: what sets a payment of ours aside; else zero
    references: bytes  # 16 bytes per row: the strongest of the bank; zero for none
    same_as: bytes  # 16 bytes per row; zero but for those that are another
    part_counts: bytes  # 4 bytes per row
    part_amounts_minor: bytes  # 8 bytes per part
    part_references: bytes  # 16 bytes per part


@dataclass(frozen=True, slots=True)
class ExceptionWorkedOff:
    """Two people have worked an exception off."""

    TOPIC: ClassVar[str] = "ExceptionWorkedOff.v1"
    tenant: bytes
    mirror: bytes
    telling: bytes
    outcome: int  # ExceptionOutcome
    document_sha256: bytes
    actor: bytes  # the second person's principal


EVENTS: tuple[type, ...] = (
    StatementTaken,
    StatementExcepted,
    StatementStaged,
    PagesDecided,
    MovementsTold,
    MovementsToldAgain,
    MovementsConfirmed,
    MovementAllocated,
    MovementNeverBooked,
    EntryHeld,
    EntryDecided,
    ClientsNamed,
    DebitsExplained,
    MovementsCleared,
    BankDaysForgotten,
    BankMovements,
    ExceptionWorkedOff,
)
