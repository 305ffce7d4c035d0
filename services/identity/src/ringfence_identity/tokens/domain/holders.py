"""Whoever shows an access token that is genuine, in time and bound to its certificate."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TokenHolder:
    """Who a token was issued to, and its scopes; bound to which certificate, and where the feed stood by then."""

    subject: bytes
    tenant: bytes | None
    scopes: frozenset[str]
    certificate_sha256: bytes
    position: int
