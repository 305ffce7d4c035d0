"""What the handlers of parties need from outside: sealed personal data, and the aliases that go with a party."""

from collections.abc import Collection
from typing import Protocol, TypeAlias

from ringfence_kernel.writing.writer import Unit

Place: TypeAlias = tuple[bytes, int]
"""A subject's stream, and a version in it."""


class SealedPersonal(Protocol):
    """Reads sealed personal data where it was committed."""

    async def read(self, places: Collection[Place]) -> dict[Place, dict[str, bytes]]:
        """Returns the sealed fields of the event at each place; raises StoreUnavailable."""


class HeldAliases(Protocol):
    """What stands for a party's accounts."""

    def remove_all(self, unit: Unit, tenant: bytes, owner: bytes, by: bytes) -> None:
        """Records that every alias of this owner stands for nothing any more."""
