"""Calls made by hand: any bytes, any token, any certificate, to any method that the protos name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from ringfence.credentials import Credentials
from ringfence.transport import open_channel
from ringfence_local_stack.stack.running import RunningStack
from ringfence_protos.audit.v1 import audit_pb2, disclosure_pb2, taken_over_pb2
from ringfence_protos.common.v1 import access_pb2, condition_pb2, feed_pb2, proposals_pb2
from ringfence_protos.custody.v1 import calendars_pb2, custody_pb2, reconciliation_pb2, registers_pb2, safeguarding_pb2
from ringfence_protos.identity.v1 import identity_pb2
from ringfence_protos.payment_instruction.v1 import answers_pb2, payment_instruction_pb2, statements_pb2

FILES = {
    "identity": (identity_pb2,),
    "custody": (custody_pb2, calendars_pb2, reconciliation_pb2, registers_pb2, safeguarding_pb2),
    "payment-instruction": (payment_instruction_pb2, answers_pb2, statements_pb2),
    "audit": (audit_pb2, disclosure_pb2, taken_over_pb2),
}
WITH_PROPOSALS = ("identity", "custody", "payment-instruction")
DEADLINE_SECONDS = 20
STREAM_SECONDS = 0.5


@dataclass(frozen=True)
class Method:
    """A method and the service process that serves it."""

    service: str
    descriptor: MethodDescriptor

    @property
    def path(self) -> str:
        """Path on the wire."""
        return f"/{self.descriptor.containing_service.full_name}/{self.descriptor.name}"

    @property
    def access(self) -> access_pb2.Access:
        """Who may call it."""
        rule: access_pb2.Access = self.descriptor.GetOptions().Extensions[access_pb2.access]
        return rule

    def __str__(self) -> str:
        """Names it in test ids."""
        return f"{self.service}.{self.descriptor.name}"


@dataclass(frozen=True)
class Answer:
    """What came back: status name, reason of the ErrorInfo if any, and everything a stranger could read."""

    code: str
    reason: str
    text: str
    reply: bytes


def methods() -> list[Method]:
    """Returns every method of every service, feeds and proposals included."""
    found = [
        Method(service, method)
        for service, files in FILES.items()
        for file in files
        for each in file.DESCRIPTOR.services_by_name.values()
        for method in each.methods
    ]
    feed = feed_pb2.DESCRIPTOR.services_by_name["FeedService"]
    found += [Method(service, method) for service in FILES for method in feed.methods]
    condition = condition_pb2.DESCRIPTOR.services_by_name["ConditionService"]
    found += [Method(service, method) for service in FILES for method in condition.methods]
    proposals = proposals_pb2.DESCRIPTOR.services_by_name["ProposalService"]
    return found + [Method(service, method) for service in WITH_PROPOSALS for method in proposals.methods]


class Wire:
    """Channels of one principal."""

    def __init__(self, stack: RunningStack, credentials: Credentials) -> None:
        """Connects at the first call."""
        self._channels = {
            service: open_channel(address, service, credentials) for service, address in stack.addresses.items()
        }

    def call(self, method: Method, request: bytes = b"", token: str | None = None) -> Answer:
        """Calls with raw bytes and maybe a token."""
        metadata = [("authorization", f"Bearer {token}")] if token is not None else []
        channel = self._channels[method.service]
        try:
            if method.descriptor.server_streaming:
                stream = channel.unary_stream(method.path)(request, timeout=STREAM_SECONDS, metadata=metadata)
                reply = next(stream, b"")
                stream.cancel()
            else:
                reply = channel.unary_unary(method.path)(request, timeout=DEADLINE_SECONDS, metadata=metadata)
        except grpc.RpcError as error:
            answer = answer_of(error)
            # A stream without news stays open until we leave it.
            is_open = method.descriptor.server_streaming and answer.code == "DEADLINE_EXCEEDED"
            return Answer("OK", "", "", b"") if is_open else answer
        return Answer("OK", "", "", reply)

    def close(self) -> None:
        """Ends the connections."""
        for channel in self._channels.values():
            channel.close()


def answer_of(error: Any) -> Answer:
    """Returns what a gRPC error shows."""
    status = rpc_status.from_call(error)
    reason = ""
    for detail in status.details if status else []:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            reason = info.reason
    return Answer(error.code().name, reason, f"{error.details()} {status}", b"")
