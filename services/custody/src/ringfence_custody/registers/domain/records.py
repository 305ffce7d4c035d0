"""What is on record: banks, letters, appointments, and the bank mirrors that letters are about."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from ringfence_kernel.values.ids import external_id


class LetterKind(IntEnum):
    """What stands for a bank mirror."""

    LETTER = 1
    EXEMPT = 2


class LetterState(IntEnum):
    """How far a letter has come; an exemption is as good as countersigned."""

    SENT = 1
    COUNTERSIGNED = 2
    REVIEW_DUE = 3
    ENDED = 4


class AppointmentKind(StrEnum):
    """In what somebody acts for the custodian."""

    AGENT = "AGENT"
    KEY_PERSON = "KEY_PERSON"


IN_FORCE = frozenset({LetterState.COUNTERSIGNED, LetterState.REVIEW_DUE})


@dataclass(frozen=True, slots=True)
class Bank:
    """A bank where clients' money may lie, at most `concentration_basis_points` of a platform's in a currency."""

    id: bytes
    bic: str
    name: str
    country: str
    due_diligence_day: int
    review_day: int
    concentration_basis_points: int
    document_sha256: bytes
    review_due: bool = False


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter about one mirror; days are 0, digests and texts empty, where there are none yet."""

    id: bytes
    tenant: bytes
    account: bytes
    bank: bytes
    kind: LetterKind
    state: LetterState
    template_version: str = ""
    template_sha256: bytes = b""
    sent_day: int = 0
    countersigned_day: int = 0
    reviewed_day: int = 0
    review_day: int = 0
    document_sha256: bytes = b""
    ended_day: int = 0
    reason: str = ""

    @property
    def is_in_force(self) -> bool:
        """Tells whether its mirror may be active."""
        return self.state in IN_FORCE


@dataclass(frozen=True, slots=True)
class Appointment:
    """Somebody who acts for the custodian, by id; `tenant` is empty where all platforms are concerned."""

    id: bytes
    kind: AppointmentKind
    tenant: bytes
    subject: bytes
    role: str
    document_sha256: bytes
    from_day: int
    until_day: int
    reason: str = ""

    def is_on(self, day: int) -> bool:
        """Tells whether it holds on a day."""
        return self.from_day <= day and (not self.until_day or day <= self.until_day)


@dataclass(frozen=True, slots=True)
class Mirror:
    """A bank mirror: its book, account, dense index there, and currency as ISO 4217 numeric code."""

    tenant: bytes
    account: bytes
    index: int
    ledger: int


def bank_id(bic: str) -> bytes:
    """Returns the id of the bank of a BIC of 11 characters."""
    return external_id("custody.bank", b"", bic)
