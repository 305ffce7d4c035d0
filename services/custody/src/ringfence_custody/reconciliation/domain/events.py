"""Events of reconciliation: frozen, packed big-endian, published by the feed; protos/ has units and bounds.

A mirror is named by its book and its account. Columns have one element per row unless they say otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class BankLinesNoted:
    """What a bank's files say of movements on a mirror, taken over from payment-instruction."""

    TOPIC: ClassVar[str] = "BankLinesNoted.v1"
    book: bytes
    mirror: bytes
    movement_ids: bytes
    states: bytes  # 1 byte per row: LineState
    days: bytes  # 4 bytes per row, signed
    amounts_minor: bytes  # 8 bytes per row
    marks: bytes  # 1 byte per row: 1 incoming, 2 reversal
    keys: bytes  # 16 bytes per row: the entry, or the reserving transfer, that the transfer in the books names
    references: bytes  # 16 bytes per row, zero for none
    part_counts: bytes  # 4 bytes per row
    part_amounts_minor: bytes  # 8 bytes per part
    part_references: bytes  # 16 bytes per part


@dataclass(frozen=True, slots=True)
class StatementNoted:
    """A bank's statement of a mirror is whole and was taken for true."""

    TOPIC: ClassVar[str] = "StatementNoted.v1"
    book: bytes
    mirror: bytes
    telling: bytes
    digest: bytes
    first_day: int
    last_day: int
    opening_minor: int
    closing_minor: int


@dataclass(frozen=True, slots=True)
class LinesMatched:
    """Lines of a bank and of the books are one; pairs of one match share its id."""

    TOPIC: ClassVar[str] = "LinesMatched.v1"
    book: bytes
    mirror: bytes
    match_ids: bytes
    movement_ids: bytes
    transfer_ids: bytes
    stages: bytes  # 1 byte per row: Stage
    versions: bytes  # 4 bytes per row
    confidences: bytes  # 1 byte per row, percent
    movements: bytes  # lines as they are kept, 72 bytes per row; zero where the bank has none
    transfers: bytes  # likewise, of the books
    actor: bytes  # zero where a rule has matched


@dataclass(frozen=True, slots=True)
class MatchesSuggested:
    """Lines may be one: somebody confirms, or refuses."""

    TOPIC: ClassVar[str] = "MatchesSuggested.v1"
    book: bytes
    mirror: bytes
    suggestion_ids: bytes
    movement_ids: bytes
    transfer_ids: bytes
    stages: bytes
    versions: bytes
    confidences: bytes


@dataclass(frozen=True, slots=True)
class SuggestionDecided:
    """Somebody has said whether lines are one."""

    TOPIC: ClassVar[str] = "SuggestionDecided.v1"
    book: bytes
    mirror: bytes
    suggestion: bytes
    confirmed: bool
    actor: bytes
    note: str


@dataclass(frozen=True, slots=True)
class MatchUndone:
    """Lines are open again, and are not matched with each other again but by people. No money moves."""

    TOPIC: ClassVar[str] = "MatchUndone.v1"
    book: bytes
    mirror: bytes
    match: bytes
    movements: bytes  # lines as they were kept, 72 bytes each
    transfers: bytes  # likewise
    actor: bytes
    note: str


@dataclass(frozen=True, slots=True)
class BreakDetected:
    """Bank and books disagree about a line, or there is no statement to compare with."""

    TOPIC: ClassVar[str] = "BreakDetected.v1"
    book: bytes
    mirror: bytes
    side: int  # Side
    line: bytes
    kind: str
    ledger: int
    amount_minor: int
    incoming: bool
    day: int  # of the line
    detected_day: int
    due_day: int


@dataclass(frozen=True, slots=True)
class BreakReopened:
    """A break that was settled is open again; the fields of its begin once more, as it may have left memory."""

    TOPIC: ClassVar[str] = "BreakReopened.v1"
    book: bytes
    mirror: bytes
    side: int
    line: bytes
    kind: str
    ledger: int
    amount_minor: int
    incoming: bool
    day: int
    detected_day: int
    due_day: int
    actor: bytes
    note: str


@dataclass(frozen=True, slots=True)
class BreakStepped:
    """A break goes on in its life."""

    TOPIC: ClassVar[str] = "BreakStepped.v1"
    book: bytes
    mirror: bytes
    status: str
    actor: bytes  # zero for what nobody did
    assignee: bytes
    reference: bytes  # a match, a transfer, or a statement
    note: str


EVENTS: tuple[type, ...] = (
    BankLinesNoted,
    StatementNoted,
    LinesMatched,
    MatchesSuggested,
    SuggestionDecided,
    MatchUndone,
    BreakDetected,
    BreakReopened,
    BreakStepped,
)
