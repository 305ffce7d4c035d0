"""What the bank is asked: payments (pacs.008.001.08) and deposits to receive (JSON)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal

from lxml import etree

CREDIT_TRANSFER = "urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"
MAX_ID_LENGTH = 35
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
class Deposit:
    """Money that comes in for the holder of `creditor_iban`."""

    creditor_iban: str
    amount: str
    currency: str
    debtor_name: str
    debtor_iban: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class DepositRequest:
    """Deposits to report in one message, on one account of the bank."""

    message_id: str
    account_iban: str
    deposits: tuple[Deposit, ...]


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


def read_deposit_request(content: bytes) -> DepositRequest:
    """Returns the deposits of a JSON request; raises Unreadable."""
    try:
        fields = json.loads(content)
        deposits = tuple(Deposit(**each) for each in fields["deposits"])
        request = DepositRequest(fields["message_id"], fields["account_iban"], deposits)
    except (ValueError, TypeError, KeyError) as error:
        raise Unreadable(f"no deposit request: {error}") from None
    if not isinstance(request.message_id, str) or not 0 < len(request.message_id) <= MAX_ID_LENGTH or not deposits:
        raise Unreadable(f"a message id has 1 to {MAX_ID_LENGTH} characters, and there is at least one deposit")
    for deposit in deposits:
        if not isinstance(deposit.amount, str) or read_decimal(deposit.amount) <= 0:
            raise Unreadable("an amount is a positive decimal number, as a string")
    return request


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
