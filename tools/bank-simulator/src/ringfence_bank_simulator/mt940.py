"""Statements as MT940 (SWIFT, category 9): one message per page, CRLF between its lines."""

from __future__ import annotations

from decimal import Decimal

from ringfence_bank_simulator.booked import CREDIT, Transaction, decimal_text
from ringfence_bank_simulator.tellings import Balances, Entry, Telling

MAX_TEXT_CHARACTERS = 65
NO_REFERENCE = "NONREF"
_FOREIGN = str.maketrans(dict.fromkeys('\r\n&<>"*=@#', " "))


def mt940(telling: Telling, balances: Balances) -> bytes:
    """Returns the statement; balances in the middle of several pages are intermediate ones."""
    opening, closing = "60F" if telling.page == 1 else "60M", "62F" if telling.is_last_page else "62M"
    lines = [
        f":20:{telling.id[:16]}",
        f":25:{telling.account}",
        f":28C:{telling.sequence or 1}/{telling.page}",
        f":{opening}:{_balance(balances.opening, balances.first_day, telling.currency)}",
        *(line for entry in telling.entries for line in _entry(entry)),
        f":{closing}:{_balance(balances.closing, balances.last_day, telling.currency)}",
        "-",
    ]
    return "".join(f"{line}\r\n" for line in lines).encode("ascii", "replace")


def _entry(entry: Entry) -> list[str]:
    movement = entry.movement
    mark = ("C" if movement.credit_debit == CREDIT else "D") if not movement.reversal else ""
    # A reversal names what it undoes: RC takes a credit back, and money leaves.
    mark = mark or ("RD" if movement.credit_debit == CREDIT else "RC")
    payer = movement.transactions[0].end_to_end_id if len(movement.transactions) == 1 else NO_REFERENCE
    payer = payer if len(payer) <= 16 and payer != "NOTPROVIDED" else NO_REFERENCE
    line = f":61:{_date(movement.day)}{_month_day(movement.day)}{mark}{_amount(movement.amount)}NTRF{payer}"
    texts = [f":86:{_text(each)}" for each in movement.transactions[:1] if entry.is_detailed]
    return [f"{line}//{movement.reference}", *texts]


def _text(transaction: Transaction) -> str:
    texts = (transaction.remittance, transaction.debtor_name, transaction.creditor_iban)
    return " ".join(each.translate(_FOREIGN) for each in texts if each)[:MAX_TEXT_CHARACTERS]


def _balance(amount: Decimal, day: str, currency: str) -> str:
    return f"{'C' if amount >= 0 else 'D'}{_date(day)}{currency}{_amount(decimal_text(abs(amount)))}"


def _amount(text: str) -> str:
    return text.replace(".", ",")


def _date(day: str) -> str:
    return day[2:4] + _month_day(day)


def _month_day(day: str) -> str:
    return day[5:7] + day[8:10]
