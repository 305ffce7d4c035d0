"""All that can happen in a book: an importer posts to it directly, an operator orders."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from ringfence.client import Client
from ringfence.identity import PrincipalKind, require_done
from ringfence.ids import external_id
from ringfence.ledger import AccountClass, AccountFlag, AccountStatus, NewAccount, NewTransfer, Purpose, TransferFlag
from ringfence_local_stack.sandbox.letters import countersign
from ringfence_local_stack.sandbox.onboarding import await_status, open_accounts
from ringfence_local_stack.sandbox.sandbox import Sandbox

from tests.stores.people import party_ids

IMPORTER = "kept-importer"
_OWN = {
    "bank": AccountClass.BANK_MIRROR,
    "suspense": AccountClass.SUSPENSE,
    "fee": AccountClass.FEE,
    "platform": AccountClass.PLATFORM,
    "guarantee": AccountClass.GUARANTEE,
}
_CLIENTS = ("one", "two", "three", "four", "covered")
_F = TransferFlag


class Book:
    """The platform's book as its importer posts to it; accounts and transfers by name."""

    def __init__(self, importer: Client, book_id: UUID) -> None:
        self.importer, self.id = importer, book_id

    def account(self, name: str) -> UUID:
        """The account of this name."""
        return external_id("kept.account", self.id, name)

    def transfer(self, name: str, debit: str, credit: str, minor: int, code: Purpose, **more: Any) -> NewTransfer:
        """A transfer between two accounts, under a mandate."""
        return NewTransfer(
            id=self.transfer_id(name),
            amount_minor=minor,
            currency="EUR",
            code=code,
            debit_account_id=self.account(debit) if debit else None,
            credit_account_id=self.account(credit) if credit else None,
            **{"user_data_128": self.id, **more},
        )

    def transfer_id(self, name: str) -> UUID:
        """The id of the transfer of this name."""
        return external_id("kept.transfer", self.id, name)

    def post(self, expected: str, *transfers: NewTransfer) -> None:
        """Posts them in one request; raises AssertionError unless each ends as `expected`, or "refused" whyever."""
        results = self.importer.custody.create_transfers(self.id, transfers)
        for each in results:
            ended = "refused" if expected == "refused" and not each.done else each.status
            assert ended == expected, [each.status for each in results]


def postings(box: Sandbox, platform: UUID) -> None:
    """Fills the book: every kind of transfer, refusals, expiry, freezes, decisions and rules."""
    box.principal(IMPORTER, PrincipalKind.IMPORTER, tenant_id=platform)
    book = Book(box.client(IMPORTER), platform)
    _open(book, box.operators)
    _plain(book)
    _two_phases(book)
    _refusals(book)
    _orders(book, *box.operators)


def _open(book: Book, operators: tuple[Client, Client]) -> None:
    (owner,) = party_ids(book.id, ["blocked"])
    own = [
        NewAccount(id=book.account(name), account_class=each, currency="EUR", code=7, user_data_32=row)
        for row, (name, each) in enumerate(_OWN.items())
    ]
    crowns = NewAccount(id=book.account("crowns"), account_class=AccountClass.BANK_MIRROR, currency="CZK")
    clients = [
        NewAccount(
            id=book.account(name),
            account_class=AccountClass.CLIENT,
            currency="EUR",
            owner_id=owner,
            flags=AccountFlag.OVERDRAFT_COVERED if name == "covered" else AccountFlag.HISTORY,
            user_data_128=book.account(name),
            user_data_64=2**63 + row,
        )
        for row, name in enumerate(_CLIENTS)
    ]
    open_accounts(book.importer, book.id, [*own, crowns, *clients])
    countersign(operators, book.id, [book.account("bank"), crowns.id])
    await_status(book.importer, book.id, [each.id for each in clients])


def _plain(book: Book) -> None:
    clients = [
        book.transfer(f"deposit-{name}", "bank", name, 100_000, Purpose.DEPOSIT, user_data_32=row, user_data_64=row)
        for row, name in enumerate(_CLIENTS)
    ]
    platform = book.transfer("deposit-platform", "bank", "platform", 50_000, Purpose.DEPOSIT)
    stray = book.transfer("deposit-suspense", "bank", "suspense", 777, Purpose.DEPOSIT)
    book.post("created", *clients, platform, stray)
    chain = [
        book.transfer("chain-1", "one", "two", 250, Purpose.PAYMENT, flags=_F.LINKED),
        book.transfer("chain-2", "two", "three", 250, Purpose.PAYMENT, flags=_F.LINKED),
        book.transfer("chain-3", "three", "fee", 25, Purpose.FEE),
    ]
    book.post("created", *chain)
    book.post("exists", chain[-1])
    book.post(
        "created",
        book.transfer("funding", "platform", "guarantee", 20_000, Purpose.GUARANTEE_FUNDING),
        book.transfer("overdraft", "covered", "one", 105_000, Purpose.PAYMENT),
        book.transfer("call", "guarantee", "covered", 5_000, Purpose.GUARANTEE_CALL),
        book.transfer("allocation", "suspense", "two", 777, Purpose.SUSPENSE_ALLOCATION),
        book.transfer("sweep-fees", "fee", "platform", 9_999, Purpose.FEE_COLLECTION, flags=_F.BALANCING_DEBIT),
    )


def _two_phases(book: Book) -> None:
    pending = {
        name: book.transfer(name, "one", "bank", 1_000 + row, Purpose.WITHDRAWAL, flags=_F.PENDING, timeout_seconds=t)
        for row, (name, t) in enumerate({"posted": 60, "partly": 0, "voided": 0, "expires": 1, "open": 0}.items())
    }
    book.post("created", *pending.values())

    def second(name: str, flag: TransferFlag, minor: int) -> NewTransfer:
        pending_id = pending[name].id
        return book.transfer(f"{name}-2", "", "", minor, Purpose.WITHDRAWAL, flags=flag, pending_id=pending_id)

    book.post(
        "created",
        replace(second("posted", _F.POST_PENDING_TRANSFER, 1_000), debit_account_id=book.account("one")),
        second("partly", _F.POST_PENDING_TRANSFER, 400),
        second("voided", _F.VOID_PENDING_TRANSFER, 0),
    )


def _refusals(book: Book) -> None:
    """Refusals of the moment burn the id; those for good leave no trace."""
    book.post("refused", book.transfer("too-much", "two", "three", 10**9, Purpose.PAYMENT))
    book.post("id_already_failed", book.transfer("too-much", "two", "three", 1, Purpose.PAYMENT))
    book.post(
        "refused",
        book.transfer("broken-chain-1", "two", "three", 5, Purpose.PAYMENT, flags=_F.LINKED),
        book.transfer("broken-chain-2", "two", "three", 10**9, Purpose.PAYMENT),
    )
    book.post("refused", book.transfer("forbidden", "two", "platform", 5, Purpose.PAYMENT))


def _orders(book: Book, operator: Client, second: Client) -> None:
    custody, four, three = operator.custody, book.account("four"), book.account("three")
    custody.set_freeze(book.id, [four], order_reference="ORDER-17/2026")
    book.post("refused", book.transfer("frozen", "four", "two", 5, Purpose.PAYMENT))
    lifting = custody.lift_freeze(book.id, [four], order_reference="ORDER-17/2026")
    require_done(second.proposals["custody"].confirm([lifting]))
    for status in (AccountStatus.RESTRICTED, AccountStatus.ACTIVE, AccountStatus.DORMANT, AccountStatus.CLOSING):
        moved = custody.set_account_status(book.id, [three], status, reason=f"decision on {status.name.lower()}")
        if moved.proposal_id is not None:
            require_done(second.proposals["custody"].confirm([moved.proposal_id]))
    book.post("created", book.transfer("emptied", "three", "bank", 99_999_999, Purpose.WITHDRAWAL, flags=16))
    custody.set_account_status(book.id, [three], AccountStatus.CLOSED, reason="empty and closed at its owner's wish")
    custody.set_freeze(book.id, [four], order_reference="ORDER-18/2026")
    purposes = [
        replace(each, maximum_minor=50_000 if each.purpose is Purpose.PAYMENT else None)
        for each in custody.rules(book.id).purposes
        if each.purpose is not Purpose.BANK_SWEEP
    ]
    proposal = custody.adopt_rules(book.id, "kept-1", purposes)
    assert proposal is not None
    require_done(second.proposals["custody"].confirm([proposal]))
    book.post("refused", book.transfer("above-maximum", "one", "two", 50_001, Purpose.PAYMENT))
    book.post("created", book.transfer("below-maximum", "one", "two", 50_000, Purpose.PAYMENT))
