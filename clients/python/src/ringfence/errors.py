"""What the SDK raises: one error for whatever a service refuses, with the service's own name for the reason."""

from collections.abc import Iterable, Mapping
from typing import ClassVar, cast

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

TRANSIENT_CODES = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED"})
# RESOURCE_EXHAUSTED, but no waiting helps: the request itself is too much, or people have to decide first.
_NOT_BY_WAITING = frozenset({"EVENT_TOO_LARGE", "TOO_MANY_PROPOSALS", "SANCTIONS_LISTS_QUOTA_EXCEEDED"})
_DETAILS_KEY = "grpc-status-details-bin"


class RingfenceError(Exception):
    """A refusal or failure of a call.

    `code` is the gRPC status name, `reason` the UPPER_SNAKE name of docs/errors.md (empty when no service answered),
    `metadata` what the service tells programs about it, `retry_after_seconds` how long it asks to be left alone.
    """

    def __init__(
        self,
        code: str,
        reason: str,
        message: str,
        metadata: Mapping[str, str] | None = None,
        retry_after_seconds: float = 0.0,
    ) -> None:
        super().__init__(f"{reason or code}: {message}")
        self.code = code
        self.reason = reason
        self.message = message
        self.metadata = dict(metadata or {})
        self.retry_after_seconds = retry_after_seconds

    @property
    def is_transient(self) -> bool:
        """Whether the same call, with the same ids, may succeed later."""
        return self.code in TRANSIENT_CODES and self.reason not in _NOT_BY_WAITING

    def copy(self) -> "RingfenceError":
        """The same for another caller: an exception that is raised twice would mix up two tracebacks."""
        return RingfenceError(self.code, self.reason, self.message, self.metadata, self.retry_after_seconds)


class SetupError(Exception):
    """Something that the caller's own machine has to provide is missing or broken; the text says what to do about it.

    `subject` says in a word what it is about.
    """

    subject: ClassVar[str] = "setup"


class CredentialsError(SetupError):
    """A credentials directory is incomplete, malformed, or lets others read its keys; the text says which file."""

    subject = "credentials"


def client_closed(*, unanswered: bool = False) -> RingfenceError:
    """The refusal of what a closed client did not send, CLIENT_CLOSED, or of what it sent and has no answer to."""
    if unanswered:
        return RingfenceError("CANCELLED", "CLOSED_UNANSWERED", "the client was closed before an answer came")
    return RingfenceError("CANCELLED", "CLIENT_CLOSED", "the client is closed; nothing was sent")


def is_unavailable(error: grpc.RpcError) -> bool:
    """Whether no server answered: there is none, none that would, or one that stops and cancels what just arrives."""
    return error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


def refusal_of(error: grpc.RpcError) -> RingfenceError:
    """What a failed call says, from the google.rpc.Status in its trailers (AIP-193) where there is one."""
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    trailers = cast("Iterable[tuple[str, str | bytes]]", error.trailing_metadata() or ())
    for key, value in trailers:
        if key == _DETAILS_KEY and isinstance(value, bytes):
            _parse(value, info, retry)
    message = error.details() or error.code().value[1]
    seconds = retry.retry_delay.ToNanoseconds() / 1e9
    code = grpc.StatusCode.UNAVAILABLE if is_unavailable(error) else error.code()
    return RingfenceError(code.name, info.reason, message, info.metadata, seconds)


def _parse(value: bytes, *wanted: Message) -> None:
    """Fills the messages wanted from the details that are there; from broken ones nothing is taken."""
    try:
        for detail in status_pb2.Status.FromString(value).details:
            for message in wanted:
                if detail.Is(message.DESCRIPTOR):
                    detail.Unpack(message)
    except ValueError:  # protobuf's DecodeError is one
        for message in wanted:
            message.Clear()


NOT_TOLD_YET = frozenset({"ERASURE_NOT_LOGGED", "ERASURE_REGISTER_UNAVAILABLE"})
"""Why an erasure that two people decided, and that stands, is not told as done before it is where it must be."""


def code_of(reason: str) -> str:
    """Gives the code of an item's reason: what is done and not told yet may be asked again, a refusal stays one."""
    return "UNAVAILABLE" if reason in NOT_TOLD_YET else "FAILED_PRECONDITION"
