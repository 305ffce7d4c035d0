"""A book with money in it, and the importer that may post there."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from ringfence.client import Client
from ringfence.credentials import Credentials
from ringfence.identity import PartyKind
from ringfence.ids import external_id
from ringfence.ledger import AccountClass, NewAccount, NewTransfer, Purpose
from ringfence.transport import Patience
from ringfence_local_stack.sandbox.letters import countersign
from ringfence_local_stack.sandbox.onboarding import await_status
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.scenario import Scenario

from .importer import Importer
from .journal import Journal, Pulse, Row

CURRENCY = "EUR"
FUNDS_MINOR = 10**12
IMPATIENT = Patience(call_seconds=15.0, retry_seconds=0.0)


@dataclass(frozen=True)
class FundedBook:
    """A platform's book: its bank mirror, one verified owner, whose accounts are all funded, and who may post."""

    id: UUID
    owner: UUID
    mirror: UUID
    clients: tuple[UUID, ...]
    credentials: Credentials
    journal: Journal

    def client(self, patience: Patience = IMPATIENT) -> Client:
        """Returns a connection of the importer's own; the caller closes it."""
        assert self.credentials.addresses is not None
        return Client(self.credentials.addresses, self.credentials, patience)


def open_book(sandbox: Sandbox, name: str, clients: int) -> FundedBook:
    """Registers a platform and its importer, opens accounts and funds them; all of it is in the book's journal."""
    platform = Scenario(sandbox).platform(name=name, banked=False)
    book = FundedBook(
        id=platform.id,
        owner=platform.party("Chaos Clients", kind=PartyKind.COMPANY).id,
        mirror=external_id("chaos", platform.id, "mirror"),
        clients=client_ids(platform.id, clients),
        credentials=platform.importer.credentials,
        journal=Journal(),
    )
    with book.client() as client:
        importer = Importer(book.id, client, book.journal, Pulse())
        importer.open([mirror_account(book), *(client_account(book, each) for each in book.clients)])
        countersign(sandbox.operators, book.id, [book.mirror])
        await_status(platform.importer, book.id, book.clients)
        for at in range(0, clients, 1_000):
            importer.post([deposit(book, each, FUNDS_MINOR) for each in book.clients[at : at + 1_000]])
    return book


def client_ids(book_id: UUID, count: int) -> tuple[UUID, ...]:
    """Returns the ids of the accounts that a book begins with."""
    return tuple(external_id("chaos.client", book_id, str(number)) for number in range(count))


def mirror_account(book: FundedBook) -> NewAccount:
    """Returns the account that mirrors the bank's."""
    return NewAccount(id=book.mirror, account_class=AccountClass.BANK_MIRROR, currency=CURRENCY)


def client_account(book: FundedBook, account_id: UUID) -> NewAccount:
    """Returns an account of the book's owner."""
    return NewAccount(id=account_id, account_class=AccountClass.CLIENT, currency=CURRENCY, owner_id=book.owner)


def deposit(book: FundedBook, account_id: UUID, amount_minor: int) -> Row:
    """Returns money for an account, under an id made from the account's."""
    transfer = NewTransfer(
        id=external_id("chaos.deposit", book.id, str(account_id)),
        amount_minor=amount_minor,
        currency=CURRENCY,
        code=Purpose.DEPOSIT,
        debit_account_id=book.mirror,
        credit_account_id=account_id,
        user_data_128=account_id,
    )
    return Row(transfer, transfer, frozenset({"created"}), frozenset({"exists"}))
