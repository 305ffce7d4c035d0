"""Custody over gRPC: transfers as columns, and the accounts of a book that have no owner."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NoReturn

from ringfence_kernel.feed.hearing import StandingStale
from ringfence_kernel.feed.published import code_names
from ringfence_kernel.rpc.client import Peer
from ringfence_kernel.rpc.errors import RemoteError, hinted, peer_refused
from ringfence_kernel.telemetry import tracing
from ringfence_kernel.telemetry.logs import get
from ringfence_kernel.values.money import MAX_AMOUNT_MINOR
from ringfence_protos.custody.v1 import custody_pb2 as pb
from ringfence_protos.custody.v1.custody_pb2_grpc import CustodyServiceStub

from ringfence_payment_instruction.settlement.application.ports import BookAccounts
from ringfence_payment_instruction.settlement.domain.errors import CustodyUnavailable
from ringfence_payment_instruction.settlement.domain.transfers import (
    Booked,
    Correction,
    Evidence,
    PlannedTransfer,
    Taking,
    TransferKind,
)
from ringfence_payment_instruction.submissions.domain.errors import AuthorisationRefused

TIMEOUT_SECONDS = 10.0
MAX_ACCOUNTS = 1_000
MAX_ENTRIES = 100
OVERDRAFT_COVERED = 256
"""Flag of an account (docs/ledger.md)."""
# Flags of a transfer (docs/ledger.md).
FLAGS = {
    TransferKind.PLAIN: 0,
    TransferKind.PENDING: 2,
    TransferKind.POST: 4,
    TransferKind.VOID: 8,
    TransferKind.BALANCING: 16,
}
RESULTS = {code: name.lower() for code, name in code_names(pb.CreateTransferStatus.DESCRIPTOR).items()}
"""Result codes of a transfer (docs/ledger.md)."""
UNKNOWN_RESULTS = "ringfence.results.unknown"
_LOG = get(__name__)


class CustodyClient:
    """The Custody port over a Peer. A book's accounts without an owner are held until asked for afresh."""

    def __init__(self, peer: Peer) -> None:
        """Calls `peer`."""
        self._peer = peer
        self._accounts: dict[bytes, BookAccounts] = {}

    async def create_transfers(
        self, tenant: bytes, token: str, transfers: Sequence[PlannedTransfer], identity_position: int
    ) -> list[str]:
        """Returns the result name per transfer; raises CustodyUnavailable, StandingStale, AuthorisationRefused.

        A code that the proto does not list, of a newer custody, gets a name that nobody knows, and raises an alarm.
        """
        request = pb.CreateTransfersRequest(
            book_id=tenant, transfers=columns(transfers), identity_position=identity_position
        )
        return _results((await self._call("CreateTransfers", request, token)).status)

    async def book_evidence(self, tenant: bytes, transfers: Sequence[PlannedTransfer]) -> list[str]:
        """Returns the result name per transfer, as above, by this workload's certificate alone."""
        return [each.result for each in await self.book_amounts(tenant, transfers)]

    async def book_amounts(self, tenant: bytes, transfers: Sequence[PlannedTransfer]) -> list[Booked]:
        """Does the same, with the amounts as they took effect; an earlier custody tells none, and clips none."""
        evidence = [each.evidence or Evidence() for each in transfers]
        request = pb.BookEvidenceRequest(
            book_id=tenant,
            transfers=columns(transfers),
            evidence_sha256=b"".join([each.sha256 for each in evidence]),
            entry_ids=b"".join([each.entry for each in evidence]),
            feed_ids=b"".join([each.source for each in evidence]),
        )
        reply = await self._call("BookEvidence", request)
        amounts = reply.amount_minor or [each.amount_minor for each in transfers]
        return list(map(Booked, _results(reply.status), amounts))

    async def book_accounts(self, tenant: bytes, *, fresh: bool = False) -> BookAccounts:
        """Returns bank mirrors and suspense accounts, the oldest of each ledger; errors as above."""
        held = None if fresh else self._accounts.get(tenant)
        if held is None:
            reply = await self._call("GetBookAccounts", pb.GetBookAccountsRequest(book_id=tenant))
            held = self._accounts[tenant] = BookAccounts(
                {each.ledger: each.id for each in reply.mirrors},
                {each.ledger: each.id for each in reply.suspense},
                {each.id: each.ledger for each in reply.other_mirrors},
            )
        return held

    async def frozen(self, tenant: bytes, token: str, accounts: Collection[bytes]) -> frozenset[bytes]:
        """Returns those of the accounts that are frozen; errors as above."""
        found: set[bytes] = set()
        wanted = list(accounts)
        for first in range(0, len(wanted), MAX_ACCOUNTS):
            request = pb.GetAccountsRequest(book_id=tenant, account_ids=wanted[first : first + MAX_ACCOUNTS])
            reply = await self._call("GetAccounts", request, token)
            found |= {each.id for each in reply.accounts if each.status == pb.ACCOUNT_STATUS_FROZEN}
        return frozenset(found)

    async def corrections(self, tenant: bytes, instruction_id: bytes) -> list[Correction]:
        """Returns the corrections with this mandate, the first 1,000, by this workload's certificate alone."""
        request = pb.LookUpCorrectionsRequest(book_id=tenant, instruction_id=instruction_id)
        reply = await self._call("LookUpCorrections", request)
        return [
            Correction(each.debit_account_id, each.credit_account_id, each.amount_minor, each.ledger)
            for each in reply.corrections
            if not each.flags & FLAGS[TransferKind.PENDING]
        ]

    async def takings(self, tenant: bytes, entries: Sequence[bytes]) -> list[Taking]:
        """Returns what was taken and given by each entry, by this workload's certificate alone; errors as above."""
        found: list[Taking] = []
        for first in range(0, len(entries), MAX_ENTRIES):
            request = pb.LookUpTakingsRequest(book_id=tenant, entry_ids=entries[first : first + MAX_ENTRIES])
            reply = await self._call("LookUpTakings", request)
            found += [Taking(each.taken_minor, each.given_minor) for each in reply.takings]
        return found

    async def available_minor(self, tenant: bytes, token: str, accounts: Collection[bytes]) -> dict[bytes, int]:
        """Returns what each account that is there may be debited for now, minor units; errors as above."""
        wanted, found = sorted(accounts), dict[bytes, int]()
        for first in range(0, len(wanted), MAX_ACCOUNTS):
            request = pb.GetAccountsRequest(book_id=tenant, account_ids=wanted[first : first + MAX_ACCOUNTS])
            reply = await self._call("GetAccounts", request, token)
            found |= {account.id: _available_minor(account) for account in reply.accounts}
        return found

    async def _call(self, method: str, request: Any, token: str = "") -> Any:  # nosec B107 # no password
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
        code=[int(each.purpose) for each in transfers],
        flags=[FLAGS[each.kind] for each in transfers],
        value_date_days=[each.value_day for each in transfers],
    )


def _results(codes: bytes) -> list[str]:
    """Returns the names of result codes; raises an alarm where one is not listed."""
    unknown = sorted(set(codes) - RESULTS.keys())
    if unknown:
        _alarm(unknown)
    return [RESULTS.get(code, f"status_{code}") for code in codes]


def _available_minor(account: pb.Account) -> int:
    if account.flags & OVERDRAFT_COVERED:
        return MAX_AMOUNT_MINOR  # a guarantee stands behind it: custody alone can tell
    return account.credits_posted_minor - account.debits_posted_minor - account.debits_pending_minor


def _alarm(codes: list[int]) -> None:
    _LOG.error("custody_result_unknown", codes=codes)
    count_unknown(1)


def count_unknown(count: int) -> None:
    """Counts unknown answers; none at the start, since a rise from nothing would not be seen."""
    meaning = "Answers of custody with a result code that is not listed."
    tracing.meter().create_counter(UNKNOWN_RESULTS, unit="{answer}", description=meaning).add(count)


def _raise(error: RemoteError) -> NoReturn:
    if error.code in ("PERMISSION_DENIED", "UNAUTHENTICATED"):
        raise AuthorisationRefused from error
    if error.is_lasting:
        raise peer_refused("custody", error) from error
    if error.reason == StandingStale.reason:
        raise hinted(StandingStale(), error) from error
    raise hinted(CustodyUnavailable(), error) from error
