"""Calls to the services: mutual TLS, an access token when it is needed, deadlines, and bounded retries."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import grpc
import jwt

from ringfence.credentials import Credentials
from ringfence.errors import RingfenceError, client_closed, refusal_of
from ringfence.leader import LeaderChannel, health_options
from ringfence.tokens import TokenSource

Request = TypeVar("Request")
Reply = TypeVar("Reply")

MAXIMUM_MESSAGE_BYTES = 64 * 1024 * 1024
_CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", MAXIMUM_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAXIMUM_MESSAGE_BYTES),
    ("grpc.enable_retries", 0),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    # For so long an attempt may take, whatever its name says: several round trips, and TLS on a busy machine.
    ("grpc.min_reconnect_backoff_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # Otherwise clients of several principals in one process would share a connection, and with it a certificate.
    ("grpc.use_local_subchannel_pool", 1),
)
HEALTH_NAMES = {
    "identity": "ringfence.identity.v1.TokenService",
    "custody": "ringfence.custody.v1.CustodyService",
    "payment-instruction": "ringfence.payment_instruction.v1.PaymentInstructionService",
    "audit": "ringfence.audit.v1.AuditService",
}
"""By which name a service's health says SERVING where it leads."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to wait. Every write is idempotent by the ids in it, so that a call may be made again as it is."""

    call_seconds: float = 30.0
    retry_seconds: float = 30.0
    first_pause_seconds: float = 0.05
    longest_pause_seconds: float = 1.0


def open_channel(addresses: str, service: str, credentials: Credentials) -> grpc.Channel:
    """A channel that shows the client certificate and accepts the certificate of this service only (RFC 9525).

    `addresses` is `host:port`, or several with commas between them, of which the leader is looked for.
    """
    tls = grpc.ssl_channel_credentials(
        credentials.server_ca_pem, credentials.certificate_key_pem, credentials.certificate_chain_pem
    )
    options = (*_CHANNEL_OPTIONS, ("grpc.ssl_target_name_override", service))
    targets = [each.strip() for each in addresses.split(",")]
    if len(targets) == 1:
        return grpc.secure_channel(targets[0], tls, options)
    watching = (*options, *health_options(HEALTH_NAMES[service]))
    return cast(grpc.Channel, LeaderChannel([grpc.secure_channel(each, tls, watching) for each in targets]))


class Connection:
    """How one principal calls the services' methods."""

    def __init__(self, tokens: TokenSource, patience: Patience) -> None:
        self._tokens = tokens
        self.patience = patience
        self._closed = threading.Event()

    def close(self) -> None:
        """Has no call made, or made again, from now on: their channels are about to be closed."""
        self._closed.set()

    def claims(self) -> Mapping[str, Any]:
        """What the caller's token says of the caller, for showing alone; raises RingfenceError.

        Services check tokens; nothing here rests on it.
        """
        with self._refusals():
            token = self._retries().token()
        claims: Mapping[str, Any] = jwt.decode(token, options={"verify_signature": False})
        return claims

    def call(self, method: grpc.UnaryUnaryMultiCallable[Request, Reply], request: Request) -> Reply:
        """The reply of a method that needs a token; raises RingfenceError.

        Tries again, with growing pauses, while the service is unavailable or overloaded; once when it refuses the
        token.
        """
        retries = self._retries()
        while True:
            try:
                with self._refusals():
                    metadata = _bearer(retries.token())
                with self._refusals(unanswered=True):
                    return method(request, timeout=self.patience.call_seconds, metadata=metadata)
            except RingfenceError as refusal:
                retries.after(refusal)

    def call_without_token(self, method: grpc.UnaryUnaryMultiCallable[Request, Reply], request: Request) -> Reply:
        """The reply of a method for which the certificate is enough; raises RingfenceError; tries only once."""
        with self._refusals(unanswered=True):
            return method(request, timeout=self.patience.call_seconds)

    def stream(
        self,
        method: grpc.UnaryStreamMultiCallable[Request, Reply],
        request_after: Callable[[Reply | None], Request],
        seconds: float | None = None,
    ) -> Iterator[Reply]:
        """The replies of a stream, which goes on where it stood when it breaks; raises RingfenceError.

        `request_after` makes the request that continues after the last reply. The stream ends after `seconds`, or when
        the iterator is closed.
        """
        last: Reply | None = None
        end = math.inf if seconds is None else time.monotonic() + seconds
        retries = self._retries()
        while (left := end - time.monotonic()) > 0:
            replies: Any = None
            try:
                with self._refusals():
                    token = retries.token()
                    timeout = None if seconds is None else left
                    replies = method(request_after(last), timeout=timeout, metadata=_bearer(token))
                    for last in replies:
                        yield last
                        retries = self._retries()
                return
            except RingfenceError as error:
                refusal = error
            finally:
                if replies is not None:
                    replies.cancel()
            if time.monotonic() < end:
                retries.after(refusal)

    def _retries(self) -> _Retries:
        return _Retries(self._tokens, self.patience, self._closed)

    @contextmanager
    def _refusals(self, *, unanswered: bool = False) -> Iterator[None]:
        """Makes everything that ends a call a RingfenceError; what is sent within and not answered may be done."""
        if self._closed.is_set():
            raise client_closed()
        try:
            yield
        except grpc.RpcError as error:
            refusal = refusal_of(error)
            is_ours = self._closed.is_set() and refusal.is_transient
            raise (client_closed(unanswered=unanswered) if is_ours else refusal) from None
        except ValueError:  # gRPC's own for a call on a channel that is closed
            if not self._closed.is_set():
                raise
            raise client_closed(unanswered=unanswered) from None


class _Retries:
    """The attempts at one call: what may be tried again, when, and until when."""

    def __init__(self, tokens: TokenSource, patience: Patience, closed: threading.Event) -> None:
        self._tokens, self._patience, self._closed = tokens, patience, closed
        self._end = time.monotonic() + patience.retry_seconds
        self._pause = patience.first_pause_seconds
        self._token = ""
        self._may_renew_token = True

    def token(self) -> str:
        """The token for the next attempt; raises grpc.RpcError."""
        self._token = ""
        self._token = self._tokens.token(self._patience.call_seconds)
        return self._token

    def after(self, refusal: RingfenceError) -> None:
        """Returns when it is time for another attempt, not before the service wants one; raises when there is none."""
        if refusal.code == "UNAUTHENTICATED" and self._token and self._may_renew_token:
            self._tokens.forget(self._token)
            self._may_renew_token = False
            return
        pause = max(self._pause * random.uniform(0.5, 1.0), refusal.retry_after_seconds)
        if not refusal.is_transient or time.monotonic() + pause > self._end:
            raise refusal
        if self._closed.wait(pause):
            raise client_closed(unanswered=True)
        self._pause = min(self._pause * 2, self._patience.longest_pause_seconds)


def _bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)
