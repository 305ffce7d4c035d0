"""CustodyService: map, call one command or query, map back."""

from __future__ import annotations

from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.feed.hearing import Hearing
from ringfence_kernel.rpc import bounds
from ringfence_kernel.rpc.page_tokens import Question
from ringfence_kernel.values.errors import DomainError, InvalidArgument
from ringfence_kernel.values.ids import ID_BYTES
from ringfence_kernel.writing.backlog import Backlog
from ringfence_protos.custody.v1 import custody_pb2 as pb
from ringfence_protos.custody.v1 import custody_pb2_grpc

from ringfence_custody.ledger.api import mapping, rule_mapping
from ringfence_custody.ledger.application.accounts_quota import AccountsQuota
from ringfence_custody.ledger.application.acts import Acts, Closing, Moving, Opening
from ringfence_custody.ledger.application.adopting import RuleCommands
from ringfence_custody.ledger.application.commands import Commands
from ringfence_custody.ledger.application.queries import Queries
from ringfence_custody.ledger.domain.columns import AccountColumns
from ringfence_custody.ledger.domain.result_codes import CreateAccountStatus

MAX_ROWS = 8_190
MAX_ACCOUNTS = 1_000
MAX_OWNERS = 100
MAX_ENTRIES = 100
DEFAULT_PAGE = 100
MAX_PAGE = 1_000
ORDER_REFERENCE_CHARACTERS = 140
REASON_CHARACTERS = 140
VERSION_CHARACTERS = 64
MIGRATION_SECONDS = 30 * 86_400


class CustodyServicer(custody_pb2_grpc.CustodyServiceServicer):
    """The ledger over gRPC; the caller's tenant decides the book."""

    def __init__(
        self,
        commands: Commands,
        rules: RuleCommands,
        acts: Acts,
        queries: Queries,
        backlog: Backlog,
        accounts: AccountsQuota,
        hearing: Hearing,
    ) -> None:
        """Serves these; rows are taken on as `backlog` allows, accounts up to their quota.

        Who posts is known by what was last heard of identity.
        """
        self._commands = commands
        self._rules = rules
        self._acts = acts
        self._queries = queries
        self._backlog = backlog
        self._accounts = accounts
        self._hearing = hearing

    async def CreateAccounts(self, request: pb.CreateAccountsRequest, context: Any) -> pb.CreateAccountsResponse:
        """Opens accounts; see the proto."""
        book_id = mapping.book_of(current_caller(), request.book_id)
        with self._backlog.taken(len(request.accounts.id) // ID_BYTES):
            status, timestamps = await self._create_accounts(book_id, mapping.account_columns(request.accounts))
        return pb.CreateAccountsResponse(status=status, timestamp_ns=timestamps)

    async def _create_accounts(self, book_id: bytes, columns: AccountColumns) -> tuple[bytes, list[int]]:
        """Counts the accounts that are opened; of a call that ends too early nobody knows, so all of its rows count."""
        rows = len(columns)
        self._accounts.take(book_id, rows)
        try:
            status, timestamps = await self._commands.create_accounts(book_id, columns)
        except DomainError:
            self._accounts.give_back(book_id, rows)
            raise
        self._accounts.give_back(book_id, rows - status.count(CreateAccountStatus.CREATED))
        return status, timestamps

    async def CreateTransfers(self, request: pb.CreateTransfersRequest, context: Any) -> pb.CreateTransfersResponse:
        """Creates transfers; see the proto."""
        caller = current_caller()
        book_id = mapping.book_of(caller, request.book_id)
        self._hearing.require()
        await self._commands.require_open(book_id)
        outcome = await self._commands.create_transfers(
            book_id,
            mapping.transfer_columns(request.transfers),
            mapping.poster(caller, request),
            with_balances=request.return_balances,
        )
        return mapping.transfers_response(outcome)

    async def BookEvidence(self, request: pb.BookEvidenceRequest, context: Any) -> pb.BookEvidenceResponse:
        """Creates transfers on the bank's word; see the proto."""
        book_id = bounds.identifier("book_id", request.book_id)
        rows = len(request.transfers.id) // ID_BYTES
        outcome = await self._commands.book_evidence(
            book_id, mapping.transfer_columns(request.transfers), mapping.evidence(request, rows)
        )
        return pb.BookEvidenceResponse(
            status=outcome.status, timestamp_ns=outcome.timestamp_ns, amount_minor=outcome.amount_minor
        )

    async def GetBookAccounts(self, request: pb.GetBookAccountsRequest, context: Any) -> pb.GetBookAccountsResponse:
        """Returns the accounts where the bank's word is booked."""
        mirrors, suspense, others = await self._queries.book_accounts(bounds.identifier("book_id", request.book_id))
        return pb.GetBookAccountsResponse(
            mirrors=map(mapping.account, mirrors),
            suspense=map(mapping.account, suspense),
            other_mirrors=map(mapping.account, others),
        )

    async def GetAccounts(self, request: pb.GetAccountsRequest, context: Any) -> pb.GetAccountsResponse:
        """Returns accounts by id."""
        book_id = mapping.book_of(current_caller(), request.book_id)
        account_ids = mapping.identifiers("account_ids", request.account_ids, MAX_ROWS)
        views = await self._queries.accounts(book_id, account_ids)
        return pb.GetAccountsResponse(accounts=map(mapping.account, views))

    async def LookUpAccounts(self, request: pb.LookUpAccountsRequest, context: Any) -> pb.LookUpAccountsResponse:
        """Tells whose accounts are."""
        book_id = bounds.identifier("book_id", request.book_id)
        account_ids = mapping.identifiers("account_ids", request.account_ids, MAX_ACCOUNTS)
        found = await self._queries.owners_of(book_id, account_ids)
        accounts = [
            pb.AccountOwner(owner_id=owner_id, account_class=pb.AccountClass.ValueType(account_class))
            for owner_id, account_class in found
        ]
        return pb.LookUpAccountsResponse(accounts=accounts)

    async def LookUpOwners(self, request: pb.LookUpOwnersRequest, context: Any) -> pb.LookUpOwnersResponse:
        """Tells what owners have."""
        book_id = bounds.identifier("book_id", request.book_id)
        owner_ids = mapping.identifiers("owner_ids", request.owner_ids, MAX_OWNERS)
        found = await self._queries.holdings(book_id, owner_ids)
        return pb.LookUpOwnersResponse(holdings=map(mapping.holdings, found))

    async def LookUpCorrections(
        self, request: pb.LookUpCorrectionsRequest, context: Any
    ) -> pb.LookUpCorrectionsResponse:
        """Tells what people have put right of a payment."""
        book_id = bounds.identifier("book_id", request.book_id)
        mandate = bounds.identifier("instruction_id", request.instruction_id)
        found = await self._queries.corrections(book_id, mandate, MAX_PAGE)
        return pb.LookUpCorrectionsResponse(corrections=map(mapping.transfer, found))

    async def LookUpTakings(self, request: pb.LookUpTakingsRequest, context: Any) -> pb.LookUpTakingsResponse:
        """Tells what was given for what a bank took."""
        book_id = bounds.identifier("book_id", request.book_id)
        entries = mapping.identifiers("entry_ids", request.entry_ids, MAX_ENTRIES)
        found = await self._queries.takings(book_id, entries)
        return pb.LookUpTakingsResponse(
            takings=[pb.Taking(taken_minor=taken, given_minor=given) for taken, given in found]
        )

    async def ListAccounts(self, request: pb.ListAccountsRequest, context: Any) -> pb.ListAccountsResponse:
        """Returns a page of accounts."""
        book_id = mapping.book_of(current_caller(), request.book_id)
        question = Question(request, book_id=book_id)
        (place,) = question.place()
        views, more = await self._queries.list_accounts(
            book_id, mapping.account_filter(request), place, _page_size(request)
        )
        return pb.ListAccountsResponse(accounts=map(mapping.account, views), next_page_token=question.token(more))

    async def GetTransfers(self, request: pb.GetTransfersRequest, context: Any) -> pb.GetTransfersResponse:
        """Returns transfers by id."""
        book_id = mapping.book_of(current_caller(), request.book_id)
        transfer_ids = mapping.identifiers("transfer_ids", request.transfer_ids, MAX_ROWS)
        found = await self._queries.transfers(book_id, transfer_ids)
        return pb.GetTransfersResponse(transfers=map(mapping.transfer, found))

    async def ListTransfers(self, request: pb.ListTransfersRequest, context: Any) -> pb.ListTransfersResponse:
        """Returns a page of transfers by what they say."""
        book_id = mapping.book_of(current_caller(), request.book_id)
        question = Question(request, book_id=book_id)
        (place,) = question.place()
        selection = mapping.selection(request, place, _page_size(request))
        found, more = await self._queries.list_transfers(book_id, selection)
        return pb.ListTransfersResponse(
            transfers=map(mapping.transfer, found),
            next_page_token=question.token(found[-1].transfer.timestamp if more else 0),
        )

    async def GetStatement(self, request: pb.GetStatementRequest, context: Any) -> pb.GetStatementResponse:
        """Returns a page of an account's statement."""
        book_id = mapping.book_of(current_caller(), request.book_id)
        account_id = bounds.identifier("account_id", request.account_id)
        question = Question(request, book_id=book_id)
        (place,) = question.place()
        selection = mapping.selection(request, place, _page_size(request))
        lines, more = await self._queries.statement(
            book_id,
            account_id,
            selection,
            debit=mapping.debit_side(request.side),
            reservations=request.include_reservations,
        )
        return pb.GetStatementResponse(
            entries=[mapping.statement_entry(named, line) for named, line in lines],
            next_page_token=question.token(lines[-1][1].transfer.timestamp if more else 0),
        )

    async def GetBalances(self, request: pb.GetBalancesRequest, context: Any) -> pb.GetBalancesResponse:
        """Returns balances at a past time or event, or now."""
        book_id = mapping.book_of(current_caller(), request.book_id)
        account_ids = mapping.identifiers("account_ids", request.account_ids, MAX_ACCOUNTS)
        if request.as_of_ns and request.as_of_position:
            raise InvalidArgument("only one of as_of_ns and as_of_position may be given", field="as_of_position")
        found = await self._queries.balances(
            book_id, account_ids, as_of_ns=request.as_of_ns, as_of_position=request.as_of_position
        )
        return pb.GetBalancesResponse(
            account_ids=[account_id for account_id, _ in found], balance_minor=[balance for _, balance in found]
        )

    async def GetTotals(self, request: pb.GetTotalsRequest, context: Any) -> pb.GetTotalsResponse:
        """Returns totals per class and currency."""
        book_id = mapping.book_of(current_caller(), request.book_id)
        totals, transfers, position = await self._queries.totals(book_id)
        return pb.GetTotalsResponse(totals=map(mapping.class_total, totals), transfers=transfers, position=position)

    async def SetFreeze(self, request: pb.SetFreezeRequest, context: Any) -> pb.SetFreezeResponse:
        """Freezes accounts by order."""
        caller = current_caller()
        if not request.frozen:
            raise InvalidArgument("a freeze is lifted by LiftFreeze, which takes two people", field="frozen")
        status = await self._commands.set_freeze(
            mapping.book_of(caller, request.book_id),
            mapping.identifiers("account_ids", request.account_ids, MAX_ACCOUNTS),
            bounds.text("order_reference", request.order_reference, maximum=ORDER_REFERENCE_CHARACTERS),
            caller.subject,
        )
        return pb.SetFreezeResponse(status=[pb.AccountStatus.ValueType(each) for each in status])

    async def LiftFreeze(self, request: pb.LiftFreezeRequest, context: Any) -> pb.LiftFreezeResponse:
        """Proposes to release accounts from an order."""
        caller = current_caller()
        proposal = await self._acts.lift(
            mapping.book_of(caller, request.book_id),
            mapping.identifiers("account_ids", request.account_ids, MAX_ACCOUNTS),
            bounds.text("order_reference", request.order_reference, maximum=ORDER_REFERENCE_CHARACTERS),
            caller,
        )
        return pb.LiftFreezeResponse(proposal_id=proposal)

    async def OpenMigration(self, request: pb.OpenMigrationRequest, context: Any) -> pb.OpenMigrationResponse:
        """Proposes to let an importer post for a time."""
        caller = current_caller()
        opening = Opening(
            bounds.identifier("window_id", request.window_id),
            bounds.number("seconds", request.seconds, minimum=1, maximum=MIGRATION_SECONDS),
            bounds.text("reason", request.reason, maximum=REASON_CHARACTERS),
        )
        proposal = await self._acts.open(mapping.book_of(caller, request.book_id), opening, caller)
        return pb.OpenMigrationResponse(proposal_id=proposal)

    async def CloseMigration(self, request: pb.CloseMigrationRequest, context: Any) -> pb.CloseMigrationResponse:
        """Proposes to end that time."""
        caller = current_caller()
        closing = Closing(
            bounds.identifier("window_id", request.window_id),
            bounds.text("reason", request.reason, maximum=REASON_CHARACTERS),
        )
        proposal = await self._acts.close(mapping.book_of(caller, request.book_id), closing, caller)
        return pb.CloseMigrationResponse(proposal_id=proposal)

    async def SetAccountStatus(self, request: pb.SetAccountStatusRequest, context: Any) -> pb.SetAccountStatusResponse:
        """Moves accounts along their life cycle."""
        caller = current_caller()
        moving = Moving(
            mapping.identifiers("account_ids", request.account_ids, MAX_ACCOUNTS),
            mapping.decided_status(request.status),
            bounds.text("reason", request.reason, maximum=REASON_CHARACTERS),
        )
        status, proposal = await self._acts.move(mapping.book_of(caller, request.book_id), moving, caller)
        shown = [pb.AccountStatus.ValueType(each) for each in status]
        return pb.SetAccountStatusResponse(status=shown, proposal_id=proposal)

    async def AdoptRules(self, request: pb.AdoptRulesRequest, context: Any) -> pb.AdoptRulesResponse:
        """Proposes rules for a second operator to put in force."""
        caller = current_caller()
        pack, proposal = await self._rules.propose(
            mapping.book_of(caller, request.book_id),
            bounds.text("version", request.version, maximum=VERSION_CHARACTERS),
            rule_mapping.purpose_rules(request.purposes),
            caller,
        )
        return pb.AdoptRulesResponse(rules=rule_mapping.rules(pack), proposal_id=proposal)

    async def GetRules(self, request: pb.GetRulesRequest, context: Any) -> pb.GetRulesResponse:
        """Returns the rules in force."""
        pack = await self._queries.rules(mapping.book_of(current_caller(), request.book_id))
        return pb.GetRulesResponse(rules=rule_mapping.rules(pack))


def _page_size(request: pb.ListAccountsRequest | pb.ListTransfersRequest | pb.GetStatementRequest) -> int:
    return bounds.page("page_size", request.page_size, default=DEFAULT_PAGE, maximum=MAX_PAGE)
