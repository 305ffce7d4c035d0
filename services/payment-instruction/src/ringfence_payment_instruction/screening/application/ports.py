"""What screening asks of others."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from ringfence_kernel.store.recorder import Within

from ringfence_payment_instruction.screening.domain.clients import Client, MarkedNames, NamesRecorded
from ringfence_payment_instruction.screening.domain.entries import Entry
from ringfence_payment_instruction.screening.domain.listed import Hit, ListedEntry


class ClientNames(Protocol):
    """The index of client names; what looks blocks, and raises StoreUnavailable."""

    def record(self, names: Sequence[NamesRecorded]) -> Within:
        """Returns what takes names in, in place of those before; the last of each client and part counts."""

    def unmarked(self, limit: int) -> list[NamesRecorded]:
        """Returns names that nobody has marked yet."""

    def mark(self, names: Sequence[MarkedNames]) -> Within:
        """Returns what keeps the marks of names, unless they are recorded anew by then."""

    def look_up(self, subjects: Collection[bytes]) -> dict[bytes, tuple[bytes, ...]]:
        """Returns the marks of those clients of whom everything is marked."""

    def matching(self, marks: Collection[bytes]) -> list[tuple[Client, bytes]]:
        """Returns the clients that have one of these marks, with the mark."""


class ListedNames(Protocol):
    """What editions of lists call those whom they name; what loads blocks, and raises StoreUnavailable."""

    def packed(self, entries: Sequence[Entry]) -> bytes:
        """Returns the names of entries as they are kept."""

    def keep(self, list_name: str, digest: bytes, packed: bytes, others: Collection[bytes]) -> Within:
        """Returns what keeps the names of an edition, inside a commit, beside those of `others` alone."""

    def load(self, list_name: str, digest: bytes) -> Mapping[str, Sequence[str]]:
        """Returns the names of an edition by the reference of their entry; none where they were not kept."""


class Blocking(Protocol):
    """Identity's blocking of clients."""

    async def block(self, client: Client, evidence: bytes) -> None:
        """Has a client blocked for the entries that name him, which may be done again.

        Raises IdentityUnavailable, ClientNotBlocked.
        """


class Suspended(Protocol):
    """The bank's entries whose money lies in suspense."""

    async def hits(self, tenant: bytes, entry: bytes) -> Collection[Hit]:
        """Returns who names anybody behind an entry by the lists of now, but for what two people have released.

        The fields are those of the entry, each with "suspended" before it; that alone where the entry does not open.
        Raises ClientNotIndexed, KeysUnavailable, IdentityUnavailable, StoreUnavailable.
        """

    def is_released(self, entry: bytes, listed: ListedEntry) -> bool:
        """Tells whether two people have found that a list's entry names nobody behind a bank's entry."""
