"""Custody: the accounts and transfers of one book."""

from collections.abc import Iterator, Sequence
from uuid import UUID

import grpc
from ringfence_protos.custody.v1 import custody_pb2 as pb
from ringfence_protos.custody.v1 import custody_pb2_grpc

from ringfence import columns
from ringfence import rules as rule_messages
from ringfence.ids import to_bytes
from ringfence.ledger import (
    Account,
    AccountClass,
    AccountStatus,
    ClassTotal,
    NewAccount,
    NewTransfer,
    Result,
    StatementEntry,
    Totals,
    Transfer,
    TransferResult,
)
from ringfence.money import currency_of
from ringfence.rules import PurposeRule, Rules
from ringfence.transport import Connection

MAX_ROWS = 8_190
_PAGE = 1_000


class Custody:
    """The ledger. `book_id` is the platform's id; left out it is the caller's own book.

    Every write is idempotent by the ids in it and answers one result per row; only whole requests raise.
    """

    def __init__(self, channel: grpc.Channel, connection: Connection) -> None:
        self._connection = connection
        self._stub = custody_pb2_grpc.CustodyServiceStub(channel)

    def create_accounts(self, accounts: Sequence[NewAccount], book_id: UUID | None = None) -> list[Result]:
        """Opens accounts, at most 8,190."""
        request = pb.CreateAccountsRequest(book_id=_book(book_id), accounts=columns.account_columns(accounts))
        return columns.account_results(accounts, self._connection.call(self._stub.CreateAccounts, request))

    def create_transfers(
        self, book_id: UUID, transfers: Sequence[NewTransfer], *, return_balances: bool = False
    ) -> list[TransferResult]:
        """Creates transfers, at most 8,190, in one commit; for importers only, platforms submit instructions."""
        request = pb.CreateTransfersRequest(
            book_id=book_id.bytes, transfers=columns.transfer_columns(transfers), return_balances=return_balances
        )
        return columns.transfer_results(transfers, self._connection.call(self._stub.CreateTransfers, request))

    def accounts(self, account_ids: Sequence[UUID], book_id: UUID | None = None) -> list[Account]:
        """Accounts by id with their balances as of one moment; those not in the book are left out."""
        request = pb.GetAccountsRequest(book_id=_book(book_id), account_ids=to_bytes(account_ids))
        return [columns.account(each) for each in self._connection.call(self._stub.GetAccounts, request).accounts]

    def list_accounts(self, book_id: UUID | None = None, owner_id: UUID | None = None) -> Iterator[Account]:
        """All accounts of the book, or of one owner, in order of creation, fetched page by page."""
        owner, token = owner_id.bytes if owner_id else b"", ""
        while True:
            request = pb.ListAccountsRequest(book_id=_book(book_id), page_size=_PAGE, page_token=token, owner_id=owner)
            page = self._connection.call(self._stub.ListAccounts, request)
            yield from map(columns.account, page.accounts)
            if not (token := page.next_page_token):
                return

    def transfers(self, transfer_ids: Sequence[UUID], book_id: UUID | None = None) -> list[Transfer]:
        """Transfers by id, at most 8,190; unknown ids are left out."""
        request = pb.GetTransfersRequest(book_id=_book(book_id), transfer_ids=to_bytes(transfer_ids))
        return [columns.transfer(each) for each in self._connection.call(self._stub.GetTransfers, request).transfers]

    def statement(
        self, account_id: UUID, book_id: UUID | None = None, *, from_ns: int = 0, until_ns: int = 0
    ) -> Iterator[StatementEntry]:
        """The account's statement with running balance, oldest first; bounds in UTC nanoseconds, 0 for none."""
        token = ""
        while True:
            request = pb.GetStatementRequest(
                book_id=_book(book_id),
                account_id=account_id.bytes,
                from_ns=from_ns,
                until_ns=until_ns,
                page_size=_PAGE,
                page_token=token,
            )
            page = self._connection.call(self._stub.GetStatement, request)
            for entry in page.entries:
                yield StatementEntry(columns.transfer(entry.transfer), entry.balance_minor, entry.position)
            if not (token := page.next_page_token):
                return

    def balances(
        self, account_ids: Sequence[UUID], book_id: UUID | None = None, *, as_of_ns: int = 0
    ) -> dict[UUID, int]:
        """Posted balances, credits minus debits in minor units, at a past time; 0 means now."""
        request = pb.GetBalancesRequest(book_id=_book(book_id), account_ids=to_bytes(account_ids), as_of_ns=as_of_ns)
        reply = self._connection.call(self._stub.GetBalances, request)
        return {UUID(bytes=each): sum_ for each, sum_ in zip(reply.account_ids, reply.balance_minor, strict=True)}

    def totals(self, book_id: UUID | None = None) -> Totals:
        """Totals per class and currency, by which anybody can tell whether the book balances."""
        reply = self._connection.call(self._stub.GetTotals, pb.GetTotalsRequest(book_id=_book(book_id)))
        classes = [
            ClassTotal(
                AccountClass(each.account_class), currency_of(each.ledger), each.accounts, columns.balances(each)
            )
            for each in reply.totals
        ]
        return Totals(classes, reply.transfers, reply.position)

    def set_freeze(
        self, book_id: UUID, account_ids: Sequence[UUID], *, frozen: bool, order_reference: str
    ) -> list[AccountStatus]:
        """Freezes accounts by order of a court or authority, or releases them, as an operator."""
        request = pb.SetFreezeRequest(
            book_id=book_id.bytes,
            account_ids=to_bytes(account_ids),
            frozen=frozen,
            order_reference=order_reference,
        )
        return [AccountStatus(each) for each in self._connection.call(self._stub.SetFreeze, request).status]

    def set_account_status(
        self, book_id: UUID, account_ids: Sequence[UUID], status: AccountStatus, *, reason: str
    ) -> list[AccountStatus]:
        """Moves accounts along their life cycle, all or none, as an operator; those that are there are left alone."""
        request = pb.SetAccountStatusRequest(
            book_id=book_id.bytes,
            account_ids=to_bytes(account_ids),
            status=pb.AccountStatus.ValueType(status),
            reason=reason,
        )
        return [AccountStatus(each) for each in self._connection.call(self._stub.SetAccountStatus, request).status]

    def adopt_rules(self, book_id: UUID, version: str, purposes: Sequence[PurposeRule]) -> Rules:
        """Puts rules in force that are as strict as the built-in minimum or stricter, as an operator."""
        request = pb.AdoptRulesRequest(
            book_id=book_id.bytes, version=version, purposes=rule_messages.messages(purposes)
        )
        return rule_messages.rules(self._connection.call(self._stub.AdoptRules, request).rules)

    def rules(self, book_id: UUID | None = None) -> Rules:
        """The rules in force: those adopted last, or the built-in minimum."""
        request = pb.GetRulesRequest(book_id=_book(book_id))
        return rule_messages.rules(self._connection.call(self._stub.GetRules, request).rules)


def _book(book_id: UUID | None) -> bytes:
    return book_id.bytes if book_id else b""
