"""Values that stand in headings and entries of camt messages alike."""

from __future__ import annotations

from datetime import date

from ringfence_kernel.values import money

from ringfence_payment_instruction.iso20022.document import XML_SPACES
from ringfence_payment_instruction.iso20022.elements import MAX_TEXT_LENGTH, Node
from ringfence_payment_instruction.statements.domain.statement import CREDIT, DEBIT, Account

MAX_DIGITS = 18


def amount(node: Node, name: str = "Amt") -> tuple[int, str]:
    """Returns minor units and currency; zeros behind the currency's last decimal say nothing and are let go.

    Raises FileRefused(AMOUNT_INVALID, CURRENCY_NOT_SUPPORTED).
    """
    found = node.only(name)
    text, code = (found.element.text or "").strip(XML_SPACES), found.element.get("Ccy", "")
    try:
        return to_minor(text, code), code
    except money.CurrencyUnknown:
        raise found.refused("CURRENCY_NOT_SUPPORTED", "no ISO 4217 currency") from None
    except money.AmountInvalid:
        raise found.refused("AMOUNT_INVALID", "no decimal number, or more decimals than the currency has") from None


def to_minor(text: str, code: str) -> int:
    """Returns minor units of a plain decimal, zeros behind the last decimal left out; raises as `money.to_minor`."""
    currency = money.currency(code)
    whole, point, decimals = text.partition(".")
    if point and len(decimals) > currency.exponent and set(decimals[currency.exponent :]) == {"0"}:
        text = f"{whole}.{decimals[: currency.exponent]}" if currency.exponent else whole
    return money.to_minor(text, currency)


def direction(node: Node) -> str:
    """Returns CRDT or DBIT, which must be said."""
    found = node.required_text("CdtDbtInd")
    if found not in (CREDIT, DEBIT):
        raise node.invalid("CdtDbtInd is neither CRDT nor DBIT")
    return found


def day(node: Node, name: str) -> date | None:
    """Returns the day of an ISODate or ISODateTime as the bank writes it; raises FileRefused(DATE_INVALID)."""
    text = node.text(name)
    if text is None:
        return None
    try:
        return date.fromisoformat(text.strip(XML_SPACES)[:10])
    except ValueError:
        raise node.only(name).refused("DATE_INVALID", "no date") from None


def number(node: Node, name: str) -> int | None:
    """Returns a whole number of at most 18 digits, None where it is not there."""
    text = node.text(name)
    if text is None:
        return None
    text = text.strip(XML_SPACES)
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
        raise node.only(name).invalid("no whole number")
    return int(text)


def truth(node: Node, name: str) -> bool:
    """Returns an xs:boolean, false where it is not there."""
    text = (node.text(name) or "false").strip(XML_SPACES)
    if text not in ("true", "1", "false", "0"):
        raise node.only(name).invalid("neither true nor false")
    return text in ("true", "1")


def account(node: Node | None) -> Account:
    """Returns a CashAccount by its IBAN in capitals, or by its other id and scheme; none where it has neither."""
    identification = node.maybe("Id") if node else None
    if identification is None:
        return Account()
    iban = identification.text("IBAN")
    if iban:
        return Account(iban="".join(iban.split()).upper())
    other = identification.maybe("Othr")
    if other is None:
        return Account()
    scheme = other.maybe("SchmeNm")
    return Account(
        other=" ".join((other.text("Id") or "").split()),
        scheme=code_or_proprietary(scheme, MAX_TEXT_LENGTH) if scheme else "",
    )


def code_or_proprietary(node: Node, length: int = 35) -> str:
    """Returns what stands in a choice of Cd and Prtry, empty where neither does."""
    return node.text("Cd", length=length) or node.text("Prtry", length=length) or ""
