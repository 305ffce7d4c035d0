"""Events about fee agreements: frozen, published by the feed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FeeAgreed:
    """A client has agreed with its platform on a fee; the platform says so, and names the document."""

    TOPIC: ClassVar[str] = "FeeAgreed.v1"
    tenant: bytes
    agreement: bytes  # the platform's id, 16 bytes
    client: bytes  # party that pays
    kind: str
    ledger: int
    maximum_minor: int  # of one fee
    rate_ppm: int  # of the payment that a fee is for, parts per million; 0 for fees that are for no payment
    from_day: int  # days since 1970-01-01
    until_day: int  # the last day
    document_sha256: bytes
    agreed_by: bytes  # principal that says so


@dataclass(frozen=True, slots=True)
class FeeAgreementEnded:
    """No fee is debited under the agreement any more."""

    TOPIC: ClassVar[str] = "FeeAgreementEnded.v1"
    tenant: bytes
    agreement: bytes
    ended_by: bytes


EVENTS: tuple[type, ...] = (FeeAgreed, FeeAgreementEnded)
