"""Ids and keys that are the same in every run."""

from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def numbered(number: int) -> bytes:
    """Returns a readable id."""
    return number.to_bytes(16, "big")


def a_key(of: bytes) -> bytes:
    """Returns a public key, always the same for the same bytes."""
    return Ed25519PrivateKey.from_private_bytes(sha256(of).digest()).public_key().public_bytes_raw()
