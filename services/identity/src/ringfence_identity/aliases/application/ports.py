"""What the handlers of aliases need from outside: whose accounts are, and what owners are called."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class AccountOwner:
    """An account's owner as custody names it, zero for none, and its class, empty where there is no account."""

    owner: bytes
    account_class: str


class Accounts(Protocol):
    """Whose accounts are, in custody."""

    async def owners(self, tenant: bytes, accounts: Sequence[bytes]) -> dict[bytes, AccountOwner]:
        """Returns the owner of each account; raises PeerUnavailable, PeerRefused."""


class OwnerNames(Protocol):
    """What owners are called."""

    async def names(self, owners: Sequence[tuple[bytes, bytes]]) -> list[str]:
        """Returns the registered name of each tenant and subject, empty where it is erased; raises VaultUnavailable."""
