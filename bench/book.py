"""A funded book: many clients of one platform with money on their accounts, and its importer."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from ringfence.client import Client
from ringfence.errors import RingfenceError
from ringfence.identity import PartyKind
from ringfence.ledger import AccountClass
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.scenario import Scenario

CLIENTS = 10_000
FUNDS_MINOR = 10**12


@dataclass(frozen=True)
class Book:
    """A book by its id, the importer who may post to it, and the accounts of its clients."""

    book_id: UUID
    importer: Client
    clients: list[UUID]

    def statements_caught_up(self) -> bool:
        """Tells whether statements show everything that is committed."""
        try:
            self.importer.custody.transfers([self.clients[0]], self.book_id)
        except RingfenceError as error:
            if error.reason != "STATEMENTS_BEHIND":
                raise
            return False
        return True


def funded_book(sandbox: Sandbox, name: str = "bench-platform") -> Book:
    """Registers the platform and its importer, opens and funds the accounts."""
    platform = Scenario(sandbox).platform(name=name, banked=False)
    owner = platform.party("Bench Clients", kind=PartyKind.COMPANY)
    clients = platform.accounts(AccountClass.CLIENT, [owner] * CLIENTS)
    platform.fund(clients, FUNDS_MINOR, platform.account(AccountClass.BANK_MIRROR))
    return Book(platform.id, platform.importer, [each.id for each in clients])
