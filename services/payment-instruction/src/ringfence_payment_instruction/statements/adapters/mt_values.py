"""Values of MT940 and MT942: amounts, dates and balances."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date

from ringfence_kernel.values import money

from ringfence_payment_instruction.iso20022.refusal import FileRefused
from ringfence_payment_instruction.statements.adapters.camt_values import to_minor
from ringfence_payment_instruction.statements.domain.statement import CREDIT, DEBIT, Balance, Totals

_CENTURY_FROM = 80
_BALANCE = re.compile(r"([CD])([0-9]{6})([A-Z]{3})([0-9]{1,18}(?:,[0-9]*)?)")
_TOTALS = re.compile(r"([0-9]{1,9})([A-Z]{3})([0-9]{1,18}(?:,[0-9]*)?)")


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its tag, its lines without the tag, and the line of the file in which it begins."""

    tag: str
    lines: tuple[str, ...]
    number: int

    @property
    def text(self) -> str:
        """The first line."""
        return self.lines[0]

    def invalid(self, text: str) -> FileRefused:
        """Returns the refusal for a field that the format does not allow."""
        return self.refused("STRUCTURE_INVALID", text)

    def refused(self, reason: str, text: str) -> FileRefused:
        """Returns a refusal that names this field and its line."""
        return FileRefused(reason, f"line {self.number}: field {self.tag}: {text}")


def amount(text: str, currency: str, field: Field) -> int:
    """Returns minor units of an amount with a decimal comma (`1234,5`); raises FileRefused."""
    try:
        return to_minor(text.replace(",", "."), currency)
    except money.CurrencyUnknown:
        raise field.refused("CURRENCY_NOT_SUPPORTED", "no ISO 4217 currency") from None
    except money.AmountInvalid:
        raise field.refused("AMOUNT_INVALID", "no amount, or more decimals than the currency has") from None


def day(text: str, field: Field) -> date:
    """Returns the day of YYMMDD; years from 80 on are of the last century; raises FileRefused(DATE_INVALID)."""
    try:
        year = int(text[:2])
        return date(year + (1900 if year >= _CENTURY_FROM else 2000), int(text[2:4]), int(text[4:6]))
    except ValueError:
        raise field.refused("DATE_INVALID", "no date") from None


def value_day(text: str, field: Field) -> date | None:
    """Returns a value date, None for the 29th to 31st of a shorter month.

    Banks that reckon with months of 30 days give such dates; which day they mean is not said.
    """
    year, month, number = int(text[:2]), int(text[2:4]), int(text[4:6])
    if 1 <= month <= 12 and number <= 31 and number > monthrange(year + 2000, month)[1]:
        return None
    return day(text, field)


def entry_day(text: str, near: date, field: Field) -> date:
    """Returns the day of MMDD in the year that brings it nearest to another day; raises FileRefused(DATE_INVALID)."""
    found = []
    for year in (near.year - 1, near.year, near.year + 1):
        try:
            found.append(date(year, int(text[:2]), int(text[2:4])))
        except ValueError:
            continue
    if not found:
        raise field.refused("DATE_INVALID", "no entry date")
    return min(found, key=lambda each: abs(each - near))


def balance(field: Field, intermediate: bool) -> Balance:
    """Returns a balance; raises FileRefused where its currency is missing."""
    found = _BALANCE.fullmatch(field.text.strip())
    if found is None:
        raise field.invalid("no balance: a mark, a date, a currency and an amount are expected")
    mark, on, currency, text = found.groups()
    signed = amount(text, currency, field)
    return Balance(signed if mark == "C" else -signed, currency, day(on, field), intermediate)


def totals(field: Field) -> Totals:
    """Returns the number and sum of entries (90C, 90D); raises FileRefused."""
    found = _TOTALS.fullmatch(field.text.strip())
    if found is None:
        raise field.invalid("no number, currency and sum")
    count, currency, text = found.groups()
    return Totals(CREDIT if field.tag == "90C" else DEBIT, int(count), amount(text, currency, field), currency)
