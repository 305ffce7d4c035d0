"""What deposits ask of others, beyond what submissions and settlement ask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ringfence_kernel.access.caller import Caller

from ringfence_payment_instruction.deposits.domain.evidence import KnownEntries


class Voucher(Protocol):
    """Who vouches for a file that nobody handed in."""

    async def caller(self) -> Caller:
        """Returns the bank's principal; raises AuthorisationRefused where there is none, IdentityUnavailable."""


class Entries(Protocol):
    """Every entry that was ever handed in; blocks, raises StoreUnavailable."""

    def look_up(self, entry_ids: Sequence[bytes]) -> KnownEntries:
        """Returns the digests of those that were handed in, as of one position of the feed."""
