"""What stands beside an item for whoever decides about it: its life, two sides, candidates, and whom lists name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID


@dataclass(frozen=True)
class Money:
    """An amount in minor units, below zero where it leaves."""

    minor: int
    ledger: int


Detail = str | int | UUID | Money | date | bytes | None
"""A value as a page shows it: text as somebody wrote it, a time, an id, an amount, a day, a hash, nothing."""


@dataclass(frozen=True)
class Step:
    """A step that was taken: where it led (UPPER_SNAKE), when (UTC nanoseconds), and by whom, None for nobody."""

    status: str
    time_ns: int
    by_id: UUID | None = None
    note: str = ""


@dataclass(frozen=True)
class Life:
    """The steps that an item has taken, the first one first, and the statuses that it may go to next."""

    steps: Sequence[Step]
    next: Sequence[str] = ()


@dataclass(frozen=True)
class Compared:
    """One field as the bank says it and as we have it; it `is_wrong` where that may not be so."""

    name: str
    theirs: Detail
    ours: Detail
    is_wrong: bool = False


@dataclass(frozen=True)
class Candidate:
    """What an item may be: its key, its values by name, why it may be (UPPER_SNAKE), and which values differ.

    One that is not offered is shown, and cannot be chosen for an act.
    """

    key: str
    details: Mapping[str, Detail]
    reasons: Sequence[str] = ()
    differing: frozenset[str] = frozenset()
    is_offered: bool = True


@dataclass(frozen=True, kw_only=True)
class Hit:
    """An entry of a list that names somebody; days are those of its edition. One that `is_stopping` is what a release
    would let go.

    `typed` is empty for a registered name, which is known by marks alone. `names` are the entry's as its publisher
    writes them, each with whether it is what was typed by all that is compared; none where they were not kept.
    """

    field: str
    typed: str
    list_name: str
    reference: str
    published_ns: int
    is_waiting: bool = False
    is_released: bool = False
    is_stopping: bool = False
    names: Sequence[tuple[str, bool]] = ()


@dataclass(frozen=True)
class Beside:
    """All of it; what is None or empty is not shown."""

    life: Life | None = None
    compared: Sequence[Compared] = ()
    candidates: Sequence[Candidate] = ()
    hits: Sequence[Hit] = field(default=())
    more_hits: int = 0
    """How many there are beside `hits`."""
