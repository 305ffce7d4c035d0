"""What two people may register, as the one proposes it and the other confirms it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ringfence_custody.registers.domain.records import AppointmentKind


@dataclass(frozen=True, slots=True)
class RegisterBank:
    """A bank, by its BIC of 11 characters, or its renewed due diligence."""

    bic: str
    name: str
    country: str
    due_diligence_day: int
    review_day: int
    concentration_basis_points: int
    document_sha256: bytes


@dataclass(frozen=True, slots=True)
class SendLetter:
    """A letter was sent to a bank."""

    letter: bytes
    tenant: bytes
    account: bytes
    bic: str
    template_version: str
    template_sha256: bytes
    sent_day: int


@dataclass(frozen=True, slots=True)
class CountersignLetter:
    """The bank has countersigned a letter."""

    letter: bytes
    countersigned_day: int
    document_sha256: bytes
    review_day: int


@dataclass(frozen=True, slots=True)
class ExemptMirror:
    """A mirror needs no letter."""

    letter: bytes
    tenant: bytes
    account: bytes
    bic: str
    reason: str
    document_sha256: bytes
    review_day: int


@dataclass(frozen=True, slots=True)
class ReviewLetter:
    """A letter in force was reviewed, and stands."""

    letter: bytes
    reviewed_day: int
    document_sha256: bytes
    review_day: int


@dataclass(frozen=True, slots=True)
class EndLetter:
    """A letter has ended."""

    letter: bytes
    ended_day: int
    reason: str


@dataclass(frozen=True, slots=True)
class Appoint:
    """An agent or a key person; `tenant` is empty for all platforms, `until_day` 0 while it is open."""

    appointment: bytes
    kind: AppointmentKind
    tenant: bytes
    subject: bytes
    role: str
    document_sha256: bytes
    from_day: int
    until_day: int


@dataclass(frozen=True, slots=True)
class EndAppointment:
    """An appointment ends before its time."""

    appointment: bytes
    until_day: int
    reason: str


OfLetter: TypeAlias = SendLetter | CountersignLetter | ExemptMirror | ReviewLetter | EndLetter
Command: TypeAlias = RegisterBank | OfLetter | Appoint | EndAppointment
