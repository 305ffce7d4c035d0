"""Clients of a platform."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from ringfence_local_stack.scenario.account import Account


@dataclass(frozen=True)
class Party:
    """A person or company that a platform has handed in."""

    id: UUID
    name: str
    identity_number: str


@dataclass(frozen=True)
class Customer:
    """A verified party with an account and the IBAN that stands for it."""

    party: Party
    account: Account
    iban: str

    @property
    def name(self) -> str:
        """The registered name."""
        return self.party.name
