"""What an order tells the bank beside names, IBANs, amount and free text: paths of ISO 20022 elements with their texts.

A path names elements from the transaction down, as `RmtInf/Strd#2/RfrdDocInf/Nb`: `#2` is the second of its name beside
each other, and `@EUR` behind a name is its Ccy attribute.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from ringfence_kernel.values import iban
from ringfence_kernel.values.addresses import NO_ADDRESS, PostalAddress
from ringfence_kernel.values.characters import are_writable, is_name

from ringfence_payment_instruction.submissions.domain import reasons

Carried: TypeAlias = "tuple[tuple[str, str], ...]"

MAX_ELEMENTS, MAX_CHARACTERS = 200, 9_000
"""Of one order. Nine thousand characters are what market practice bounds structured remittance by (CBPR+, SEPA)."""
MAX_DOCUMENTS = 20
MAX_STRUCTURED = 20
MAX_ADDITIONAL = 3
CHARGE_BEARERS = frozenset({"", "DEBT", "CRED", "SHAR", "SLEV"})
# DocumentType6Code and DocumentType3Code of the standard.
DOCUMENTS = frozenset(
    "MSIN CNFA DNFA CINV CREN DEBN HIRI SBIN CMCN SOAC DISP BOLD VCHR AROI TSUT PUOR".split()
)  # fmt: skip
REFERENCES = frozenset({"RADM", "RPIN", "FXDR", "DISP", "PUOR", "SCOR"})
OTHER_ACCOUNT = "CdtrAcct/Id/Othr/Id"
ULTIMATE_NAMES = ("UltmtDbtr/Nm", "UltmtCdtr/Nm")
_OF_CREDITOR = frozenset({"CdtrAgt", "CdtrAgtAcct", "Cdtr", "CdtrAcct", "UltmtCdtr", "InstrForCdtrAgt"})
_AGENT = re.compile("CdtrAgt/FinInstnId/(BICFI|ClrSysMmbId/MmbId|Nm)")
_BIC = re.compile("[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?")
_CODE = re.compile("[A-Z0-9]{1,4}")
_CLEARING_SYSTEM = re.compile("[A-Z0-9]{1,5}")


def top(path: str) -> str:
    """Returns the element right below the transaction."""
    return path.partition("/")[0].partition("#")[0]


def text_at(carried: Iterable[tuple[str, str]], path: str) -> str:
    """Returns the text at a path, empty where there is none."""
    return next((text for each, text in carried if each == path), "")


def parted(carried: Carried) -> tuple[Carried, Carried]:
    """Returns what is told of the creditor's side apart from the rest, which goes first."""
    of_creditor = tuple([each for each in carried if top(each[0]) in _OF_CREDITOR])
    return tuple([each for each in carried if top(each[0]) not in _OF_CREDITOR]), of_creditor


def kept(carried: Carried) -> Carried:
    """Returns what is kept of it: all that a valid order has, and of one that says too much nothing."""
    return () if _is_too_long(carried) else carried


def _is_too_long(carried: Carried) -> bool:
    return len(carried) > MAX_ELEMENTS or sum(len(text) for _, text in carried) > MAX_CHARACTERS


def flaw(carried: Carried, creditor_iban: str) -> str:
    """Returns why what is carried cannot be told to a bank, empty where it can."""
    if _is_too_long(carried):
        return reasons.INFORMATION_TOO_LONG
    if not all(are_writable(text) for _, text in carried):
        return reasons.INFORMATION_INVALID
    other = text_at(carried, OTHER_ACCOUNT)
    if other and (creditor_iban or iban.is_valid(iban.compact(other))):
        # Under another name it would be looked up nowhere, and leave the book for a client's own account.
        return reasons.CREDITOR_ACCOUNT_INVALID
    if other and not any(_AGENT.fullmatch(path) for path, _ in carried):
        return reasons.CREDITOR_AGENT_REQUIRED
    return ""


@dataclass(frozen=True, slots=True)
class Choice:
    """A code of an external list of the standard, or a word of one's own; both empty for none."""

    code: str = ""
    proprietary: str = ""

    def is_right(self, codes: frozenset[str] | None = None) -> bool:
        """Tells whether one of both is given at most, and can be written; a code is one of `codes` where they are."""
        if self.code and self.proprietary:
            return False
        if self.code:
            return self.code in codes if codes is not None else _CODE.fullmatch(self.code) is not None
        return not self.proprietary or is_name(self.proprietary, 35)

    def carried(self, path: str) -> Iterator[tuple[str, str]]:
        """Yields what is given."""
        if self.code or self.proprietary:
            yield f"{path}/{'Cd' if self.code else 'Prtry'}", self.code or self.proprietary


@dataclass(frozen=True, slots=True)
class Agent:
    """The payee's bank: its BIC, or its number in a clearing system, with its name."""

    bic: str = ""
    clearing_system: str = ""
    clearing_member: str = ""
    name: str = ""

    def is_right(self) -> bool:
        """Tells whether it can be written; no system without a number in it."""
        if self.bic and _BIC.fullmatch(self.bic) is None:
            return False
        if self.clearing_system and (
            not self.clearing_member or _CLEARING_SYSTEM.fullmatch(self.clearing_system) is None
        ):
            return False
        return (not self.clearing_member or is_name(self.clearing_member, 35)) and (
            not self.name or is_name(self.name, 140)
        )

    def carried(self) -> Iterator[tuple[str, str]]:
        """Yields what is given."""
        yield from _given(
            "CdtrAgt/FinInstnId",
            ("BICFI", self.bic),
            ("ClrSysMmbId/ClrSysId/Cd", self.clearing_system),
            ("ClrSysMmbId/MmbId", self.clearing_member),
            ("Nm", self.name),
        )


@dataclass(frozen=True, slots=True)
class OtherAccount:
    """An account that has no IBAN: its number, by what scheme it is one, and who has given it."""

    identification: str = ""
    scheme: Choice = Choice()
    issuer: str = ""

    def is_right(self) -> bool:
        """Tells whether it can be written; no scheme or issuer without a number."""
        if not self.identification:
            return self == OtherAccount()
        return (
            is_name(self.identification, 34)
            and self.scheme.is_right()
            and (not self.issuer or is_name(self.issuer, 35))
        )

    def carried(self) -> Iterator[tuple[str, str]]:
        """Yields what is given."""
        yield from _given("CdtrAcct/Id/Othr", ("Id", self.identification))
        yield from self.scheme.carried("CdtrAcct/Id/Othr/SchmeNm")
        yield from _given("CdtrAcct/Id/Othr", ("Issr", self.issuer))


@dataclass(frozen=True, slots=True)
class Document:
    """What is paid for, for instance an invoice: its type, number and ISO 8601 date."""

    type: Choice = Choice()
    number: str = ""
    day: str = ""

    def is_right(self) -> bool:
        """Tells whether it can be written, and says something."""
        return (
            self.type.is_right(DOCUMENTS)
            and (not self.number or is_name(self.number, 35))
            and (not self.day or _is_date(self.day))
            and self != Document()
        )

    def carried(self, path: str) -> Iterator[tuple[str, str]]:
        """Yields what is given."""
        yield from self.type.carried(f"{path}/Tp/CdOrPrtry")
        yield from _given(path, ("Nb", self.number), ("RltdDt", self.day))


@dataclass(frozen=True, slots=True)
class Structured:
    """One structured remittance: documents, the payee's own reference with its type, and lines of text."""

    documents: tuple[Document, ...] = ()
    reference_type: Choice = Choice()
    reference: str = ""
    additional: tuple[str, ...] = ()

    def is_right(self) -> bool:
        """Tells whether it can be written, and says something; no type without a reference."""
        return (
            self != Structured()
            and len(self.documents) <= MAX_DOCUMENTS
            and all(each.is_right() for each in self.documents)
            and self.reference_type.is_right(REFERENCES)
            and (is_name(self.reference, 35) if self.reference else self.reference_type == Choice())
            and len(self.additional) <= MAX_ADDITIONAL
            and all(is_name(each, 140) for each in self.additional)
        )

    def carried(self, path: str) -> Iterator[tuple[str, str]]:
        """Yields what is given."""
        for at, document in enumerate(self.documents, start=1):
            yield from document.carried(_nth(f"{path}/RfrdDocInf", at))
        yield from self.reference_type.carried(f"{path}/CdtrRefInf/Tp/CdOrPrtry")
        yield from _given(f"{path}/CdtrRefInf", ("Ref", self.reference))
        yield from ((_nth(f"{path}/AddtlRmtInf", at), text) for at, text in enumerate(self.additional, start=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Particulars:
    """What a platform tells in fields; a file tells the same by its elements."""

    charge_bearer: str = ""
    purpose: Choice = Choice()
    ultimate_debtor_name: str = ""
    ultimate_creditor_name: str = ""
    creditor_address: PostalAddress = NO_ADDRESS
    creditor_agent: Agent = Agent()
    creditor_account: OtherAccount = OtherAccount()
    structured: tuple[Structured, ...] = ()

    def flaw(self) -> str:
        """Returns why it cannot be told to a bank, empty where it can."""
        if self.charge_bearer not in CHARGE_BEARERS:
            return reasons.CHARGE_BEARER_INVALID
        if not self.purpose.is_right():
            return reasons.PURPOSE_INVALID
        if self.creditor_address and self.creditor_address.flaw():
            return reasons.CREDITOR_ADDRESS_INVALID
        if not self.creditor_agent.is_right():
            return reasons.CREDITOR_AGENT_INVALID
        if not self.creditor_account.is_right():
            return reasons.CREDITOR_ACCOUNT_INVALID
        if len(self.structured) > MAX_STRUCTURED or not all(each.is_right() for each in self.structured):
            return reasons.REMITTANCE_INVALID
        return ""

    def carried(self) -> Carried:
        """Returns it by paths, each element's own in the order of the standard."""
        names = zip(ULTIMATE_NAMES, (self.ultimate_debtor_name, self.ultimate_creditor_name), strict=True)
        structured = (
            pair for at, each in enumerate(self.structured, start=1) for pair in each.carried(_nth("RmtInf/Strd", at))
        )
        return (
            *_given("", ("ChrgBr", self.charge_bearer)),
            *self.purpose.carried("Purp"),
            *((path, name) for path, name in names if name),
            *address_at("Cdtr", self.creditor_address),
            *self.creditor_agent.carried(),
            *self.creditor_account.carried(),
            *structured,
        )

    def parties(self) -> tuple[tuple[str, str], ...]:
        """Returns everybody whom it names, by the element that does."""
        named = (
            ("UltmtDbtr", self.ultimate_debtor_name),
            ("UltmtCdtr", self.ultimate_creditor_name),
            ("CdtrAgt", self.creditor_agent.name),
        )
        return tuple(each for each in named if each[1])


def address_at(party: str, address: PostalAddress) -> Iterator[tuple[str, str]]:
    """Yields an address of a party by paths."""
    lines = 0
    for element, text in address.elements():
        lines += element == "AdrLine"
        yield _nth(f"{party}/PstlAdr/{element}", lines or 1), text


def _given(path: str, *pairs: tuple[str, str]) -> Iterator[tuple[str, str]]:
    return ((f"{path}/{name}" if path else name, text) for name, text in pairs if text)


def _nth(path: str, number: int) -> str:
    return path if number == 1 else f"{path}#{number}"


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
