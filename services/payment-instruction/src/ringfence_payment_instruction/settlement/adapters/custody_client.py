"""Custody over gRPC: transfers as columns, and the accounts of a book that have no owner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from ringfence_kernel.rpc.client import Peer
from ringfence_kernel.rpc.errors import RemoteError
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_protos.custody.v1 import custody_pb2 as pb
from ringfence_protos.custody.v1.custody_pb2_grpc import CustodyServiceStub

from ringfence_payment_instruction.settlement.application.ports import BookAccounts
from ringfence_payment_instruction.settlement.domain.errors import CustodyUnavailable
from ringfence_payment_instruction.settlement.domain.transfers import PlannedTransfer, Purpose, TransferKind
from ringfence_payment_instruction.submissions.domain.errors import AuthorisationRefused

TIMEOUT_SECONDS = 10.0
PAGE_SIZE = 1_000
# Flags of a transfer (docs/ledger.md).
FLAGS = {TransferKind.PLAIN: 0, TransferKind.PENDING: 2, TransferKind.POST: 4, TransferKind.VOID: 8}
# Purposes of a transfer (docs/ledger.md).
CODES = {Purpose.DEPOSIT: 1, Purpose.WITHDRAWAL: 2, Purpose.PAYMENT: 3}
# Result codes of a transfer (docs/ledger.md); others are told apart by their number only.
RESULTS = {
    0: "created",
    46: "exists",
    68: "id_already_failed",
    21: "debit_account_not_found",
    22: "credit_account_not_found",
    23: "accounts_must_have_the_same_ledger",
    24: "transfer_must_have_the_same_ledger_as_accounts",
    25: "pending_transfer_not_found",
    33: "pending_transfer_already_posted",
    34: "pending_transfer_already_voided",
    35: "pending_transfer_expired",
    54: "exceeds_credits",
    55: "exceeds_debits",
    65: "debit_account_already_closed",
    66: "credit_account_already_closed",
    201: "purpose_unknown",
    202: "account_class_mismatch",
    203: "mandate_missing",
    204: "debit_account_frozen",
    205: "debit_account_not_active",
    206: "credit_account_frozen",
    207: "credit_account_not_active",
    208: "overdraft_not_covered",
    209: "guarantee_below_overdrafts",
    210: "exceeds_purpose_maximum",
} | dict.fromkeys((36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 67, 200), "exists_with_different_content")


class CustodyClient:
    """The Custody port over a Peer. A book's accounts without an owner are held until asked for afresh."""

    def __init__(self, peer: Peer) -> None:
        """Calls `peer`."""
        self._peer = peer
        self._accounts: dict[bytes, BookAccounts] = {}

    async def create_transfers(self, tenant: bytes, token: str, transfers: Sequence[PlannedTransfer]) -> list[str]:
        """Returns the result name per transfer; raises CustodyUnavailable, AuthorisationRefused."""
        request = pb.CreateTransfersRequest(book_id=tenant, transfers=columns(transfers))
        reply = await self._call("CreateTransfers", request, token)
        return [RESULTS.get(code, f"status_{code}") for code in reply.status]

    async def book_accounts(self, tenant: bytes, token: str, *, fresh: bool = False) -> BookAccounts:
        """Returns bank mirrors and suspense accounts, the oldest of each ledger; errors as above."""
        held = None if fresh else self._accounts.get(tenant)
        if held is None:
            held = self._accounts[tenant] = await self._list(tenant, token)
        return held

    async def _list(self, tenant: bytes, token: str) -> BookAccounts:
        found: dict[int, dict[int, bytes]] = {pb.ACCOUNT_CLASS_BANK_MIRROR: {}, pb.ACCOUNT_CLASS_SUSPENSE: {}}
        page_token = ""
        while True:
            request = pb.ListAccountsRequest(
                book_id=tenant, owner_id=ZERO_ID, page_size=PAGE_SIZE, page_token=page_token
            )
            reply = await self._call("ListAccounts", request, token)
            for account in reply.accounts:
                if account.account_class in found:
                    found[account.account_class].setdefault(account.ledger, account.id)
            page_token = reply.next_page_token
            if not page_token:
                return BookAccounts(found[pb.ACCOUNT_CLASS_BANK_MIRROR], found[pb.ACCOUNT_CLASS_SUSPENSE])

    async def _call(self, method: str, request: Any, token: str) -> Any:
        try:
            return await self._peer.call(
                CustodyServiceStub, method, request, token=token, timeout=TIMEOUT_SECONDS, idempotent=True
            )
        except RemoteError as error:
            _raise(error)


def columns(transfers: Sequence[PlannedTransfer]) -> pb.TransferColumns:
    """Returns transfers as columns."""
    return pb.TransferColumns(
        id=b"".join([each.id for each in transfers]),
        debit_account_id=b"".join([each.debit_account for each in transfers]),
        credit_account_id=b"".join([each.credit_account for each in transfers]),
        amount_minor=[each.amount_minor for each in transfers],
        pending_id=b"".join([each.pending_id for each in transfers]),
        user_data_128=b"".join([each.subject for each in transfers]),
        ledger=[each.ledger for each in transfers],
        code=[CODES[each.purpose] for each in transfers],
        flags=[FLAGS[each.kind] for each in transfers],
        value_date_days=[each.value_day for each in transfers],
    )


def _raise(error: RemoteError) -> NoReturn:
    if error.code in ("PERMISSION_DENIED", "UNAUTHENTICATED"):
        raise AuthorisationRefused from error
    raise CustodyUnavailable from error
