"""By whose hand something is done: what the two people of one act must not share."""

from __future__ import annotations

from dataclasses import astuple, dataclass


@dataclass(frozen=True, slots=True)
class Hand:
    """A principal and the person it belongs to (16 bytes each), the key that signed its assertion, its certificate.

    Key and certificate are named by SHA-256: of the 32 bytes of the public key, and of the DER bytes.
    """

    principal: bytes
    person: bytes
    key_sha256: bytes
    certificate_sha256: bytes


def differs(first: Hand, second: Hand) -> bool:
    """Whether two hands are two people's: all of principal, person, key and certificate are known and differ."""
    return all(one and other and one != other for one, other in zip(astuple(first), astuple(second), strict=True))
