"""Registers of custody: banks, acknowledgement letters, agents and key people (docs/registers.md)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum
from typing import Any
from uuid import UUID

import grpc
from ringfence_protos.custody.v1 import registers_pb2 as pb
from ringfence_protos.custody.v1 import registers_pb2_grpc

from ringfence.ids import optional
from ringfence.ledger import AccountStatus
from ringfence.money import currency_of
from ringfence.transport import Connection

_PAGE = 1_000
_EPOCH = date(1970, 1, 1)


class LetterKind(IntEnum):
    """What stands for a bank mirror: a letter that the bank countersigns, or that none is needed."""

    LETTER = 1
    EXEMPT = 2


class LetterState(IntEnum):
    """How far a letter has come; its mirror may be active while it is COUNTERSIGNED or REVIEW_DUE."""

    SENT = 1
    COUNTERSIGNED = 2
    REVIEW_DUE = 3
    ENDED = 4


class AppointmentKind(IntEnum):
    """In what somebody acts for the custodian."""

    AGENT = 1
    KEY_PERSON = 2


@dataclass(frozen=True, kw_only=True)
class NewBank:
    """A bank to register, or its renewed due diligence; a BIC of 8 characters means the head office.

    At most `concentration_basis_points` hundredths of a per cent of a platform's money in a currency may lie there.
    """

    bic: str
    name: str
    country: str
    due_diligence: date
    review: date
    concentration_basis_points: int
    document_sha256: bytes


@dataclass(frozen=True, kw_only=True)
class Bank(NewBank):
    """A bank on record; no letter is sent to it while its review is due."""

    id: UUID
    review_due: bool


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A letter about a bank mirror; days and digests are None where there are none yet."""

    id: UUID
    book_id: UUID
    account_id: UUID
    bic: str
    kind: LetterKind
    state: LetterState
    template_version: str
    template_sha256: bytes | None
    sent: date | None
    countersigned: date | None
    review: date | None
    document_sha256: bytes | None
    ended: date | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """A bank mirror, and the letter in force: None where it is without letter."""

    book_id: UUID
    account_id: UUID
    currency: str
    status: AccountStatus
    letter_id: UUID | None
    bic: str
    letter_state: LetterState | None


@dataclass(frozen=True, kw_only=True)
class NewAppointment:
    """Somebody to appoint, by identity's id; `book_id` None concerns all platforms, `until` None is open.

    `role` is a code of capital letters, digits, `-` and `_`: nobody is named.
    """

    id: UUID
    kind: AppointmentKind
    subject_id: UUID
    role: str
    document_sha256: bytes
    from_: date
    until: date | None = None
    book_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Appointment(NewAppointment):
    """An appointment on record, and why it ended before its time."""

    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class BankShare:
    """What of a platform's money in a currency lies at one bank; no BIC for mirrors without letter."""

    currency: str
    bic: str
    amount_minor: int
    share_basis_points: int
    limit_basis_points: int
    breached: bool


class Registers:
    """The registers; acts are proposed by one operator and return what another must confirm, None for nothing."""

    def __init__(self, channel: grpc.Channel, connection: Connection) -> None:
        self._connection = connection
        self._stub = registers_pb2_grpc.RegisterServiceStub(channel)

    def register_bank(self, bank: NewBank) -> UUID | None:
        """Proposes a bank, or its renewed due diligence."""
        request = pb.RegisterBankRequest(
            bic=bank.bic,
            name=bank.name,
            country=bank.country,
            due_diligence_day=_day(bank.due_diligence),
            review_day=_day(bank.review),
            concentration_basis_points=bank.concentration_basis_points,
            document_sha256=bank.document_sha256,
        )
        return self._proposed(self._stub.RegisterBank, request)

    def send_letter(
        self,
        letter_id: UUID,
        book_id: UUID,
        account_id: UUID,
        *,
        bic: str,
        template_version: str,
        template_sha256: bytes,
        sent: date,
    ) -> UUID | None:
        """Proposes a letter that was sent; the version names one fixed text for ever."""
        request = pb.SendLetterRequest(
            letter_id=letter_id.bytes,
            book_id=book_id.bytes,
            account_id=account_id.bytes,
            bic=bic,
            template_version=template_version,
            template_sha256=template_sha256,
            sent_day=_day(sent),
        )
        return self._proposed(self._stub.SendLetter, request)

    def countersign_letter(
        self, letter_id: UUID, *, countersigned: date, document_sha256: bytes, review: date
    ) -> UUID | None:
        """Proposes that the bank has countersigned: the mirror becomes active."""
        request = pb.CountersignLetterRequest(
            letter_id=letter_id.bytes,
            countersigned_day=_day(countersigned),
            document_sha256=document_sha256,
            review_day=_day(review),
        )
        return self._proposed(self._stub.CountersignLetter, request)

    def exempt_mirror(
        self,
        letter_id: UUID,
        book_id: UUID,
        account_id: UUID,
        *,
        bic: str,
        reason: str,
        document_sha256: bytes,
        review: date,
    ) -> UUID | None:
        """Proposes that a mirror needs no letter: it becomes active. `reason` holds no personal data."""
        request = pb.ExemptMirrorRequest(
            letter_id=letter_id.bytes,
            book_id=book_id.bytes,
            account_id=account_id.bytes,
            bic=bic,
            reason=reason,
            document_sha256=document_sha256,
            review_day=_day(review),
        )
        return self._proposed(self._stub.ExemptMirror, request)

    def review_letter(self, letter_id: UUID, *, reviewed: date, document_sha256: bytes, review: date) -> UUID | None:
        """Proposes that a letter in force was reviewed, and when it is to be reviewed again."""
        request = pb.ReviewLetterRequest(
            letter_id=letter_id.bytes,
            reviewed_day=_day(reviewed),
            document_sha256=document_sha256,
            review_day=_day(review),
        )
        return self._proposed(self._stub.ReviewLetter, request)

    def end_letter(self, letter_id: UUID, *, ended: date, reason: str) -> UUID | None:
        """Proposes the end of a letter: a mirror without another one is not active any more."""
        request = pb.EndLetterRequest(letter_id=letter_id.bytes, ended_day=_day(ended), reason=reason)
        return self._proposed(self._stub.EndLetter, request)

    def appoint(self, appointment: NewAppointment) -> UUID | None:
        """Proposes an agent or a key person."""
        request = pb.AppointRequest(
            appointment_id=appointment.id.bytes,
            kind=pb.AppointmentKind.ValueType(appointment.kind),
            book_id=_id(appointment.book_id),
            subject_id=appointment.subject_id.bytes,
            role=appointment.role,
            document_sha256=appointment.document_sha256,
            from_day=_day(appointment.from_),
            until_day=_day(appointment.until),
        )
        return self._proposed(self._stub.Appoint, request)

    def end_appointment(self, appointment_id: UUID, *, until: date, reason: str) -> UUID | None:
        """Proposes to end an appointment before its time."""
        request = pb.EndAppointmentRequest(appointment_id=appointment_id.bytes, until_day=_day(until), reason=reason)
        return self._proposed(self._stub.EndAppointment, request)

    def banks(self) -> Iterator[Bank]:
        """Banks, page by page."""
        for page in self._pages(self._stub.ListBanks, pb.ListBanksRequest(page_size=_PAGE)):
            yield from map(_bank, page.banks)

    def letters(self, book_id: UUID | None = None, account_id: UUID | None = None) -> Iterator[Letter]:
        """Letters of a book or of all, of a mirror where one is named, those that have ended too; page by page."""
        request = pb.ListLettersRequest(book_id=_id(book_id), account_id=_id(account_id), page_size=_PAGE)
        for page in self._pages(self._stub.ListLetters, request):
            yield from map(_letter, page.letters)

    def mirrors(self, book_id: UUID | None = None, *, only_without_letter: bool = False) -> Iterator[Mirror]:
        """Bank mirrors of a book or of all with the letters in force, page by page."""
        request = pb.ListMirrorsRequest(book_id=_id(book_id), only_without_letter=only_without_letter, page_size=_PAGE)
        for page in self._pages(self._stub.ListMirrors, request):
            yield from map(_mirror, page.mirrors)

    def appointments(self, on: date | None = None) -> Iterator[Appointment]:
        """Agents and key people, on a day or ever, page by page."""
        request = pb.ListAppointmentsRequest(on_day=_day(on), page_size=_PAGE)
        for page in self._pages(self._stub.ListAppointments, request):
            yield from map(_appointment, page.appointments)

    def concentration(self, book_id: UUID | None = None) -> list[BankShare]:
        """How a platform's money is spread over banks, by currency."""
        reply = self._connection.call(self._stub.GetConcentration, pb.GetConcentrationRequest(book_id=_id(book_id)))
        return [
            BankShare(
                currency=currency_of(each.ledger),
                bic=each.bic,
                amount_minor=each.amount_minor,
                share_basis_points=each.share_basis_points,
                limit_basis_points=each.limit_basis_points,
                breached=each.breached,
            )
            for each in reply.shares
        ]

    def _proposed(self, method: Any, request: Any) -> UUID | None:
        return optional(self._connection.call(method, request).proposal_id)

    def _pages(self, method: Any, request: Any) -> Iterator[Any]:
        while True:
            page = self._connection.call(method, request)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token


def _id(value: UUID | None) -> bytes:
    return value.bytes if value else b""


def _day(value: date | None) -> int:
    return (value - _EPOCH).days if value else 0


def _date(value: int) -> date | None:
    return _on(value) if value else None


def _on(value: int) -> date:
    return _EPOCH + timedelta(days=value)


def _bank(each: pb.Bank) -> Bank:
    return Bank(
        id=UUID(bytes=each.bank_id),
        bic=each.bic,
        name=each.name,
        country=each.country,
        due_diligence=_on(each.due_diligence_day),
        review=_on(each.review_day),
        concentration_basis_points=each.concentration_basis_points,
        document_sha256=each.document_sha256,
        review_due=each.review_due,
    )


def _letter(each: pb.Letter) -> Letter:
    return Letter(
        id=UUID(bytes=each.letter_id),
        book_id=UUID(bytes=each.book_id),
        account_id=UUID(bytes=each.account_id),
        bic=each.bic,
        kind=LetterKind(each.kind),
        state=LetterState(each.state),
        template_version=each.template_version,
        template_sha256=each.template_sha256 or None,
        sent=_date(each.sent_day),
        countersigned=_date(each.countersigned_day),
        review=_date(each.review_day),
        document_sha256=each.document_sha256 or None,
        ended=_date(each.ended_day),
        reason=each.reason,
    )


def _mirror(each: pb.Mirror) -> Mirror:
    return Mirror(
        book_id=UUID(bytes=each.book_id),
        account_id=UUID(bytes=each.account_id),
        currency=currency_of(each.ledger),
        status=AccountStatus(each.status),
        letter_id=optional(each.letter_id),
        bic=each.bic,
        letter_state=LetterState(each.letter_state) if each.letter_state else None,
    )


def _appointment(each: pb.Appointment) -> Appointment:
    return Appointment(
        id=UUID(bytes=each.appointment_id),
        kind=AppointmentKind(each.kind),
        book_id=optional(each.book_id),
        subject_id=UUID(bytes=each.subject_id),
        role=each.role,
        document_sha256=each.document_sha256,
        from_=_on(each.from_day),
        until=_date(each.until_day),
        reason=each.reason,
    )
