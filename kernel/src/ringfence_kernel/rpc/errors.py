"""Between exceptions and google.rpc.Status (AIP-193): what a caller sees of an error, and what a client makes of it."""

from __future__ import annotations

from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]  # no stubs are published
from grpc_status import rpc_status

from ringfence_kernel.telemetry import tracing
from ringfence_kernel.telemetry.logs import get
from ringfence_kernel.values.clock import NANOSECONDS
from ringfence_kernel.values.errors import DomainError

DOMAIN = "ringfence"
TRANSIENT_CODES = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"})
LASTING_CODES = frozenset({"INVALID_ARGUMENT", "OUT_OF_RANGE", "UNIMPLEMENTED"})
"""What the same request gets from the same server for ever."""
REFUSALS = "ringfence.peers.refusals"
REFUSALS_MEANING = "Requests that a peer does not understand."
_NAMES: dict[int, str] = {code.value[0]: code.name for code in grpc.StatusCode}
_LOG = get(__name__)
_DETAILS_KEY = "grpc-status-details-bin"


class RemoteError(Exception):
    """A peer's refusal: gRPC status name, reason (empty when the peer gave none), message and metadata.

    `retry_after_seconds` is how long the peer asks to be left alone, None where it does not say.
    """

    def __init__(
        self,
        code: str,
        reason: str,
        message: str,
        metadata: dict[str, str],
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(f"{code} {reason}".strip())
        self.code = code
        self.reason = reason
        self.message = message
        self.metadata = metadata
        self.retry_after_seconds = retry_after_seconds

    @property
    def is_transient(self) -> bool:
        """Tells whether the same call may succeed later."""
        return self.code in TRANSIENT_CODES

    @property
    def is_lasting(self) -> bool:
        """Tells whether the same call will be refused as long as neither side is replaced."""
        return self.code in LASTING_CODES


class PeerUnavailable(DomainError):
    """A service that this one depends on cannot answer now; a retry with the same id is safe."""

    reason = "PEER_UNAVAILABLE"
    code = "UNAVAILABLE"
    retry_after_seconds = 0.5


class PeerRefused(DomainError):
    """A service that this one depends on does not understand it: their releases do not fit, and somebody must look."""

    reason = "PEER_REFUSED"
    code = "INTERNAL"
    retry_after_seconds = 30.0


class InternalError(DomainError):
    """Something went wrong here; the log knows what, under the trace id of the call."""

    reason = "INTERNAL"
    code = "INTERNAL"


class MethodNotImplemented(DomainError):
    """The proto has the method, this server does not."""

    reason = "METHOD_NOT_IMPLEMENTED"
    code = "UNIMPLEMENTED"


def refusal_of(error: Exception) -> DomainError:
    """Returns what a caller is told: a named refusal as it is, a peer's outage by name, of the rest nothing."""
    if isinstance(error, DomainError):
        return error
    if isinstance(error, RemoteError) and error.is_transient:
        return hinted(PeerUnavailable(**({"peer_reason": error.reason} if error.reason else {})), error)
    if isinstance(error, RemoteError) and error.is_lasting:
        return peer_refused("", error)
    if isinstance(error, NotImplementedError):  # what a generated servicer raises for a method nobody wrote
        return MethodNotImplemented()
    return InternalError("internal error")


def hinted(refusal: DomainError, error: RemoteError) -> DomainError:
    """Returns a refusal that asks to be left alone for as long as the peer does."""
    if error.retry_after_seconds is not None:
        refusal.retry_after_seconds = error.retry_after_seconds
    return refusal


def peer_refused(peer: str, error: RemoteError) -> PeerRefused:
    """Returns the refusal for an answer that will not change, and raises an alarm."""
    _LOG.error("peer_refused", peer=peer, code=error.code, reason=error.reason)
    tracing.meter().create_counter(REFUSALS, unit="{request}", description=REFUSALS_MEANING).add(1)
    return PeerRefused(**({"peer_reason": error.reason} if error.reason else {}))


def status_of(refusal: DomainError) -> status_pb2.Status:
    """Returns the status with ErrorInfo, and RetryInfo where the refusal says when to come again."""
    info = error_details_pb2.ErrorInfo(reason=refusal.reason, domain=DOMAIN, metadata=refusal.metadata)
    details = [_packed(info)]
    if refusal.retry_after_seconds is not None:
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(int(refusal.retry_after_seconds * 1e9))
        details.append(_packed(error_details_pb2.RetryInfo(retry_delay=delay)))
    return status_pb2.Status(code=_number(refusal.code), message=str(refusal), details=details)


async def abort(context: grpc.aio.ServicerContext[Any, Any], refusal: DomainError) -> NoReturn:
    """Ends a call with the refusal's status."""
    await context.abort_with_status(rpc_status.to_status(status_of(refusal)))


def remote_error(error: grpc.aio.AioRpcError) -> RemoteError:
    """Returns the peer's refusal; details that are absent or broken leave the reason empty.

    A server that stops cancels the calls that just arrive: nobody here has cancelled anything, the peer is unavailable.
    """
    status = status_pb2.Status()
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS_KEY and isinstance(value, bytes):
            _parse_details(value, status, info, retry)
    code = "UNAVAILABLE" if error.code() is grpc.StatusCode.CANCELLED else error.code().name
    hint = retry.retry_delay.ToNanoseconds() / NANOSECONDS if retry.HasField("retry_delay") else None
    return RemoteError(code, info.reason, error.details() or "", dict(info.metadata), hint)


def _parse_details(
    value: bytes, status: status_pb2.Status, info: error_details_pb2.ErrorInfo, retry: error_details_pb2.RetryInfo
) -> None:
    try:
        status.ParseFromString(value)
        for detail in status.details:
            if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
                detail.Unpack(info)
            elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
                detail.Unpack(retry)
    except ValueError:  # DecodeError is one
        info.Clear()
        retry.Clear()


def _packed(message: error_details_pb2.ErrorInfo | error_details_pb2.RetryInfo) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


def code_name(code: grpc.StatusCode | int) -> str:
    """Returns the name of a status, which grpc.aio gives as a number."""
    return code.name if isinstance(code, grpc.StatusCode) else _NAMES.get(code, "UNKNOWN")


def _number(code: str) -> int:
    number: int = grpc.StatusCode[code].value[0]
    return number
