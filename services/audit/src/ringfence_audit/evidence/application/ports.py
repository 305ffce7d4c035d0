"""What the proof needs from outside."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from ringfence_audit.evidence.domain.bookings import Booking, Flaw
from ringfence_audit.log.domain.checkpoint import SourceHead


@dataclass(frozen=True, slots=True)
class Found:
    """A booking that the bank's word does not justify, and why."""

    booking: Booking
    flaw: Flaw


@dataclass(frozen=True, slots=True)
class Counts:
    """How many bookings are found wanting by flaw, and how many are open.

    Of the open ones, the first leaf, and since when (UTC) the log has had one.
    """

    by_flaw: dict[Flaw, int]
    open: int
    first_open: int | None
    open_since_ns: int | None


class Findings(Protocol):
    """The tables of the proof; every call blocks."""

    def find(self, tenants: Collection[bytes] | None, after: tuple[int, ...], limit: int) -> list[Found]:
        """Gives findings after a place (leaf and move) in order of the log, of some platforms or of all."""

    def counts(self, tenants: Collection[bytes] | None = None) -> Counts:
        """Counts those of some platforms, or of all."""


class Source(Protocol):
    """A source's feed; raises SourceAway."""

    async def head(self) -> SourceHead:
        """Gives where the feed stands."""
