"""Between the protos and the domain: fields checked and converted, nothing decided."""

from __future__ import annotations

from collections.abc import Sequence

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.rpc import bounds
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.ids import ID_BYTES
from ringfence_protos.custody.v1 import custody_pb2 as pb

from ringfence_custody.ledger.application.account_filter import AccountFilter
from ringfence_custody.ledger.application.commands import Evidence, Poster
from ringfence_custody.ledger.application.ports import Selection, StatementLine
from ringfence_custody.ledger.application.views import AccountView, ClassTotals, Holdings, NamedTransfer
from ringfence_custody.ledger.domain.authority import PAYMENT_INSTRUCTION, Reach
from ringfence_custody.ledger.domain.columns import AccountColumns, TransferColumns
from ringfence_custody.ledger.domain.errors import BookNotFound, ColumnsMalformed
from ringfence_custody.ledger.domain.incoming import Balances, Outcome
from ringfence_custody.ledger.domain.lifecycle import BY_DECISION, AccountStatus


def book_of(caller: Caller, book_id: bytes) -> bytes:
    """Returns the book a request is about; another tenant's is answered exactly like one that does not exist."""
    if caller.tenant is None:
        return bounds.identifier("book_id", book_id)
    if book_id and book_id != caller.tenant:
        raise BookNotFound
    return caller.tenant


def poster(caller: Caller, request: pb.CreateTransfersRequest) -> Poster:
    """Returns on whose behalf transfers are created: by this service's token of a submission, or by an importer."""
    if caller.service == "payment-instruction":
        position = request.identity_position if request.HasField("identity_position") else None
        return Poster(PAYMENT_INSTRUCTION, Reach.SUBMISSION, position)
    return Poster(caller.subject, Reach.MIGRATION)


def evidence(request: pb.BookEvidenceRequest, rows: int) -> Evidence:
    """Returns what each row rests on; raises ColumnsMalformed where a column does not have one value per row."""
    widths = (("evidence_sha256", 2 * ID_BYTES), ("entry_ids", ID_BYTES), ("feed_ids", ID_BYTES))
    columns = []
    for name, width in widths:
        column: bytes = getattr(request, name)
        if len(column) != rows * width:
            raise ColumnsMalformed(f"{name} has {len(column)} bytes for {rows} rows", field=name)
        columns.append([column[at : at + width] for at in range(0, len(column), width)])
    return Evidence(*columns)


def identifiers(field: str, values: Sequence[bytes], maximum: int) -> list[bytes]:
    """Returns ids of 16 bytes each; raises InvalidArgument."""
    bounds.size(field, len(values), minimum=1, maximum=maximum)
    return [bounds.identifier(field, value) for value in values]


def holdings(found: Holdings) -> pb.Holdings:
    """Returns what an owner has."""
    return pb.Holdings(
        accounts=found.accounts,
        with_balance=found.with_balance,
        with_pending=found.with_pending,
        held=found.held,
        last_movement_ns=found.last_movement_ns,
    )


def account_columns(message: pb.AccountColumns) -> AccountColumns:
    """Returns the columns as they came."""
    return AccountColumns(
        id=message.id,
        owner_id=message.owner_id,
        account_class=list(message.account_class),
        ledger=list(message.ledger),
        code=list(message.code),
        flags=list(message.flags),
        user_data_128=message.user_data_128,
        user_data_64=list(message.user_data_64),
        user_data_32=list(message.user_data_32),
    )


def transfer_columns(message: pb.TransferColumns) -> TransferColumns:
    """Returns the columns as they came."""
    return TransferColumns(
        id=message.id,
        debit_account_id=message.debit_account_id,
        credit_account_id=message.credit_account_id,
        amount_minor=list(message.amount_minor),
        pending_id=message.pending_id,
        user_data_128=message.user_data_128,
        user_data_64=list(message.user_data_64),
        user_data_32=list(message.user_data_32),
        timeout_seconds=list(message.timeout_seconds),
        ledger=list(message.ledger),
        code=list(message.code),
        flags=list(message.flags),
        value_date_days=list(message.value_date_days),
    )


def transfers_response(outcome: Outcome) -> pb.CreateTransfersResponse:
    """Returns statuses, times and, where asked for, balances as columns."""
    response = pb.CreateTransfersResponse(status=outcome.status, timestamp_ns=outcome.timestamp_ns)
    if outcome.balances is not None:
        response.debit_balances.CopyFrom(_balances(outcome.balances, 0))
        response.credit_balances.CopyFrom(_balances(outcome.balances, 4))
    return response


def _balances(rows: Sequence[Balances], first: int) -> pb.BalanceColumns:
    return pb.BalanceColumns(
        debits_pending_minor=[row[first] for row in rows],
        debits_posted_minor=[row[first + 1] for row in rows],
        credits_pending_minor=[row[first + 2] for row in rows],
        credits_posted_minor=[row[first + 3] for row in rows],
    )


def account(view: AccountView) -> pb.Account:
    """Returns an account with its balances."""
    return pb.Account(
        id=view.id,
        owner_id=view.owner_id,
        account_class=pb.AccountClass.ValueType(view.account_class),
        ledger=view.ledger,
        code=view.code,
        flags=view.flags,
        status=pb.AccountStatus.ValueType(view.status),
        order_reference=view.order_reference,
        debits_pending_minor=view.debits_pending,
        debits_posted_minor=view.debits_posted,
        credits_pending_minor=view.credits_pending,
        credits_posted_minor=view.credits_posted,
        timestamp_ns=view.timestamp_ns,
        user_data_128=view.user_data_128,
        user_data_64=view.user_data_64,
        user_data_32=view.user_data_32,
    )


def transfer(named: NamedTransfer) -> pb.Transfer:
    """Returns a transfer as stored."""
    stored = named.transfer
    return pb.Transfer(
        id=stored.id,
        debit_account_id=named.debit_account_id,
        credit_account_id=named.credit_account_id,
        amount_minor=stored.amount,
        pending_id=stored.pending_id,
        user_data_128=stored.user_data_128,
        user_data_64=stored.user_data_64,
        user_data_32=stored.user_data_32,
        timeout_seconds=stored.timeout,
        ledger=named.ledger,
        code=stored.code,
        flags=stored.flags,
        value_date_days=stored.value_date,
        timestamp_ns=stored.timestamp,
    )


def statement_entry(named: NamedTransfer, line: StatementLine) -> pb.StatementEntry:
    """Returns a line of a statement."""
    return pb.StatementEntry(transfer=transfer(named), balance_minor=line.balance_minor, position=line.position)


def class_total(totals: ClassTotals) -> pb.ClassTotal:
    """Returns the totals of one class and currency."""
    return pb.ClassTotal(
        account_class=pb.AccountClass.ValueType(totals.account_class),
        ledger=totals.ledger,
        accounts=totals.accounts,
        debits_posted_minor=totals.debits_posted,
        credits_posted_minor=totals.credits_posted,
        debits_pending_minor=totals.debits_pending,
        credits_pending_minor=totals.credits_pending,
    )


def decided_status(value: int) -> AccountStatus:
    """Returns a state that a decision may bring about; raises InvalidArgument for any other."""
    if value not in BY_DECISION:
        names = ", ".join(status.name for status in BY_DECISION)
        raise InvalidArgument(f"status must be one of {names}", field="status")
    return AccountStatus(value)


def account_filter(request: pb.ListAccountsRequest) -> AccountFilter:
    """Returns which accounts are asked for; sixteen zeros as owner ask for accounts without one."""
    if request.owner_id:
        bounds.size("owner_id", len(request.owner_id), minimum=ID_BYTES, maximum=ID_BYTES)
    return AccountFilter(
        owner_id=request.owner_id,
        account_class=request.account_class,
        ledger=request.ledger,
        code=request.code,
        status=request.status,
        user_data_128=bounds.optional_identifier("user_data_128", request.user_data_128) or b"",
        user_data_64=request.user_data_64,
        user_data_32=request.user_data_32,
        from_ns=request.from_ns,
        until_ns=request.until_ns,
        newest_first=request.newest_first,
    )


def selection(request: pb.ListTransfersRequest | pb.GetStatementRequest, place: int, limit: int) -> Selection:
    """Returns which transfers are asked for, beyond the place that the page token names: the last time shown."""
    wanted, from_ns, until_ns = request.filter, request.from_ns, request.until_ns
    if place and request.newest_first:
        until_ns = place
    elif place:
        from_ns = place + 1
    return Selection(
        ledger=wanted.ledger,
        code=bounds.number("filter.code", wanted.code, minimum=0, maximum=2**16 - 1),
        user_data_128=bounds.optional_identifier("filter.user_data_128", wanted.user_data_128) or b"",
        user_data_64=wanted.user_data_64,
        user_data_32=wanted.user_data_32,
        from_ns=from_ns,
        until_ns=until_ns,
        newest_first=request.newest_first,
        limit=limit,
    )


def debit_side(side: pb.AccountSide.ValueType) -> bool | None:
    """Returns whether the debit side is meant, None for both; raises InvalidArgument."""
    sides = {pb.ACCOUNT_SIDE_UNSPECIFIED: None, pb.ACCOUNT_SIDE_DEBIT: True, pb.ACCOUNT_SIDE_CREDIT: False}
    if side not in sides:
        raise InvalidArgument("side is unknown", field="side")
    return sides[side]
