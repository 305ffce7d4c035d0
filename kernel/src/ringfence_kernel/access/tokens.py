"""Access tokens: JWT signed with Ed25519 (RFC 7519, RFC 8037), verified offline, bound to their holder (RFC 8705)."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ringfence_kernel.access.peer_certificates import PeerIdentity
from ringfence_kernel.access.refusals import TokenExpired, TokenInvalid, TokenNotBound
from ringfence_kernel.access.token_keys import KeySource
from ringfence_kernel.sealing.bounded_cache import BoundedCache
from ringfence_kernel.values.clock import NANOSECONDS, Clock

MAXIMUM_TOKEN_BYTES = 8_192
_MAXIMUM_REMEMBERED = 16_384
_CLOCK_SKEW_SECONDS = 5
_TYPE = "at+jwt"
_REQUIRED = ["iss", "aud", "sub", "iat", "exp", "jti", "cnf"]


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """What a genuine token says.

    `person` and `key_sha256`, the key that signed the assertion for it, are empty where it does not; `grant_ends_ns` is
    when its subject's role ends, UTC nanoseconds, 0 for never; `identity_position` up to where identity's feed had come
    when it was issued, 0 where it does not say.
    """

    subject: bytes
    tenant: bytes | None
    roles: frozenset[str]
    scopes: frozenset[str]
    confirmation: Mapping[str, Any]
    expires_at_ns: int
    key_id: str
    key: Ed25519PublicKey
    person: bytes = b""
    key_sha256: bytes = b""
    grant_ends_ns: int = 0
    identity_position: int = 0


class TokenVerifier:
    """Verifies tokens without asking anyone, and remembers the verified ones until they expire."""

    def __init__(self, keys: KeySource, issuer: str, audience: str, clock: Clock) -> None:
        """Takes the source of public keys and the issuer and audience that a token must name."""
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._seen: BoundedCache[bytes, VerifiedToken] = BoundedCache(_MAXIMUM_REMEMBERED)

    async def verify(self, token: str, holder: PeerIdentity) -> VerifiedToken:
        """Returns the content of a token that is genuine, in time, and bound to `holder`.

        A token remembered as genuine is believed only while its key is still published.
        Raises TokenInvalid, TokenExpired, TokenNotBound or TokenKeysUnavailable.
        """
        digest = hashlib.sha256(token.encode()).digest()
        verified = self._seen.get(digest)
        if verified is None or await self._keys.key(verified.key_id) is not verified.key:
            verified = await self._check(token)
            self._seen.put(digest, verified)
        if self._clock.now_ns() >= verified.expires_at_ns:
            self._seen.remove(digest)
            raise TokenExpired
        if not _is_bound(verified.confirmation, holder):
            raise TokenNotBound
        return verified

    async def _check(self, token: str) -> VerifiedToken:
        key_id = _key_id(token)
        key = await self._keys.key(key_id)
        if key is None:
            raise TokenInvalid
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=["EdDSA"],
                audience=self._audience,
                issuer=self._issuer,
                # Times are compared below, with the clock that was passed in.
                options={"require": _REQUIRED, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
            return self._read(claims, key_id, key)
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError, OverflowError):
            raise TokenInvalid from None

    def _read(self, claims: dict[str, Any], key_id: str, key: Ed25519PublicKey) -> VerifiedToken:
        latest_start = self._clock.now_ns() // NANOSECONDS + _CLOCK_SKEW_SECONDS
        if max(int(claims["iat"]), int(claims.get("nbf", 0))) > latest_start:
            raise TokenInvalid
        return VerifiedToken(
            subject=uuid.UUID(claims["sub"]).bytes,
            tenant=uuid.UUID(claims["tenant"]).bytes if "tenant" in claims else None,
            roles=frozenset(_texts(claims.get("roles", []))),
            scopes=frozenset(claims.get("scope", "").split()),
            confirmation=dict(claims["cnf"]),
            expires_at_ns=int(claims["exp"]) * NANOSECONDS,
            key_id=key_id,
            key=key,
            person=uuid.UUID(claims["person"]).bytes if "person" in claims else b"",
            key_sha256=_digest(claims["key"]) if "key" in claims else b"",
            grant_ends_ns=int(claims.get("until", 0)) * NANOSECONDS,
            identity_position=int(claims.get("position", 0)),
        )


def _key_id(token: str) -> str:
    """Returns the key that the header names, where it says that this is an access token (RFC 9068 section 4)."""
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise TokenInvalid from None
    key_id = header.get("kid")
    if header.get("typ") != _TYPE or not isinstance(key_id, str):
        raise TokenInvalid
    return key_id


def _digest(text: str) -> bytes:
    """Returns a SHA-256 written as a thumbprint is: base64url without padding."""
    digest = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if len(digest) != hashlib.sha256().digest_size:
        raise ValueError
    return digest


def _texts(values: Any) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError
    return values


def _is_bound(confirmation: Mapping[str, Any], holder: PeerIdentity) -> bool:
    return confirmation in ({"x5t#S256": holder.thumbprint}, {"spiffe": holder.spiffe_id})
