"""What finding and opening need from outside."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ringfence_identity.disclosure.domain.found import Marked


@dataclass(frozen=True, slots=True)
class Named:
    """Names and identity numbers of a party in clear, and of its owners; they exist only while they are looked at."""

    name: str = field(repr=False)
    identity_number: str = field(repr=False)
    owners: Sequence[tuple[str, str]] = field(default=(), repr=False)


class Names(Protocol):
    """Opens who parties are."""

    async def read(self, asked: Sequence[tuple[bytes, bytes]]) -> list[Named | None]:
        """Returns who the party of each tenant and id is, None where it is erased or there is none.

        Raises VaultUnavailable, StoreUnavailable.
        """


@dataclass(frozen=True, slots=True)
class Changed:
    """Parties whose names or owners a page of events has told, and the position that it reaches."""

    parties: list[Marked]
    position: int


class Marks(Protocol):
    """Keyed hashes of names and numbers, by which parties are found; every call blocks, raises StoreUnavailable."""

    def position(self) -> int:
        """Returns up to which position of the feed there are marks."""

    def changed(self, after: int) -> Changed:
        """Returns whom the next events are about; the position is `after` where there are none."""

    def replace(self, marks: Mapping[Marked, Collection[bytes]], after: int, position: int) -> None:
        """Takes these marks in place of those that parties had, but of nobody erased, and notes the position."""

    def find(self, marks: Collection[bytes], tenants: Collection[bytes], after: bytes, most: int) -> list[Marked]:
        """Returns parties that have all of these marks, of any tenant where none are given, in order of subjects."""

    def parties_of(self, subjects: Collection[bytes]) -> dict[bytes, bytes]:
        """Returns the ids that platforms have given to subjects, of those that are marked."""
