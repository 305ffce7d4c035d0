"""What the bank is asked: payments (pacs.008.001.08); and what it shall book and tell (JSON)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from lxml import etree

CREDIT_TRANSFER = "urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"
MAX_ID_LENGTH = 35
FORMATS = ("camt.053", "MT940")
MAX_PAGES = 99
_PLAIN_DECIMAL = re.compile(r"[0-9]{1,18}(\.[0-9]{1,5})?")
_NAMESPACES = {"p": CREDIT_TRANSFER}


class Unreadable(Exception):
    """A request that the bank cannot make sense of."""


@dataclass(frozen=True, slots=True)
class Payment:
    """One credit transfer; the amount is the decimal text of the message, the day its settlement date."""

    transaction_id: str
    instruction_id: str | None
    end_to_end_id: str
    amount: str
    currency: str
    day: str
    debtor_name: str
    debtor_iban: str | None
    creditor_name: str
    creditor_iban: str | None
    remittance: str | None


@dataclass(frozen=True, slots=True)
class PaymentOrder:
    """The payments of one message, and when that message says it was made."""

    message_id: str
    created_at: str
    payments: tuple[Payment, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """How a file tells otherwise than what is booked, of one entry by its reference or of all (README.md)."""

    fault: str
    reference: str | None = None
    days: int = 1


@dataclass(frozen=True, slots=True)
class Deposit:
    """Money that comes in for the holder of `creditor_iban`, None where the bank does not know who that is."""

    creditor_iban: str | None
    amount: str
    currency: str
    debtor_name: str
    debtor_iban: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class DepositRequest:
    """Deposits to book on one account of the bank, each by itself or all as one movement.

    They are told in one message with faults, or not at all where `is_told` is false. `day` is an ISO date, None for
    that on which the request arrives.
    """

    message_id: str
    account_iban: str
    deposits: tuple[Deposit, ...]
    as_one: bool = False
    is_told: bool = True
    day: str | None = None
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class DebitRequest:
    """Money that the bank takes: a charge of its own, or what it had booked under `reverses`."""

    message_id: str
    account_iban: str
    amount: str = ""
    currency: str = ""
    text: str = ""
    reverses: str | None = None
    is_told: bool = True
    day: str | None = None
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class NotificationRequest:
    """Movements that are told, once more or late, by their references; of all of a day where none are named."""

    message_id: str
    account_iban: str
    day: str
    currency: str
    references: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class StatementRequest:
    """A statement of some days: `format` is camt.053 or MT940, `sequence` its number, 0 for none."""

    message_id: str
    account_iban: str
    first_day: str
    last_day: str
    currency: str
    format: str = "camt.053"
    pages: int = 1
    sequence: int = 0
    faults: tuple[Fault, ...] = ()


Request = DepositRequest | DebitRequest | NotificationRequest | StatementRequest
_KINDS: dict[str, type[DebitRequest] | type[NotificationRequest] | type[StatementRequest]] = {
    "debit": DebitRequest,
    "notification": NotificationRequest,
    "statement": StatementRequest,
}


def read_payment_order(content: bytes) -> PaymentOrder:
    """Returns the payments of a pacs.008.001.08; raises Unreadable."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        body = etree.fromstring(content, parser)[0]
    except (etree.XMLSyntaxError, IndexError):
        raise Unreadable("no XML message") from None
    if body.tag != f"{{{CREDIT_TRANSFER}}}FIToFICstmrCdtTrf":
        raise Unreadable("no pacs.008.001.08")
    payments = tuple(_payment(element) for element in body.iterfind("p:CdtTrfTxInf", _NAMESPACES))
    return PaymentOrder(_required(body, "p:GrpHdr/p:MsgId"), _required(body, "p:GrpHdr/p:CreDtTm"), payments)


def _payment(element: etree._Element) -> Payment:
    amount = element.find("p:IntrBkSttlmAmt", _NAMESPACES)
    if amount is None:
        raise Unreadable("a payment without amount")
    return Payment(
        transaction_id=_required(element, "p:PmtId/p:TxId"),
        instruction_id=_optional(element, "p:PmtId/p:InstrId"),
        end_to_end_id=_required(element, "p:PmtId/p:EndToEndId"),
        amount=str(read_decimal(amount.text or "")),
        currency=amount.get("Ccy", ""),
        day=_required(element, "p:IntrBkSttlmDt"),
        debtor_name=_required(element, "p:Dbtr/p:Nm"),
        debtor_iban=_optional(element, "p:DbtrAcct/p:Id/p:IBAN"),
        creditor_name=_required(element, "p:Cdtr/p:Nm"),
        creditor_iban=_optional(element, "p:CdtrAcct/p:Id/p:IBAN"),
        remittance=_optional(element, "p:RmtInf/p:Ustrd"),
    )


def read_request(content: bytes) -> Request:
    """Returns what a JSON request asks for; raises Unreadable."""
    try:
        fields = json.loads(content)
        kind = next((each for each in _KINDS if each in fields), None)
        if kind is None:
            return _deposits(fields)
        request = _KINDS[kind](message_id=fields["message_id"], **_frozen(fields[kind]))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Unreadable(f"no request: {error}") from None
    _require_message_id(request.message_id)
    if isinstance(request, DebitRequest):
        if request.reverses is None:
            _require_amount(request.amount)
        _require_days(*([request.day] if request.day else []))
    elif isinstance(request, NotificationRequest):
        _require_days(request.day)
    else:
        _require_days(request.first_day, request.last_day)
        if request.format not in FORMATS or not 1 <= request.pages <= MAX_PAGES:
            raise Unreadable(f"a statement is one of {FORMATS}, in 1 to {MAX_PAGES} pages")
    return request


def _deposits(fields: dict[str, Any]) -> DepositRequest:
    """Returns a request for deposits."""
    deposits = tuple(Deposit(**each) for each in fields["deposits"])
    rest = {name: value for name, value in fields.items() if name != "deposits"}
    request = DepositRequest(deposits=deposits, **_frozen(rest))
    _require_message_id(request.message_id)
    if not deposits:
        raise Unreadable("there is at least one deposit")
    for deposit in deposits:
        _require_amount(deposit.amount)
    if request.as_one and len({each.currency for each in deposits}) > 1:
        raise Unreadable("one movement has one currency")
    _require_days(*([request.day] if request.day else []))
    return request


def _frozen(fields: dict[str, Any]) -> dict[str, Any]:
    """Returns fields with their lists as tuples, and faults as such."""
    found = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    if "faults" in found:
        found["faults"] = tuple(Fault(**each) for each in found["faults"])
    return found


def _require_message_id(message_id: object) -> None:
    if not isinstance(message_id, str) or not 0 < len(message_id) <= MAX_ID_LENGTH:
        raise Unreadable(f"a message id has 1 to {MAX_ID_LENGTH} characters")


def _require_amount(amount: object) -> None:
    if not isinstance(amount, str) or read_decimal(amount) <= 0:
        raise Unreadable("an amount is a positive decimal number, as a string")


def _require_days(*days: str) -> None:
    try:
        for day in days:
            date.fromisoformat(day)
    except (TypeError, ValueError):
        raise Unreadable("a day is an ISO date") from None


def read_decimal(text: str) -> Decimal:
    """Returns the number of a plain decimal, digits and at most one point; raises Unreadable."""
    if _PLAIN_DECIMAL.fullmatch(text) is None:
        raise Unreadable("no decimal number")
    return Decimal(text)


def _optional(element: etree._Element, path: str) -> str | None:
    return element.findtext(path, namespaces=_NAMESPACES)


def _required(element: etree._Element, path: str) -> str:
    found = _optional(element, path)
    if not found:
        raise Unreadable(f"{path.replace('p:', '')} is missing")
    return found
