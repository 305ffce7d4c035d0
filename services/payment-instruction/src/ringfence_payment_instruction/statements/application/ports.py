"""What statements ask of others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

from ringfence_kernel.store.recorder import Within

from ringfence_payment_instruction.rail.application.ports import Sealed
from ringfence_payment_instruction.statements.domain.statement import StatementFile
from ringfence_payment_instruction.statements.domain.told import Told


class StatementFiles(Protocol):
    """Reads a bank's files about its accounts, of whatever format; pure, blocking."""

    def read(self, content: bytes) -> StatementFile:
        """Returns what a file tells; raises EvidenceUnreadable."""


class BusinessDays(Protocol):
    """Which days are business days of a currency."""

    def newest(self, ledger: int, day: int) -> int:
        """Returns a day, or the one that is open where that is later, days since 1970."""

    def before(self, ledger: int, day: int, count: int) -> int:
        """Returns the day that lies so many business days before another, days since 1970."""


class PastMovement(NamedTuple):
    """A movement as it was told, and the row that moves the mirror for it."""

    told: Told
    entry_id: bytes


class PastMovements(Protocol):
    """Movements of any age, booked where nothing else is said; blocks, raises StoreUnavailable."""

    def by_references(self, mirror: bytes, references: Collection[bytes]) -> Mapping[bytes, PastMovement]:
        """Returns the movements of a mirror that have one of these references, by their ids."""

    def moved_by(self, mirror: bytes, entries: Collection[bytes]) -> frozenset[bytes]:
        """Returns those entries in custody that are movements of a mirror, booked or not."""

    def shown(self, mirror: bytes, transfers: Collection[bytes]) -> frozenset[bytes]:
        """Returns those transfers of payments that debits on a mirror were found to be."""


class StagedPages(Protocol):
    """Pages of statements that are not whole, and files of exceptions, sealed. Reading raises StoreUnavailable."""

    def keep(self, telling: bytes, number: int, digest: bytes, sealed: Sealed) -> Within:
        """Returns what keeps a page, to be committed with the event that stages it."""

    def load(self, telling: bytes) -> Mapping[int, tuple[bytes, Sealed]]:
        """Returns the pages of a set, each with its file's digest, by their numbers."""

    def drop(self, telling: bytes) -> Within:
        """Returns what lets a set go, to be committed with what is decided on it."""
