"""Fake services behind real gRPC and mutual TLS: they remember what they were asked and answer as told."""

import time
from collections.abc import Iterator
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status
from ringfence_protos.audit.v1 import audit_pb2, audit_pb2_grpc
from ringfence_protos.custody.v1 import custody_pb2, custody_pb2_grpc
from ringfence_protos.identity.v1 import identity_pb2, identity_pb2_grpc
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2, payment_instruction_pb2_grpc


def refuse(context: grpc.ServicerContext, code: str, reason: str, **metadata: str) -> None:
    """Ends the call as the services do: google.rpc.Status with ErrorInfo."""
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.ErrorInfo(reason=reason, domain="ringfence", metadata=metadata))
    status = status_pb2.Status(code=code_pb2.Code.Value(code), message=reason.lower(), details=[detail])
    context.abort_with_status(rpc_status.to_status(status))


class Tokens(identity_pb2_grpc.TokenServiceServicer):
    """Issues token-1, token-2, …; `assertions` are those it was shown."""

    def __init__(self) -> None:
        self.assertions: list[str] = []
        self.expires_in_seconds = 300

    def IssueToken(self, request: Any, context: Any) -> Any:
        """Counts."""
        self.assertions.append(request.client_assertion)
        token = f"token-{len(self.assertions)}"
        return identity_pb2.IssueTokenResponse(access_token=token, expires_in_seconds=self.expires_in_seconds)


class Ledger(custody_pb2_grpc.CustodyServiceServicer):
    """Creates whatever it is asked to; `refusals` are given first, one per call."""

    def __init__(self) -> None:
        self.refusals: list[tuple[str, str]] = []
        self.tokens: list[str] = []
        self.requests: list[Any] = []
        self.status = b""

    def _enter(self, request: Any, context: Any) -> None:
        self.requests.append(request)
        self.tokens.append(dict(context.invocation_metadata())["authorization"])
        if self.refusals:
            refuse(context, *self.refusals.pop(0), seen="yes")

    def CreateTransfers(self, request: Any, context: Any) -> Any:
        """Answers one status per row, and balances that count the rows."""
        self._enter(request, context)
        count = len(request.transfers.id) // 16
        balances = custody_pb2.BalanceColumns(
            debits_pending_minor=[0] * count,
            debits_posted_minor=[0] * count,
            credits_pending_minor=[0] * count,
            credits_posted_minor=range(1, count + 1),
        )
        return custody_pb2.CreateTransfersResponse(
            status=self.status or bytes(count),
            timestamp_ns=[7] * count,
            credit_balances=balances if request.return_balances else None,
            debit_balances=balances if request.return_balances else None,
        )

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

    def SetAccountStatus(self, request: Any, context: Any) -> Any:
        """Answers the state asked for."""
        self._enter(request, context)
        return custody_pb2.SetAccountStatusResponse(status=[request.status] * len(request.account_ids))

    def AdoptRules(self, request: Any, context: Any) -> Any:
        """Puts what it is asked for in force."""
        self._enter(request, context)
        self.rules = custody_pb2.Rules(
            version=request.version, purposes=request.purposes, document="text", sha256=bytes(32)
        )
        return custody_pb2.AdoptRulesResponse(rules=self.rules)

    def GetRules(self, request: Any, context: Any) -> Any:
        """Answers what was adopted."""
        self._enter(request, context)
        return custody_pb2.GetRulesResponse(rules=self.rules)


class Instructions(payment_instruction_pb2_grpc.PaymentInstructionServiceServicer):
    """Streams positions 1 to 4 and breaks the stream once, after position 2; `goes_on` keeps it open at the end."""

    def __init__(self) -> None:
        self.asked_after: list[int] = []
        self.goes_on = False

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


class Log(audit_pb2_grpc.AuditServiceServicer):
    """A log of five leaves, read two at a time."""

    def ListLeaves(self, request: Any, context: Any) -> Any:
        """Answers at most two leaves."""
        last = min(request.from_index + min(request.limit, 2), 5)
        leaves = [audit_pb2.Leaf(index=n, content=b"%d" % n) for n in range(request.from_index, last)]
        return audit_pb2.ListLeavesResponse(leaves=leaves)
