"""What a payment tells the bank beside names, accounts, amount and text, in the terms of ISO 20022."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as pb


class ChargeBearer(IntEnum):
    """Who bears the charges: shared where nothing is said."""

    DEBTOR = 1
    CREDITOR = 2
    SHARED = 3
    SERVICE_LEVEL = 4


@dataclass(frozen=True)
class Code:
    """A code of one of ISO 20022's external lists, or a word of one's own: one of both."""

    code: str = ""
    proprietary: str = ""


@dataclass(frozen=True, kw_only=True)
class Agent:
    """The payee's bank: its BIC, its number in a clearing system, its name; one of them at least."""

    bic: str = ""
    clearing_system: str = ""
    clearing_member: str = ""
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class OtherAccount:
    """An account without IBAN: its number, by what scheme it is one, and who has given it."""

    identification: str
    scheme: Code | None = None
    issuer: str = ""


@dataclass(frozen=True, kw_only=True)
class Document:
    """What is paid for, for instance an invoice (`Code("CINV")`), with its number and ISO 8601 date."""

    type: Code | None = None
    number: str = ""
    related_date: str = ""


@dataclass(frozen=True, kw_only=True)
class StructuredRemittance:
    """Documents, the payee's own reference with its type (`Code("SCOR")`), and at most three lines of text."""

    documents: Sequence[Document] = ()
    creditor_reference_type: Code | None = None
    creditor_reference: str = ""
    additional_information: Sequence[str] = ()


def agent(given: Agent | None) -> pb.Agent | None:
    """A bank as it is sent."""
    if given is None:
        return None
    return pb.Agent(
        bic=given.bic,
        clearing_system=given.clearing_system,
        clearing_member=given.clearing_member,
        name=given.name,
    )


def account(given: OtherAccount | None) -> pb.OtherAccount | None:
    """An account as it is sent."""
    if given is None:
        return None
    return pb.OtherAccount(identification=given.identification, scheme=code(given.scheme), issuer=given.issuer)


def code(given: Code | None) -> pb.CodeOrProprietary | None:
    """A code as it is sent."""
    return None if given is None else pb.CodeOrProprietary(code=given.code, proprietary=given.proprietary)


def remittance(given: StructuredRemittance) -> pb.StructuredRemittance:
    """Structured remittance as it is sent."""
    documents = [
        pb.ReferredDocument(type=code(each.type), number=each.number, related_date=each.related_date)
        for each in given.documents
    ]
    return pb.StructuredRemittance(
        documents=documents,
        creditor_reference_type=code(given.creditor_reference_type),
        creditor_reference=given.creditor_reference,
        additional_information=given.additional_information,
    )
