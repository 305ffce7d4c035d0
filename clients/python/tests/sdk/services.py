"""Fake services behind real gRPC and mutual TLS: they remember what they were asked and answer as told."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status
from ringfence_protos.audit.v1 import audit_pb2, audit_pb2_grpc
from ringfence_protos.common.v1 import proposals_pb2, proposals_pb2_grpc
from ringfence_protos.custody.v1 import custody_pb2, custody_pb2_grpc
from ringfence_protos.identity.v1 import identity_pb2, identity_pb2_grpc
from ringfence_protos.payment_instruction.v1 import (
    payment_instruction_pb2,
    payment_instruction_pb2_grpc,
    statements_pb2,
    statements_pb2_grpc,
)

# So that a test that fails ends.
_HELD_SECONDS = 20.0


def refuse(
    context: grpc.ServicerContext, code: str, reason: str, retry_after_seconds: float = 0.0, **metadata: str
) -> None:
    """Ends the call as the services do: google.rpc.Status with ErrorInfo, and RetryInfo where there is a time."""
    messages: list[Any] = [error_details_pb2.ErrorInfo(reason=reason, domain="ringfence", metadata=metadata)]
    if retry_after_seconds:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(int(retry_after_seconds * 1_000))
        messages.append(error_details_pb2.RetryInfo(retry_delay=delay))
    details = [any_pb2.Any() for _ in messages]
    for detail, message in zip(details, messages, strict=True):
        detail.Pack(message)
    status = status_pb2.Status(code=code_pb2.Code.Value(code), message=reason.lower(), details=details)
    context.abort_with_status(rpc_status.to_status(status))


def split(column: bytes) -> list[bytes]:
    """The ids in a column."""
    return [column[at : at + 16] for at in range(0, len(column), 16)]


def time_of(identifier: bytes) -> int:
    """The time at which the ledger creates what has this id."""
    return int.from_bytes(identifier[8:])


class Tokens(identity_pb2_grpc.TokenServiceServicer):
    """Issues token-1, token-2, …; `assertions` are those it was shown.

    `may_answer` holds answers back while it is not set.
    """

    def __init__(self) -> None:
        self.assertions: list[str] = []
        self.expires_in_seconds = 300
        self.may_answer = threading.Event()
        self.may_answer.set()

    def IssueToken(self, request: Any, context: Any) -> Any:
        """Counts."""
        self.assertions.append(request.client_assertion)
        token = f"token-{len(self.assertions)}"
        self.may_answer.wait(_HELD_SECONDS)
        return identity_pb2.IssueTokenResponse(access_token=token, expires_in_seconds=self.expires_in_seconds)


class Ledger(custody_pb2_grpc.CustodyServiceServicer):
    """Creates whatever it is asked to, at a time that is the end of the row's id.

    `refusals` are given first, one per call. `may_answer` holds answers back while it is not set. `poison` are ids that
    get the whole request refused, and so do more rows than `most_rows`.
    """

    def __init__(self) -> None:
        self.refusals: list[tuple[str, str] | tuple[str, str, float]] = []
        self.tokens: list[str] = []
        self.requests: list[Any] = []
        self.status = b""
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.poison: set[bytes] = set()
        self.most_rows = 8_190

    def _enter(self, request: Any, context: Any) -> None:
        self.requests.append(request)
        self.tokens.append(dict(context.invocation_metadata())["authorization"])
        self.may_answer.wait(_HELD_SECONDS)
        if self.refusals:
            refuse(context, *self.refusals.pop(0), seen="yes")

    def _enter_rows(self, request: Any, rows: Any, context: Any) -> list[bytes]:
        self._enter(request, context)
        ids = split(rows.id)
        if self.poison.intersection(ids):
            refuse(context, "INVALID_ARGUMENT", "COLUMNS_MALFORMED")
        if len(ids) > self.most_rows:
            refuse(context, "RESOURCE_EXHAUSTED", "EVENT_TOO_LARGE")
        return ids

    def CreateAccounts(self, request: Any, context: Any) -> Any:
        """Answers one status per row."""
        ids = self._enter_rows(request, request.accounts, context)
        return custody_pb2.CreateAccountsResponse(status=bytes(len(ids)), timestamp_ns=map(time_of, ids))

    def CreateTransfers(self, request: Any, context: Any) -> Any:
        """Answers one status per row, and balances that count the rows."""
        ids = self._enter_rows(request, request.transfers, context)
        count = len(ids)
        balances = custody_pb2.BalanceColumns(
            debits_pending_minor=[0] * count,
            debits_posted_minor=[0] * count,
            credits_pending_minor=[0] * count,
            credits_posted_minor=range(1, count + 1),
        )
        return custody_pb2.CreateTransfersResponse(
            status=self.status or bytes(count),
            timestamp_ns=map(time_of, ids),
            credit_balances=balances if request.return_balances else None,
            debit_balances=balances if request.return_balances else None,
        )

    def ListTransfers(self, request: Any, context: Any) -> Any:
        """Answers three transfers on two pages."""
        self._enter(request, context)
        first = int(request.page_token or 0)
        transfers = [
            custody_pb2.Transfer(id=bytes([n + 1] * 16), ledger=978, user_data_32=n)
            for n in range(first, min(first + 2, 3))
        ]
        return custody_pb2.ListTransfersResponse(transfers=transfers, next_page_token="2" if first == 0 else "")

    def GetStatement(self, request: Any, context: Any) -> Any:
        """Answers an empty statement."""
        self._enter(request, context)
        return custody_pb2.GetStatementResponse()

    def GetBalances(self, request: Any, context: Any) -> Any:
        """Answers 5 for every account."""
        self._enter(request, context)
        balances = [5] * len(request.account_ids)
        return custody_pb2.GetBalancesResponse(account_ids=request.account_ids, balance_minor=balances)

    def SetAccountStatus(self, request: Any, context: Any) -> Any:
        """Answers that every account is where it was asked to go."""
        self._enter(request, context)
        return custody_pb2.SetAccountStatusResponse(status=[request.status] * len(request.account_ids))

    def GetTotals(self, request: Any, context: Any) -> Any:
        """Answers an empty book."""
        self._enter(request, context)
        return custody_pb2.GetTotalsResponse(transfers=0, position=1)

    def ListAccounts(self, request: Any, context: Any) -> Any:
        """Answers three accounts on two pages."""
        self._enter(request, context)
        first = int(request.page_token or 0)
        accounts = [
            custody_pb2.Account(id=bytes([n + 1] * 16), account_class=1, ledger=978, status=2, credits_posted_minor=n)
            for n in range(first, min(first + 2, 3))
        ]
        return custody_pb2.ListAccountsResponse(accounts=accounts, next_page_token="2" if first == 0 else "")

    def AdoptRules(self, request: Any, context: Any) -> Any:
        """Puts what it is asked for in force, and asks for a second person the first time."""
        self._enter(request, context)
        proposal = b"" if hasattr(self, "rules") else b"p" * 16
        self.rules = custody_pb2.Rules(
            version=request.version, purposes=request.purposes, document="text", sha256=bytes(32)
        )
        return custody_pb2.AdoptRulesResponse(rules=self.rules, proposal_id=proposal)

    def GetRules(self, request: Any, context: Any) -> Any:
        """Answers what was adopted."""
        self._enter(request, context)
        return custody_pb2.GetRulesResponse(rules=self.rules)


class Statements(statements_pb2_grpc.StatementServiceServicer):
    """Reads files, unless `refusals`, one per call, come first."""

    def __init__(self) -> None:
        self.refusals: list[tuple[str, str]] = []
        self.files: list[bytes] = []

    def SubmitStatement(self, request_iterator: Iterator[Any], context: Any) -> Any:
        """Answers one entry per part."""
        if self.refusals:
            refuse(context, *self.refusals.pop(0))
        parts = [each.content for each in request_iterator]
        self.files.append(b"".join(parts))
        return statements_pb2.SubmitStatementResponse(credited=len(parts))


class Instructions(payment_instruction_pb2_grpc.PaymentInstructionServiceServicer):
    """Lists one to a page, and streams positions 1 to 4; breaks the stream once, after 2. `goes_on` keeps it open."""

    def __init__(self) -> None:
        self.asked_after: list[int] = []
        self.listed: list[Any] = []
        self.goes_on = False

    def ListInstructions(self, request: Any, context: Any) -> Any:
        """Answers an instruction on each of two pages."""
        self.listed.append(request)
        order = payment_instruction_pb2.NewInstruction(id=bytes([len(self.listed)] * 16))
        state = payment_instruction_pb2.InstructionState(instruction_id=order.id, status=8)
        instruction = payment_instruction_pb2.Instruction(order=order, state=state, submission_id=b"s" * 16)
        token = "" if request.page_token else "2"
        return payment_instruction_pb2.ListInstructionsResponse(instructions=[instruction], next_page_token=token)

    def WatchInstructions(self, request: Any, context: Any) -> Iterator[Any]:
        """Resumes after the position asked for."""
        self.asked_after.append(request.after_position)
        for position in range(request.after_position + 1, 5):
            state = payment_instruction_pb2.InstructionState(instruction_id=bytes([position] * 16), status=8)
            yield payment_instruction_pb2.WatchInstructionsResponse(position=position, states=[state])
            if position == 2 and len(self.asked_after) == 1:
                refuse(context, "UNAVAILABLE", "SHUTTING_DOWN")
        while self.goes_on and context.is_active():
            time.sleep(0.01)


class Waiting(proposals_pb2_grpc.ProposalServiceServicer):
    """Three proposals, of which it lists two at a time; knows the first alone when it is to decide."""

    def __init__(self) -> None:
        self.requests: list[Any] = []

    def ListProposals(self, request: Any, context: Any) -> Any:
        """Answers them on two pages."""
        self.requests.append(request)
        first = int(request.page_token or 0)
        ids = [bytes([n + 1] * 16) for n in range(first, min(first + 2, 3))]
        proposals = [
            proposals_pb2.Proposal(
                id=each, subject_id=each, proposer_id=each, proposer_person_id=each, effect="a.B", expires_ns=7
            )
            for each in ids
        ]
        return proposals_pb2.ListProposalsResponse(proposals=proposals, next_page_token="2" if first == 0 else "")

    def DecideProposals(self, request: Any, context: Any) -> Any:
        """Answers that each is done or not there."""
        self.requests.append(request)
        ends = ["" if each.proposal_id == b"\1" * 16 else "PROPOSAL_NOT_FOUND" for each in request.decisions]
        return proposals_pb2.DecideProposalsResponse(
            results=[proposals_pb2.ProposalResult(reason=reason) for reason in ends]
        )


class Log(audit_pb2_grpc.AuditServiceServicer):
    """A log of five leaves, read two at a time."""

    def ListLeaves(self, request: Any, context: Any) -> Any:
        """Answers at most two leaves."""
        last = min(request.from_index + min(request.limit, 2), 5)
        leaves = [audit_pb2.Leaf(index=n, content=b"%d" % n) for n in range(request.from_index, last)]
        return audit_pb2.ListLeavesResponse(leaves=leaves)

    def ListUnprovenTransfers(self, request: Any, context: Any) -> Any:
        """Answers one of two findings; the second names no evidence."""
        at = int(request.page_token or "0")
        tenant = request.tenant_id or bytes(15) + b"T"
        found = audit_pb2.UnprovenTransfer(
            leaf_index=at,
            flaw=(2, 1)[at],
            move=1,
            tenant_id=tenant,
            transfer_id=bytes(16),
            amount_minor=5,
            ledger=978,  # type: ignore[arg-type]
        )
        if at == 0:
            found.evidence_sha256, found.entry_id, found.feed_id = b"f" * 32, b"e" * 16, b"b" * 16
        token = "1" if at == 0 else ""
        return audit_pb2.ListUnprovenTransfersResponse(
            transfers=[found], judged_leaves=7, open=3, next_page_token=token
        )
