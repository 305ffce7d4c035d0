"""Events of the registers. Days are days since 1970-01-01; ids have 16 bytes; nobody is named but by id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ringfence_custody.registers.domain.records import AppointmentKind


@dataclass(frozen=True, slots=True)
class BankRegistered:
    """A bank was registered, or its due diligence renewed."""

    TOPIC: ClassVar[str] = "BankRegistered.v1"
    bank: bytes
    bic: str
    name: str
    country: str
    due_diligence_day: int
    review_day: int
    concentration_basis_points: int
    document_sha256: bytes
    proposer: bytes
    confirmer: bytes


@dataclass(frozen=True, slots=True)
class BankReviewFellDue:
    """The review of a bank's due diligence is due."""

    TOPIC: ClassVar[str] = "BankReviewFellDue.v1"
    bank: bytes
    day: int


@dataclass(frozen=True, slots=True)
class LetterSent:
    """An acknowledgement letter was sent to a bank."""

    TOPIC: ClassVar[str] = "LetterSent.v1"
    letter: bytes
    tenant: bytes
    account: bytes
    bank: bytes
    template_version: str
    template_sha256: bytes
    day: int
    proposer: bytes
    confirmer: bytes


@dataclass(frozen=True, slots=True)
class LetterCountersigned:
    """The bank has countersigned a letter."""

    TOPIC: ClassVar[str] = "LetterCountersigned.v1"
    letter: bytes
    tenant: bytes
    day: int
    document_sha256: bytes
    review_day: int
    proposer: bytes
    confirmer: bytes


@dataclass(frozen=True, slots=True)
class MirrorExempted:
    """A bank mirror needs no letter."""

    TOPIC: ClassVar[str] = "MirrorExempted.v1"
    letter: bytes
    tenant: bytes
    account: bytes
    bank: bytes
    reason: str
    day: int
    document_sha256: bytes
    review_day: int
    proposer: bytes
    confirmer: bytes


@dataclass(frozen=True, slots=True)
class LetterReviewed:
    """A letter in force was reviewed, and stands."""

    TOPIC: ClassVar[str] = "LetterReviewed.v1"
    letter: bytes
    tenant: bytes
    day: int
    document_sha256: bytes
    review_day: int
    proposer: bytes
    confirmer: bytes


@dataclass(frozen=True, slots=True)
class LetterReviewFellDue:
    """The review of a letter is due."""

    TOPIC: ClassVar[str] = "LetterReviewFellDue.v1"
    letter: bytes
    tenant: bytes
    day: int


@dataclass(frozen=True, slots=True)
class LetterEnded:
    """A letter has ended."""

    TOPIC: ClassVar[str] = "LetterEnded.v1"
    letter: bytes
    tenant: bytes
    day: int
    reason: str
    proposer: bytes
    confirmer: bytes


@dataclass(frozen=True, slots=True)
class AppointmentMade:
    """An agent or a key person was appointed; `tenant` is empty for all platforms, `until_day` 0 while it is open."""

    TOPIC: ClassVar[str] = "AppointmentMade.v1"
    appointment: bytes
    kind: AppointmentKind
    tenant: bytes
    subject: bytes
    role: str
    document_sha256: bytes
    from_day: int
    until_day: int
    proposer: bytes
    confirmer: bytes


@dataclass(frozen=True, slots=True)
class AppointmentEnded:
    """An appointment ends before its time."""

    TOPIC: ClassVar[str] = "AppointmentEnded.v1"
    appointment: bytes
    tenant: bytes
    until_day: int
    reason: str
    proposer: bytes
    confirmer: bytes


EVENTS: tuple[type, ...] = (
    BankRegistered,
    BankReviewFellDue,
    LetterSent,
    LetterCountersigned,
    MirrorExempted,
    LetterReviewed,
    LetterReviewFellDue,
    LetterEnded,
    AppointmentMade,
    AppointmentEnded,
)
