"""A funded book: many clients of one platform with money on their accounts, and its importer."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from ringfence.client import Client
from ringfence.errors import RingfenceError
from ringfence.identity import NewParty, PartyKind
from ringfence.ids import external_id
from ringfence.ledger import AccountClass, NewAccount, NewTransfer, Purpose
from ringfence_local_stack.sandbox.books import add_owner, book_with_importer
from ringfence_local_stack.sandbox.onboarding import await_status, open_accounts, require_created
from ringfence_local_stack.sandbox.sandbox import Sandbox

CLIENTS = 10_000
FUNDS_MINOR = 10**12
DEPOSITS_PER_REQUEST = 5_000


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


def funded_book(sandbox: Sandbox) -> Book:
    """Registers the platform and its importer, opens and funds the accounts."""
    book_id, importer = book_with_importer(sandbox, "bench-platform", "bench-importer")
    owner = external_id("bench", book_id, "owner")
    party = NewParty(id=owner, kind=PartyKind.COMPANY, name="Bench Clients", identity_number="BENCH-1", country="DE")
    add_owner(sandbox, "bench-platform", party)
    mirror = external_id("bench", book_id, "mirror")
    clients = [external_id("bench.client", book_id, str(number)) for number in range(CLIENTS)]
    accounts = [
        NewAccount(id=each, account_class=AccountClass.CLIENT, currency="EUR", owner_id=owner) for each in clients
    ]
    accounts.append(NewAccount(id=mirror, account_class=AccountClass.BANK_MIRROR, currency="EUR"))
    open_accounts(importer, book_id, accounts)
    await_status(importer, book_id, clients)
    for at in range(0, CLIENTS, DEPOSITS_PER_REQUEST):
        deposits = [_deposit(book_id, mirror, each) for each in clients[at : at + DEPOSITS_PER_REQUEST]]
        require_created(importer.custody.create_transfers(book_id, deposits), "deposit")
    return Book(book_id, importer, clients)


def _deposit(book_id: UUID, mirror: UUID, client: UUID) -> NewTransfer:
    return NewTransfer(
        id=external_id("bench.deposit", book_id, str(client)),
        amount_minor=FUNDS_MINOR,
        currency="EUR",
        code=Purpose.DEPOSIT,
        debit_account_id=mirror,
        credit_account_id=client,
        user_data_128=client,
    )
