"""Between the protos and the registers: fields checked and converted, nothing decided."""

from __future__ import annotations

import re

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.rpc import bounds
from ringfence_kernel.values.country import country
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_protos.custody.v1 import custody_pb2
from ringfence_protos.custody.v1 import registers_pb2 as pb

from ringfence_custody.ledger.api.mapping import book_of
from ringfence_custody.registers.application.queries import BankShare, MirrorView
from ringfence_custody.registers.domain import commands as c
from ringfence_custody.registers.domain.records import Appointment, AppointmentKind, Bank, Letter

BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?")
"""ISO 9362:2022: party prefix, country, party suffix, branch."""
HEAD_OFFICE = "XXX"
ROLE = re.compile(r"[A-Z0-9_-]{1,32}")
DIGEST_BYTES = 32
NAME_CHARACTERS = 140
REASON_CHARACTERS = 140
VERSION_CHARACTERS = 64
LAST_DAY = 2_932_896
"""9999-12-31."""


def books_of(caller: Caller, book_id: bytes) -> bytes:
    """Returns the book a list is of, empty for all: only the custodian's own people may ask for these."""
    return b"" if caller.tenant is None and not book_id else book_of(caller, book_id)


def register_bank(request: pb.RegisterBankRequest) -> c.RegisterBank:
    """Returns the command; raises InvalidArgument."""
    code = country(request.country)
    if code is None:
        raise InvalidArgument("country is no code of ISO 3166-1", field="country")
    return c.RegisterBank(
        bic(request.bic),
        bounds.text("name", request.name, maximum=NAME_CHARACTERS),
        code,
        day("due_diligence_day", request.due_diligence_day),
        day("review_day", request.review_day),
        bounds.number("concentration_basis_points", request.concentration_basis_points, minimum=1, maximum=10_000),
        digest("document_sha256", request.document_sha256),
    )


def send_letter(request: pb.SendLetterRequest, book_id: bytes) -> c.SendLetter:
    """Returns the command; raises InvalidArgument."""
    return c.SendLetter(
        bounds.identifier("letter_id", request.letter_id),
        book_id,
        bounds.identifier("account_id", request.account_id),
        bic(request.bic),
        bounds.text("template_version", request.template_version, maximum=VERSION_CHARACTERS),
        digest("template_sha256", request.template_sha256),
        day("sent_day", request.sent_day),
    )


def countersign_letter(request: pb.CountersignLetterRequest) -> c.CountersignLetter:
    """Returns the command; raises InvalidArgument."""
    return c.CountersignLetter(
        bounds.identifier("letter_id", request.letter_id),
        day("countersigned_day", request.countersigned_day),
        digest("document_sha256", request.document_sha256),
        day("review_day", request.review_day),
    )


def exempt_mirror(request: pb.ExemptMirrorRequest, book_id: bytes) -> c.ExemptMirror:
    """Returns the command; raises InvalidArgument."""
    return c.ExemptMirror(
        bounds.identifier("letter_id", request.letter_id),
        book_id,
        bounds.identifier("account_id", request.account_id),
        bic(request.bic),
        bounds.text("reason", request.reason, maximum=REASON_CHARACTERS),
        digest("document_sha256", request.document_sha256),
        day("review_day", request.review_day),
    )


def review_letter(request: pb.ReviewLetterRequest) -> c.ReviewLetter:
    """Returns the command; raises InvalidArgument."""
    return c.ReviewLetter(
        bounds.identifier("letter_id", request.letter_id),
        day("reviewed_day", request.reviewed_day),
        digest("document_sha256", request.document_sha256),
        day("review_day", request.review_day),
    )


def end_letter(request: pb.EndLetterRequest) -> c.EndLetter:
    """Returns the command; raises InvalidArgument."""
    return c.EndLetter(
        bounds.identifier("letter_id", request.letter_id),
        day("ended_day", request.ended_day),
        bounds.text("reason", request.reason, maximum=REASON_CHARACTERS),
    )


def appoint(request: pb.AppointRequest) -> c.Appoint:
    """Returns the command; raises InvalidArgument."""
    if request.kind not in (pb.APPOINTMENT_KIND_AGENT, pb.APPOINTMENT_KIND_KEY_PERSON):
        raise InvalidArgument("kind must be AGENT or KEY_PERSON", field="kind")
    if not ROLE.fullmatch(request.role):
        raise InvalidArgument("role must be 1 to 32 capital letters, digits, - or _", field="role")
    name = pb.AppointmentKind.Name(request.kind).removeprefix("APPOINTMENT_KIND_")
    return c.Appoint(
        bounds.identifier("appointment_id", request.appointment_id),
        AppointmentKind(name),
        bounds.optional_identifier("book_id", request.book_id) or b"",
        bounds.identifier("subject_id", request.subject_id),
        request.role,
        digest("document_sha256", request.document_sha256),
        day("from_day", request.from_day),
        bounds.number("until_day", request.until_day, minimum=0, maximum=LAST_DAY),
    )


def end_appointment(request: pb.EndAppointmentRequest) -> c.EndAppointment:
    """Returns the command; raises InvalidArgument."""
    return c.EndAppointment(
        bounds.identifier("appointment_id", request.appointment_id),
        day("until_day", request.until_day),
        bounds.text("reason", request.reason, maximum=REASON_CHARACTERS),
    )


def bic(value: str) -> str:
    """Returns a BIC with the branch that it leaves out; raises InvalidArgument."""
    if not BIC.fullmatch(value):
        raise InvalidArgument("bic must have 8 or 11 characters of ISO 9362", field="bic")
    return value if len(value) > len("AAAABBCC") else value + HEAD_OFFICE


def digest(field: str, value: bytes) -> bytes:
    """Returns a SHA-256; raises InvalidArgument."""
    if len(value) != DIGEST_BYTES or not any(value):
        raise InvalidArgument(f"{field} must be 32 bytes, not all zero", field=field)
    return value


def day(field: str, value: int) -> int:
    """Returns a day; raises InvalidArgument for one before 1970-01-02, or after 9999."""
    return bounds.number(field, value, minimum=1, maximum=LAST_DAY)


def bank(found: Bank) -> pb.Bank:
    """Returns a bank as it is answered."""
    return pb.Bank(
        bank_id=found.id,
        bic=found.bic,
        name=found.name,
        country=found.country,
        due_diligence_day=found.due_diligence_day,
        review_day=found.review_day,
        concentration_basis_points=found.concentration_basis_points,
        document_sha256=found.document_sha256,
        review_due=found.review_due,
    )


def letter(found: Letter, at: Bank) -> pb.Letter:
    """Returns a letter as it is answered."""
    return pb.Letter(
        letter_id=found.id,
        book_id=found.tenant,
        account_id=found.account,
        bank_id=found.bank,
        bic=at.bic,
        kind=pb.LetterKind.ValueType(found.kind),
        state=pb.LetterState.ValueType(found.state),
        template_version=found.template_version,
        template_sha256=found.template_sha256,
        sent_day=found.sent_day,
        countersigned_day=found.countersigned_day,
        review_day=found.review_day,
        document_sha256=found.document_sha256,
        ended_day=found.ended_day,
        reason=found.reason,
    )


def mirror(found: MirrorView, at: Bank | None) -> pb.Mirror:
    """Returns a mirror as it is answered."""
    stands = found.letter
    return pb.Mirror(
        book_id=found.mirror.tenant,
        account_id=found.mirror.account,
        ledger=found.mirror.ledger,
        status=custody_pb2.AccountStatus.ValueType(found.status),
        letter_id=stands.id if stands else b"",
        bic=at.bic if at else "",
        letter_state=pb.LetterState.ValueType(stands.state if stands else 0),
    )


def appointment(found: Appointment) -> pb.Appointment:
    """Returns an appointment as it is answered."""
    return pb.Appointment(
        appointment_id=found.id,
        kind=pb.AppointmentKind.Value(f"APPOINTMENT_KIND_{found.kind.value}"),
        book_id=found.tenant,
        subject_id=found.subject,
        role=found.role,
        document_sha256=found.document_sha256,
        from_day=found.from_day,
        until_day=found.until_day,
        reason=found.reason,
    )


def share(found: BankShare) -> pb.BankShare:
    """Returns a bank's share as it is answered."""
    return pb.BankShare(
        ledger=found.ledger,
        bic=found.bank.bic if found.bank else "",
        amount_minor=found.amount_minor,
        share_basis_points=found.share_basis_points,
        limit_basis_points=found.limit_basis_points,
        breached=found.is_breached,
    )
