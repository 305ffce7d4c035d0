"""Access tokens: one at a time is asked for, however many callers need it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field

import grpc
from ringfence_protos.identity.v1 import identity_pb2, identity_pb2_grpc

from ringfence.credentials import Credentials
from ringfence.errors import RingfenceError

_RENEW_SECONDS = 30.0


@dataclass(frozen=True)
class _Token:
    """A token, and until when it may be used by this process's clock."""

    text: str = ""
    good_until: float = 0.0


@dataclass
class TokenSource:
    """The caller's access token: fetched when first needed, kept until shortly before it expires; thread-safe.

    One caller asks identity, and the others wait for its answer, each as long as it likes to. No lock is held
    meanwhile, so that an identity that does not answer holds up nobody for longer than that.
    """

    channel: grpc.Channel
    credentials: Credentials
    _held: _Token = _Token()
    _asked: Future[_Token] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def token(self, seconds: float) -> str:
        """The token of the moment; asks identity, within `seconds`, when there is none.

        Raises grpc.RpcError, and RingfenceError where another caller's question is not answered in time.
        """
        with self._lock:
            if time.monotonic() < self._held.good_until:
                return self._held.text
            asked, is_mine = self._asked, self._asked is None
            if asked is None:
                asked = self._asked = Future()
        if is_mine:
            self._ask(asked, seconds)
        try:
            return asked.result(seconds).text
        except TimeoutError:
            raise RingfenceError("DEADLINE_EXCEEDED", "", "identity has not answered") from None

    def forget(self, token: str) -> None:
        """Drops a token that was refused, unless it was replaced meanwhile."""
        with self._lock:
            if token == self._held.text:
                self._held = _Token()

    def _ask(self, answer: Future[_Token], seconds: float) -> None:
        """Answers everybody who waits, with a token or with what went wrong."""
        try:
            request = identity_pb2.IssueTokenRequest(client_assertion=self.credentials.assertion())
            reply = identity_pb2_grpc.TokenServiceStub(self.channel).IssueToken(request, timeout=seconds)
            lasts = max(0.0, reply.expires_in_seconds - _RENEW_SECONDS)
            made = _Token(reply.access_token, time.monotonic() + lasts)
        except Exception as error:
            self._settle(self._held)
            answer.set_exception(error)
        except BaseException:
            # Ctrl-C is for whoever was asking; the others ask again.
            self._settle(self._held)
            answer.set_exception(RingfenceError("UNAVAILABLE", "", "the question for a token was broken off"))
            raise
        else:
            self._settle(made)
            answer.set_result(made)

    def _settle(self, token: _Token) -> None:
        with self._lock:
            self._held, self._asked = token, None
