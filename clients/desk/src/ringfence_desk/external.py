"""Ids that are made of others: a payment's transfers in custody are known by the payment (docs/formats.md, Ids)."""

from __future__ import annotations

from hashlib import sha256
from uuid import UUID

_LENGTH_BYTES = 8
TRANSFERS_OF_PAYMENT = ("transfer", "transfer.post", "transfer.void")
"""Domains of the transfers of a payment: what reserves or moves its money, what books and what releases that."""


def external_id(domain: str, tenant: UUID, key: str) -> UUID:
    """Gives the first 16 bytes of SHA-256 over domain, tenant and key, each after its length."""
    parts = (domain.encode(), tenant.bytes, key.encode())
    return UUID(bytes=sha256(b"".join(len(each).to_bytes(_LENGTH_BYTES, "big") + each for each in parts)).digest()[:16])


def transfers_of(platform: UUID, payment: UUID) -> tuple[UUID, ...]:
    """Gives the ids of all transfers that a payment may have in custody."""
    return tuple(external_id(domain, platform, str(payment)) for domain in TRANSFERS_OF_PAYMENT)
