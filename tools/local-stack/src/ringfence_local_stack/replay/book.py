"""The book that postings are replayed into: its importer, its accounts, and the guarantee behind overdrafts."""

from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from ringfence.client import Client
from ringfence.identity import NewParty, PartyKind
from ringfence.ids import external_id
from ringfence.ledger import AccountClass, AccountFlag, NewAccount, NewTransfer, Purpose

from ringfence_local_stack.replay.rows import CURRENCY, Postings
from ringfence_local_stack.sandbox.books import add_owner, book_with_importer
from ringfence_local_stack.sandbox.letters import countersign
from ringfence_local_stack.sandbox.onboarding import await_status, open_accounts, require_created
from ringfence_local_stack.sandbox.sandbox import Sandbox

PLATFORM, IMPORTER = "replay-bank", "replay-importer"


@dataclass(frozen=True)
class Book:
    """The replayed bank's book, as its importer works on it."""

    importer: Client
    id: UUID

    @cached_property
    def mirror(self) -> UUID:
        """Mirror of the safeguarding account: where money comes from and goes to."""
        return external_id("replay.mirror", self.id, CURRENCY)

    @cached_property
    def guarantee(self) -> UUID:
        """Money set aside to cover overdrafts."""
        return external_id("replay.guarantee", self.id, CURRENCY)

    def account(self, number: str) -> UUID:
        """The account of one of the bank's account numbers."""
        return external_id("replay.account", self.id, number)


def prepare(sandbox: Sandbox, postings: Postings) -> Book:
    """Registers who is needed, opens every account, and funds the guarantee; the same again changes nothing.

    The guarantee is funded before the first posting with all that the bank's overdrafts will ever need at one time, so
    that no client's overdraft is covered by another client's money.
    """
    book_id, importer = book_with_importer(sandbox, PLATFORM, IMPORTER)
    book = Book(importer, book_id)
    owner = external_id("replay.party", book.id, "clients of the bank")
    party = NewParty(
        id=owner,
        kind=PartyKind.COMPANY,
        name="Clients of the replayed bank",
        identity_number=f"REPLAY-{owner.hex[:12]}",
        country="CZ",
    )
    add_owner(sandbox, PLATFORM, party)
    clients = [_client_account(book, owner, number) for number in postings.accounts]
    own = [
        NewAccount(id=book.mirror, account_class=AccountClass.BANK_MIRROR, currency=CURRENCY),
        NewAccount(id=book.guarantee, account_class=AccountClass.GUARANTEE, currency=CURRENCY),
    ]
    open_accounts(book.importer, book.id, own + clients)
    countersign(sandbox.operators, book.id, [book.mirror])
    await_status(book.importer, book.id, [each.id for each in own + clients])
    _fund_guarantee(book, postings)
    return book


def _client_account(book: Book, owner: UUID, number: str) -> NewAccount:
    return NewAccount(
        id=book.account(number),
        account_class=AccountClass.CLIENT,
        currency=CURRENCY,
        owner_id=owner,
        flags=AccountFlag.OVERDRAFT_COVERED,
    )


def _fund_guarantee(book: Book, postings: Postings) -> None:
    needed = postings.deepest_overdraft_minor()
    if not needed:
        return
    funding = NewTransfer(
        id=external_id("replay.guarantee.funding", book.id, postings.digest),
        amount_minor=needed,
        currency=CURRENCY,
        code=Purpose.GUARANTEE_FUNDING,
        debit_account_id=book.mirror,
        credit_account_id=book.guarantee,
        user_data_128=external_id("replay.file", book.id, postings.digest),
        value_date=min(row.value_date for row in postings.rows),
    )
    require_created(book.importer.custody.create_transfers(book.id, [funding]), "guarantee funding")
