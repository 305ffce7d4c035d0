"""Who is calling: set by the pipeline for the length of a call, read by servicers."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller.

    `subject` is the principal's id (16 bytes); a workload's is derived from its SPIFFE id. `service` is set for
    workload certificates only. `tenant`, `roles`, `scopes` and `token` come from a verified access token and are
    empty where the method asks for none.
    """

    spiffe_id: str
    service: str | None
    subject: bytes
    certificate_thumbprint: str
    tenant: bytes | None = None
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    token: str = field(default="", repr=False)

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
