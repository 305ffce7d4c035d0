"""Client assertions as they arrive: JWT signed with Ed25519 by a registered key (RFC 7523, RFC 8037)."""

from typing import Any

import jwt
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ringfence_identity.principals.queries import PrincipalQueries
from ringfence_identity.tokens.domain.assertions import Assertion, check_claims, issuer_of
from ringfence_identity.tokens.domain.errors import AssertionInvalid

MAX_ASSERTION_CHARACTERS = 4_096


def verify(principals: PrincipalQueries, text: str, now_ns: int) -> Assertion:
    """Returns what a genuine assertion leaves to spend.

    The signature is checked against every key of the principal that counts now, so that a rotated key still serves
    for its overlap. An unknown principal and a wrong signature are answered alike. Raises AssertionInvalid,
    AssertionExpired.
    """
    message, signature, claims = parse_signed(text, MAX_ASSERTION_CHARACTERS)
    principal = principals.get(issuer_of(claims))
    keys = principal.keys if principal is not None else ()
    for key in keys:
        if key.is_valid(now_ns) and is_signed(key.public, message, signature):
            return check_claims(claims, key.public, now_ns)
    raise AssertionInvalid


def parse_signed(text: str, longest: int) -> tuple[bytes, bytes, dict[str, Any]]:
    """Returns the signed bytes, the signature and the claims of a compact JWS with `alg` EdDSA, nothing verified.

    Raises AssertionInvalid, also for one of more than `longest` characters.
    """
    if not text.isascii() or len(text) > longest:
        raise AssertionInvalid
    try:
        parsed = jwt.decode_complete(text, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise AssertionInvalid from None
    if parsed["header"].get("alg") != "EdDSA":
        raise AssertionInvalid
    message, _, _ = text.rpartition(".")
    return message.encode(), parsed["signature"], parsed["payload"]


def is_signed(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether an Ed25519 key made this signature."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
