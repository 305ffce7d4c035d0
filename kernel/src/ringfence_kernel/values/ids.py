"""Identifiers: 16 bytes on the wire and in events, shown as a UUID (docs/formats.md)."""

from __future__ import annotations

import hashlib
import uuid

import uuid_utils

ID_BYTES = 16
ZERO_ID = bytes(ID_BYTES)
MAX_ID = b"\xff" * ID_BYTES


def new_id() -> bytes:
    """Returns a fresh id, a UUIDv7 (RFC 9562 section 5.7): 48 bits of UTC milliseconds, then random bits."""
    return uuid_utils.uuid7().bytes


def external_id(domain: str, tenant: bytes, key: str) -> bytes:
    """Maps somebody else's key to an id: the first 16 bytes of SHA-256 over length-prefixed (domain, tenant, key).

    The same key always gives the same id, so a retry of an outside message is recognised.
    """
    name, text = domain.encode(), key.encode()
    prefixed = (_length(name), name, _length(tenant), tenant, _length(text), text)
    return hashlib.sha256(b"".join(prefixed)).digest()[:ID_BYTES]


def _length(part: bytes) -> bytes:
    return len(part).to_bytes(8, "big")


def repayment_id(taking: bytes) -> bytes:
    """Returns the entry by which money comes back that a bank took by another, and that nobody had to give for it.

    payment-instruction books it, and custody knows by it for which taking the platform owes no more.
    """
    return external_id("bank-repayment", taking, "")


def show(identifier: bytes) -> str:
    """Returns the id as UUID text; raises ValueError for what is none."""
    if len(identifier) != ID_BYTES:
        raise ValueError("an id has 16 bytes")
    digits = identifier.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def parse(text: str) -> bytes:
    """Returns the 16 bytes of a UUID text; raises ValueError for anything else."""
    return uuid.UUID(text).bytes
