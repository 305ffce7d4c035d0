"""Events about what banks tell: frozen and packed. No names, no texts, no accounts outside.

They have no topics, as nothing records them yet outside of tests. Entries are columns, one row each: see `columns`.
References are a byte of their kind and 16 bytes of a digest.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StatementTaken:
    """A whole statement was taken for true: its balances hold, and it follows the one before."""

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


@dataclass(frozen=True, slots=True)
class StatementExcepted:
    """A telling posts nothing until people have worked it off."""

    mirror: bytes
    telling: bytes
    digest: bytes
    kind: int  # FaultKind
    text: str


@dataclass(frozen=True, slots=True)
class StatementStaged:
    """A page of a set that is not whole yet; its entries take effect with the last of them."""

    mirror: bytes
    pages: bytes  # id of the set
    number: int
    is_last: bool
    digest: bytes
    day: int  # when it came, days since 1970


@dataclass(frozen=True, slots=True)
class MovementsTold:
    """Movements of the mirror that no telling had told of, each for the amount by which the mirror moves.

    `doubters` are movements of other days that one of a statement may be the same as: its money stays in suspense.
    """

    mirror: bytes
    telling: bytes
    movement_ids: bytes  # 16 bytes per row
    is_booked: bool  # by a statement; else it is news
    days: bytes  # 4 bytes per row, signed
    amounts_minor: bytes  # 8 bytes per row
    marks: bytes  # 1 byte per row: 1 incoming, 2 reversal, 4 may be another of its amount
    transactions: bytes  # 4 bytes per row
    reference_counts: bytes  # 4 bytes per row
    part_counts: bytes  # 4 bytes per row
    part_amounts_minor: bytes  # 8 bytes per part
    part_reference_counts: bytes  # 4 bytes per part
    part_clients: bytes  # 16 bytes per part; zero where nobody is found
    references: bytes  # 17 bytes each: those of the row, then those of its parts
    doubter_counts: bytes  # 4 bytes per row
    doubters: bytes  # 16 bytes each


@dataclass(frozen=True, slots=True)
class MovementsToldAgain:
    """Entries that tell of known movements: what they add to these, and sums that stand for several."""

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
    references: bytes
    member_counts: bytes  # 4 bytes per row: 1 for the movement itself, more for a sum
    members: bytes  # 16 bytes each


@dataclass(frozen=True, slots=True)
class MovementsConfirmed:
    """A statement books movements that were told before; the mirror moves only where one had been taken back."""

    mirror: bytes
    telling: bytes
    movement_ids: bytes  # 16 bytes per row
    days: bytes  # 4 bytes per row, signed: the statement's date wins
    restored_minor: bytes  # 8 bytes per row: by how much the mirror moves again
    how: bytes  # 1 byte per row: Confirmation


@dataclass(frozen=True, slots=True)
class MovementAllocated:
    """Money of movements belongs to clients: it leaves suspense. The mirror does not move."""

    mirror: bytes
    movement_ids: bytes  # 16 bytes per row
    parts: bytes  # 4 bytes per row: which of its parts
    clients: bytes  # 16 bytes per row
    amounts_minor: bytes  # 8 bytes per row


@dataclass(frozen=True, slots=True)
class MovementNeverBooked:
    """Movements were told and the statement of their day does not have them: the mirror moves back."""

    mirror: bytes
    telling: bytes
    movement_ids: bytes  # 16 bytes per row
    amounts_minor: bytes  # 8 bytes per row: what is missing of it
    alike: bytes  # 4 bytes per row: it is this one, or another of so many


@dataclass(frozen=True, slots=True)
class EntryHeld:
    """Entries that may be known movements or new ones: nothing is posted before a statement says."""

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
    references: bytes


@dataclass(frozen=True, slots=True)
class EntryDecided:
    """What held entries, or money that a statement left in doubt, turned out to be.

    SAME of a booked movement in suspense takes it back: it is the other, which the mirror holds already.
    """

    mirror: bytes
    entry_ids: bytes  # 16 bytes per row
    outcomes: bytes  # 1 byte per row: Outcome
    movement_ids: bytes  # 16 bytes per row; zero where there is none


EVENTS: tuple[type, ...] = (
    StatementTaken,
    StatementExcepted,
    StatementStaged,
    MovementsTold,
    MovementsToldAgain,
    MovementsConfirmed,
    MovementAllocated,
    MovementNeverBooked,
    EntryHeld,
    EntryDecided,
)
