"""Who is calling: set by the pipeline for the length of a call, read by servicers."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from ringfence_kernel.access.hands import Hand
from ringfence_kernel.access.refusals import TokenInvalid


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller.

    `subject` is the principal's id (16 bytes); a workload's is derived from its SPIFFE id. `service` is set for
    workload certificates only. `tenant`, `roles`, `scopes` and `token` come from a verified access token and are
    empty where the method asks for none; so do `person`, `key_sha256`, of the key that signed for the token,
    `grant_ends_ns`, when the principal's role ends (UTC nanoseconds, 0 for never), and `identity_position`, up to where
    identity's feed had come when the token was issued.
    """

    spiffe_id: str
    service: str | None
    subject: bytes
    certificate_thumbprint: str
    tenant: bytes | None = None
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    token: str = field(default="", repr=False)
    person: bytes = b""
    key_sha256: bytes = b""
    grant_ends_ns: int = 0
    identity_position: int = 0

    @property
    def hand(self) -> Hand:
        """By whose hand it is; raises TokenInvalid where the token does not tell: it is an authorisation, or old."""
        if not (self.person and self.key_sha256):
            raise TokenInvalid("the token does not name a person and a key")
        return Hand(self.subject, self.person, self.key_sha256, self.certificate_sha256)

    @property
    def certificate_sha256(self) -> bytes:
        """SHA-256 of the client certificate's DER bytes, which the thumbprint shows."""
        return base64.urlsafe_b64decode(self.certificate_thumbprint + "=" * (-len(self.certificate_thumbprint) % 4))


_CALLER: ContextVar[Caller] = ContextVar("ringfence_caller")


def current_caller() -> Caller:
    """Returns the caller of the running call; raises LookupError outside one."""
    return _CALLER.get()


@contextmanager
def calling(caller: Caller) -> Iterator[None]:
    """Makes `caller` the current one inside the block."""
    token = _CALLER.set(caller)
    try:
        yield
    finally:
        _CALLER.reset(token)
