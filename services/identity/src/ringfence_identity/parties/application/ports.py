"""What the handlers of parties need from outside: sealed personal data, and the aliases that go with a party."""

from collections.abc import Sequence
from typing import Protocol

from ringfence_kernel.writing.writer import Unit

from ringfence_identity.parties.domain.state import Party


class SealedPersonal(Protocol):
    """Reads sealed personal data where it was committed."""

    async def read(self, parties: Sequence[Party]) -> dict[bytes, dict[str, bytes]]:
        """Returns the sealed fields of each party, at its `personal_version`; raises StoreUnavailable."""


class HeldAliases(Protocol):
    """What stands for a party's accounts."""

    def remove_all(self, unit: Unit, tenant: bytes, owner: bytes, by: bytes) -> None:
        """Records that every alias of this owner stands for nothing any more."""
