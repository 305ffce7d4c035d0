"""Who was found, and by what."""

from dataclasses import dataclass
from enum import StrEnum


class FoundBy(StrEnum):
    """What somebody was found by."""

    NAME = "NAME"
    OWNERS_NAME = "OWNERS_NAME"
    IDENTITY_NUMBER = "IDENTITY_NUMBER"
    OWNERS_IDENTITY_NUMBER = "OWNERS_IDENTITY_NUMBER"
    IBAN = "IBAN"
    CLAIM = "CLAIM"
    BANK_MIRROR = "BANK_MIRROR"


@dataclass(frozen=True, slots=True)
class Found:
    """Somebody, by ids alone: a platform's party, its subject, and the account of an IBAN; `erased` of the erased."""

    tenant: bytes
    party: bytes
    subject: bytes
    found_by: FoundBy
    account: bytes = b""
    erased: bool = False


@dataclass(frozen=True, slots=True)
class Marked:
    """A party that has the marks that are looked for: its subject, its platform, and its id there."""

    subject: bytes
    tenant: bytes
    party: bytes
