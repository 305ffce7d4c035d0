"""Which 32 bytes are a public key of Ed25519 that signs (RFC 8032 section 5.1)."""

from __future__ import annotations

from nacl.bindings import crypto_core_ed25519_is_valid_point

KEY_BYTES = 32


def is_public_key(key: bytes) -> bool:
    """Tells whether a key is a point of the curve in its one encoding, and of the subgroup of prime order.

    Verification by RFC 8032 takes others too: under a point of small order one signature fits many messages, and
    anybody can make it.
    """
    return len(key) == KEY_BYTES and crypto_core_ed25519_is_valid_point(key)
