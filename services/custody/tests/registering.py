"""Requests to the registers for tests, and what they need first."""

from __future__ import annotations

from typing import Any

from ringfence_custody.ledger.domain.columns import AccountColumns
from ringfence_custody.ledger.domain.purposes import AccountClass
from ringfence_protos.custody.v1 import registers_pb2 as pb

from .conftest import Custody
from .ledger import EUR, START_NS, id_of
from .test_custody_service import PLATFORM, open_accounts

TODAY = START_NS // 86_400_000_000_000
BIC, SECOND_BIC = "COBADEFF", "DEUTDEFF500"
ONE, TWO, THREE = (bytes([number]) * 16 for number in (1, 2, 3))
DOCUMENT, OTHER_DOCUMENT = b"\x0d" * 32, b"\x0e" * 32


def bank(bic: str = BIC, **changed: Any) -> pb.RegisterBankRequest:
    """Returns a bank to register."""
    fields = {
        "bic": bic,
        "name": "Commerzbank AG",
        "country": "DE",
        "due_diligence_day": TODAY - 10,
        "review_day": TODAY + 300,
        "concentration_basis_points": 6_000,
        "document_sha256": DOCUMENT,
    }
    return pb.RegisterBankRequest(**{**fields, **changed})


def sending(letter: bytes = ONE, mirror: str = "mirror", **changed: Any) -> pb.SendLetterRequest:
    """Returns a letter that was sent."""
    fields = {
        "letter_id": letter,
        "book_id": PLATFORM,
        "account_id": id_of(mirror),
        "bic": BIC,
        "template_version": "CASS 15 Annex 1, 2026",
        "template_sha256": DOCUMENT,
        "sent_day": TODAY - 5,
    }
    return pb.SendLetterRequest(**{**fields, **changed})


def countersigning(letter: bytes = ONE, **changed: Any) -> pb.CountersignLetterRequest:
    """Returns the bank's countersignature."""
    fields = {
        "letter_id": letter,
        "countersigned_day": TODAY - 2,
        "document_sha256": DOCUMENT,
        "review_day": TODAY + 365,
    }
    return pb.CountersignLetterRequest(**{**fields, **changed})


def exempting(letter: bytes = ONE, mirror: str = "mirror", **changed: Any) -> pb.ExemptMirrorRequest:
    """Returns an exemption."""
    fields = {
        "letter_id": letter,
        "book_id": PLATFORM,
        "account_id": id_of(mirror),
        "bic": BIC,
        "reason": "settlement account at the central bank",
        "document_sha256": DOCUMENT,
        "review_day": TODAY + 365,
    }
    return pb.ExemptMirrorRequest(**{**fields, **changed})


def reviewing(letter: bytes = ONE, **changed: Any) -> pb.ReviewLetterRequest:
    """Returns the review of a letter."""
    fields = {
        "letter_id": letter,
        "reviewed_day": TODAY,
        "document_sha256": OTHER_DOCUMENT,
        "review_day": TODAY + 700,
    }
    return pb.ReviewLetterRequest(**{**fields, **changed})


def ending(letter: bytes = ONE, **changed: Any) -> pb.EndLetterRequest:
    """Returns the end of a letter."""
    return pb.EndLetterRequest(**{"letter_id": letter, "ended_day": TODAY, "reason": "account moved", **changed})


def appointing(appointment: bytes = ONE, **changed: Any) -> pb.AppointRequest:
    """Returns a key person."""
    fields = {
        "appointment_id": appointment,
        "kind": pb.APPOINTMENT_KIND_KEY_PERSON,
        "subject_id": TWO,
        "role": "SMF16",
        "document_sha256": DOCUMENT,
        "from_day": TODAY,
    }
    return pb.AppointRequest(**{**fields, **changed})


async def with_mirrors(custody: Custody) -> Custody:
    """Opens a book with clients' money at one bank, and a mirror beside it that has no letter."""
    await open_accounts(custody)
    await open_mirror(custody, "mirror")
    return custody


async def open_mirror(custody: Custody, name: str, tenant: bytes = PLATFORM) -> None:
    """Opens a bank mirror, and leaves it without letter."""
    columns = AccountColumns(id_of(name), bytes(16), [AccountClass.BANK_MIRROR], [EUR], [1], [])
    await custody.commands.create_accounts(tenant, columns)


async def countersigned(custody: Custody, letter: bytes = ONE, mirror: str = "mirror", bic: str = BIC) -> None:
    """Has a mirror's letter sent and countersigned, at a bank that is registered on the way."""
    await custody.agree("RegisterBank", bank(bic))
    await custody.agree("SendLetter", sending(letter, mirror, bic=bic))
    await custody.agree("CountersignLetter", countersigning(letter))


async def letters(custody: Custody, **asked: Any) -> list[pb.Letter]:
    """Returns the letters."""
    return list((await custody.register("ListLetters", pb.ListLettersRequest(**asked))).letters)


async def mirrors(custody: Custody, **asked: Any) -> list[pb.Mirror]:
    """Returns the mirrors."""
    return list((await custody.register("ListMirrors", pb.ListMirrorsRequest(**asked))).mirrors)
