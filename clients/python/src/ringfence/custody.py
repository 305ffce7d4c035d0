"""Custody: the accounts and transfers of one book."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import grpc
from ringfence_protos.custody.v1 import custody_pb2 as pb
from ringfence_protos.custody.v1 import custody_pb2_grpc

from ringfence import columns
from ringfence import rules as rule_messages
from ringfence.gathering import Gatherer
from ringfence.ids import optional, to_bytes
from ringfence.ledger import (
    Account,
    AccountClass,
    AccountSide,
    AccountsMoved,
    AccountStatus,
    NewAccount,
    NewTransfer,
    Result,
    StatementEntry,
    Totals,
    Transfer,
    TransferFilter,
    TransferResult,
)
from ringfence.money import ledger_of
from ringfence.rules import PurposeRule, Rules
from ringfence.transport import Connection

_PAGE = 1_000
_ANY = TransferFilter()


class TransferTerms(NamedTuple):
    """What the transfers of one request have in common."""

    book_id: bytes
    return_balances: bool
    # In one request with others that do, transfers without a value date would get one, and a retry would differ.
    names_value_dates: bool


class Custody:
    """The ledger. `book_id` is the platform's id; left out it is the caller's own book.

    Every write is idempotent by the ids in it and answers one result per row; only whole requests raise. Accounts and
    transfers that threads and tasks create at the same time travel together, up to 8,190 in one request.
    """

    def __init__(self, channel: grpc.Channel, connection: Connection) -> None:
        self._connection = connection
        self._stub = custody_pb2_grpc.CustodyServiceStub(channel)
        room_seconds = connection.patience.retry_seconds
        self._new_accounts = Gatherer(self._send_accounts, room_seconds)
        self._new_transfers = Gatherer(self._send_transfers, room_seconds)

    def create_accounts(self, accounts: Sequence[NewAccount], book_id: UUID | None = None) -> list[Result]:
        """Opens accounts, at most 8,190."""
        return self._new_accounts.call(_id(book_id), accounts)

    async def create_accounts_async(self, accounts: Sequence[NewAccount], book_id: UUID | None = None) -> list[Result]:
        """The same for a task of an event loop."""
        return await self._new_accounts.call_async(_id(book_id), accounts)

    def create_transfers(
        self, book_id: UUID, transfers: Sequence[NewTransfer], *, return_balances: bool = False
    ) -> list[TransferResult]:
        """Creates transfers, at most 8,190, in one commit; for importers only, platforms submit instructions."""
        terms = TransferTerms(book_id.bytes, return_balances, columns.names_value_dates(transfers))
        return self._new_transfers.call(terms, transfers)

    async def create_transfers_async(
        self, book_id: UUID, transfers: Sequence[NewTransfer], *, return_balances: bool = False
    ) -> list[TransferResult]:
        """The same for a task of an event loop.

        A task that is cancelled leaves its transfers on their way: asking again with the same ids tells what became of
        them. When 131,040 transfers wait already, further ones are refused as QUEUE_FULL.
        """
        terms = TransferTerms(book_id.bytes, return_balances, columns.names_value_dates(transfers))
        return await self._new_transfers.call_async(terms, transfers)

    def accounts(self, account_ids: Sequence[UUID], book_id: UUID | None = None) -> list[Account]:
        """Accounts by id with their balances as of one moment; those not in the book are left out."""
        request = pb.GetAccountsRequest(book_id=_id(book_id), account_ids=to_bytes(account_ids))
        return [columns.account(each) for each in self._connection.call(self._stub.GetAccounts, request).accounts]

    def list_accounts(
        self,
        book_id: UUID | None = None,
        owner_id: UUID | None = None,
        *,
        account_class: AccountClass | None = None,
        currency: str | None = None,
        code: int = 0,
        status: AccountStatus | None = None,
        user_data_128: UUID | None = None,
        user_data_64: int = 0,
        user_data_32: int = 0,
        from_ns: int = 0,
        until_ns: int = 0,
        newest_first: bool = False,
    ) -> Iterator[Account]:
        """Accounts of the book that have every value named, in order of creation or the newest first, page by page.

        Opened at or after `from_ns` and before `until_ns`, UTC nanoseconds, 0 for no bound.
        """
        request = pb.ListAccountsRequest(
            book_id=_id(book_id),
            page_size=_PAGE,
            owner_id=_id(owner_id),
            account_class=pb.AccountClass.ValueType(account_class or 0),
            ledger=ledger_of(currency) if currency else 0,
            code=code,
            status=pb.AccountStatus.ValueType(status or 0),
            user_data_128=_id(user_data_128),
            user_data_64=user_data_64,
            user_data_32=user_data_32,
            from_ns=from_ns,
            until_ns=until_ns,
            newest_first=newest_first,
        )
        for page in self._pages(self._stub.ListAccounts, request):
            yield from map(columns.account, page.accounts)

    def transfers(self, transfer_ids: Sequence[UUID], book_id: UUID | None = None) -> list[Transfer]:
        """Transfers by id, at most 8,190; unknown ids are left out."""
        request = pb.GetTransfersRequest(book_id=_id(book_id), transfer_ids=to_bytes(transfer_ids))
        return [columns.transfer(each) for each in self._connection.call(self._stub.GetTransfers, request).transfers]

    def list_transfers(
        self,
        book_id: UUID | None = None,
        where: TransferFilter = _ANY,
        *,
        from_ns: int = 0,
        until_ns: int = 0,
        newest_first: bool = False,
    ) -> Iterator[Transfer]:
        """Transfers of the book in order of commit or the newest first, page by page; bounds as in `statement`."""
        request = pb.ListTransfersRequest(
            book_id=_id(book_id),
            filter=columns.transfer_filter(where),
            from_ns=from_ns,
            until_ns=until_ns,
            newest_first=newest_first,
            page_size=_PAGE,
        )
        for page in self._pages(self._stub.ListTransfers, request):
            yield from map(columns.transfer, page.transfers)

    def statement(
        self,
        account_id: UUID,
        book_id: UUID | None = None,
        where: TransferFilter = _ANY,
        *,
        from_ns: int = 0,
        until_ns: int = 0,
        side: AccountSide | None = None,
        newest_first: bool = False,
        include_reservations: bool = False,
    ) -> Iterator[StatementEntry]:
        """The account's statement with running balance, in order of commit or the newest first.

        Entries at or after `from_ns` and before `until_ns`, UTC nanoseconds, 0 for no bound; on one side of the account
        where one is named. What moved no posted balance, reservations and their voids, is shown on request.
        """
        request = pb.GetStatementRequest(
            book_id=_id(book_id),
            account_id=account_id.bytes,
            filter=columns.transfer_filter(where),
            from_ns=from_ns,
            until_ns=until_ns,
            side=pb.AccountSide.ValueType(side or 0),
            newest_first=newest_first,
            include_reservations=include_reservations,
            page_size=_PAGE,
        )
        for page in self._pages(self._stub.GetStatement, request):
            for entry in page.entries:
                yield StatementEntry(columns.transfer(entry.transfer), entry.balance_minor, entry.position)

    def balances(
        self, account_ids: Sequence[UUID], book_id: UUID | None = None, *, as_of_ns: int = 0, as_of_position: int = 0
    ) -> dict[UUID, int]:
        """Posted balances, credits minus debits in minor units, at a past time or feed position; 0 means now."""
        request = pb.GetBalancesRequest(
            book_id=_id(book_id),
            account_ids=to_bytes(account_ids),
            as_of_ns=as_of_ns,
            as_of_position=as_of_position,
        )
        reply = self._connection.call(self._stub.GetBalances, request)
        return {UUID(bytes=each): sum_ for each, sum_ in zip(reply.account_ids, reply.balance_minor, strict=True)}

    def totals(self, book_id: UUID | None = None) -> Totals:
        """Totals per class and currency, by which anybody can tell whether the book balances."""
        reply = self._connection.call(self._stub.GetTotals, pb.GetTotalsRequest(book_id=_id(book_id)))
        return Totals([columns.class_total(each) for each in reply.totals], reply.transfers, reply.position)

    def set_account_status(
        self, book_id: UUID, account_ids: Sequence[UUID], status: AccountStatus, *, reason: str
    ) -> AccountsMoved:
        """Moves accounts, at most 1,000, to ACTIVE, RESTRICTED, DORMANT, CLOSING or CLOSED, all or none.

        Where one of them would let money through that it refuses now, another operator must confirm first. Those that
        are there already are left alone. `reason` holds no personal data.
        """
        request = pb.SetAccountStatusRequest(
            book_id=book_id.bytes,
            account_ids=to_bytes(account_ids),
            status=pb.AccountStatus.ValueType(status),
            reason=reason,
        )
        reply = self._connection.call(self._stub.SetAccountStatus, request)
        return AccountsMoved([AccountStatus(each) for each in reply.status], optional(reply.proposal_id))

    def set_freeze(self, book_id: UUID, account_ids: Sequence[UUID], *, order_reference: str) -> list[AccountStatus]:
        """Freezes accounts by order of a court or authority, as an operator."""
        request = pb.SetFreezeRequest(
            book_id=book_id.bytes,
            account_ids=to_bytes(account_ids),
            frozen=True,
            order_reference=order_reference,
        )
        return [AccountStatus(each) for each in self._connection.call(self._stub.SetFreeze, request).status]

    def lift_freeze(self, book_id: UUID, account_ids: Sequence[UUID], *, order_reference: str) -> UUID:
        """Proposes to release accounts from an order, as an operator; returns what another must confirm."""
        request = pb.LiftFreezeRequest(
            book_id=book_id.bytes, account_ids=to_bytes(account_ids), order_reference=order_reference
        )
        return UUID(bytes=self._connection.call(self._stub.LiftFreeze, request).proposal_id)

    def open_migration(self, book_id: UUID, window_id: UUID, *, seconds: int, reason: str) -> UUID | None:
        """Proposes a window in which the book's importer may post, as an operator.

        The importer names `window_id` as the mandate of clients' debits and of what clears suspense. Returns what
        another operator must confirm; None where the window is open already.
        """
        request = pb.OpenMigrationRequest(
            book_id=book_id.bytes, window_id=window_id.bytes, seconds=seconds, reason=reason
        )
        proposal_id = self._connection.call(self._stub.OpenMigration, request).proposal_id
        return UUID(bytes=proposal_id) if proposal_id else None

    def close_migration(self, book_id: UUID, window_id: UUID, *, reason: str) -> UUID:
        """Proposes to close the window, as an operator; returns what another must confirm."""
        request = pb.CloseMigrationRequest(book_id=book_id.bytes, window_id=window_id.bytes, reason=reason)
        return UUID(bytes=self._connection.call(self._stub.CloseMigration, request).proposal_id)

    def adopt_rules(self, book_id: UUID, version: str, purposes: Sequence[PurposeRule]) -> UUID | None:
        """Proposes rules that are as strict as the built-in minimum or stricter, as an operator.

        Returns the proposal that a second operator must confirm; None where these rules are in force already.
        """
        request = pb.AdoptRulesRequest(
            book_id=book_id.bytes, version=version, purposes=rule_messages.messages(purposes)
        )
        proposal_id = self._connection.call(self._stub.AdoptRules, request).proposal_id
        return UUID(bytes=proposal_id) if proposal_id else None

    def rules(self, book_id: UUID | None = None) -> Rules:
        """The rules in force: those adopted last, or the built-in minimum."""
        request = pb.GetRulesRequest(book_id=_id(book_id))
        return rule_messages.rules(self._connection.call(self._stub.GetRules, request).rules)

    def close(self) -> None:
        """Answers what is under way, and refuses what waits to be sent as CLIENT_CLOSED."""
        self._new_accounts.close()
        self._new_transfers.close()

    def _send_accounts(self, book_id: bytes, accounts: Sequence[NewAccount]) -> list[Result]:
        request = pb.CreateAccountsRequest(book_id=book_id, accounts=columns.account_columns(accounts))
        return columns.account_results(accounts, self._connection.call(self._stub.CreateAccounts, request))

    def _send_transfers(self, terms: TransferTerms, transfers: Sequence[NewTransfer]) -> list[TransferResult]:
        request = pb.CreateTransfersRequest(
            book_id=terms.book_id,
            transfers=columns.transfer_columns(transfers),
            return_balances=terms.return_balances,
        )
        return columns.transfer_results(transfers, self._connection.call(self._stub.CreateTransfers, request))

    def _pages(self, method: Any, request: Any) -> Iterator[Any]:
        while True:
            page = self._connection.call(method, request)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token


def _id(value: UUID | None) -> bytes:
    return value.bytes if value else b""
