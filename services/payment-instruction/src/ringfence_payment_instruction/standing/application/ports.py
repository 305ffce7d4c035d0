"""What is asked of others."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol


class Accounts(Protocol):
    """The ledger's accounts."""

    async def frozen(self, tenant: bytes, token: str, accounts: Collection[bytes]) -> frozenset[bytes]:
        """Returns those of a book's accounts that are frozen; raises CustodyUnavailable, AuthorisationRefused."""
