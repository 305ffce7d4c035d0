"""What the handlers of parties need from outside: sealed personal data, and the aliases that go with a party."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

from ringfence_kernel.writing.writer import Unit

from ringfence_identity.parties.domain.erasing import Looked

SealedAt: TypeAlias = tuple[bytes, int]
"""A subject's stream, and a version in it."""


class SealedPersonal(Protocol):
    """Reads sealed personal data where it was committed."""

    async def read(self, sealed_at: Collection[SealedAt]) -> dict[SealedAt, dict[str, bytes]]:
        """Returns the sealed fields of the event at each of these; raises StoreUnavailable."""


class Lifetimes(Protocol):
    """When something was recorded of parties, and under which id they ended."""

    async def erased_as(self, subjects: Sequence[bytes]) -> dict[bytes, bytes]:
        """Returns a tenant's own ids for those of it who are erased, by subject; raises StoreUnavailable."""

    async def last_events(self, subjects: Sequence[bytes]) -> dict[bytes, int]:
        """Returns when a party's record changed last, UTC nanoseconds, legal holds apart; raises StoreUnavailable."""


class Neighbours(Protocol):
    """What parties have in other services."""

    async def look(self, tenant: bytes, parties: Mapping[bytes, bytes], at_ns: int) -> dict[bytes, Looked]:
        """Returns what the parties of one tenant have, by subject, each given with its tenant's id for it.

        Raises PeerUnavailable, PeerRefused.
        """


class AuditLog(Protocol):
    """The log that takes over what this service commits."""

    async def has(self, position: int, warned: set[str]) -> bool:
        """Tells whether all that was committed up to a position is in leaves that are signed; False while unknown.

        Why it is unknown is logged once for all looks that share `warned`. Raises StoreUnavailable.
        """


@dataclass(frozen=True, slots=True)
class Registered:
    """Somebody who was erased: his tenant's id for him, and the indexes of IBANs that stay his."""

    subject: bytes
    tenant: bytes
    party: bytes
    iban_indexes: tuple[bytes, ...] = ()


class ErasureRegister(Protocol):
    """Who was erased, kept outside everything that may be restored; blocks, raises ErasureRegisterUnavailable."""

    def add(self, erased: Registered) -> None:
        """Puts somebody in for good; once he is there, does nothing."""

    def mark(self, marker: bytes) -> None:
        """Gives the register its marker for good; once it has one, does nothing."""

    def marker(self) -> bytes:
        """Returns the marker, empty where there is none."""

    def subjects(self) -> Iterator[bytes]:
        """Yields everybody who was ever put in."""

    def read(self, subject: bytes) -> Registered:
        """Returns what was put in of somebody."""


class Kept(StrEnum):
    """How the place of the register keeps what is put there, as far as it says."""

    LOCKED = "LOCKED"
    """Nobody takes an object away before its time."""
    VERSIONED = "VERSIONED"
    """What is taken away is no longer listed, and could be found again."""
    REPLACEABLE = "REPLACEABLE"
    UNKNOWN = "UNKNOWN"


class RegisterMark(Protocol):
    """Which register of the erased this database uses; blocks, raises StoreUnavailable."""

    def keep(self, marker: bytes) -> None:
        """Notes a register's marker for good, unless one is noted."""

    def known(self) -> bytes:
        """Returns the marker, empty before the first use."""


class HeldAliases(Protocol):
    """What stands for a party's accounts."""

    def kept_of(self, owner: bytes) -> Iterator[bytes]:
        """Yields the indexes of the IBANs that stay this owner's, who is erased."""

    def retire(self, unit: Unit, tenant: bytes, owner: bytes, iban_indexes: Sequence[bytes], by: bytes) -> None:
        """Records that these IBANs of an owner stay taken, where nothing is known of them any more."""

    def remove_all(self, unit: Unit, tenant: bytes, owner: bytes, by: bytes) -> None:
        """Records that every alias of this owner stands for nothing any more."""
