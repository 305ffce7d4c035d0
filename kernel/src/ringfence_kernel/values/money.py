"""Money: integer minor units below 2^63 in a currency of ISO 4217."""

from __future__ import annotations

import re
from dataclasses import dataclass

import iso4217

from ringfence_kernel.values.errors import DomainError

MAX_AMOUNT_MINOR = 2**63 - 1
MAX_TEXT = 64
_DECIMAL = re.compile(r"(?=\.?[0-9])([0-9]*)(?:\.([0-9]*))?")
"""xs:decimal (XML Schema part 2, section 3.2.3), as ISO 20022's amounts are, without a sign and with nothing around."""


class AmountInvalid(DomainError):
    """The text is no amount of that currency: not a plain decimal, too many decimals, a sign, or beyond 2^63 - 1."""

    reason = "AMOUNT_INVALID"
    code = "INVALID_ARGUMENT"


class CurrencyUnknown(DomainError):
    """The code is not in ISO 4217's list of currencies in use."""

    reason = "CURRENCY_UNKNOWN"
    code = "INVALID_ARGUMENT"


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency: ISO 4217 numeric code (the ledger), alphabetic code, and decimals of its minor unit."""

    numeric_code: int
    alpha: str
    exponent: int


# List one of ISO 4217, as its maintenance agency publishes it; gold and codes for tests have no minor unit.
CURRENCIES = [Currency(each.number, each.code, each.exponent) for each in iso4217.Currency if each.exponent is not None]
_BY_CODE: dict[int | str, Currency] = {c.numeric_code: c for c in CURRENCIES} | {c.alpha: c for c in CURRENCIES}


def currency(code: int | str) -> Currency:
    """Returns the currency of a numeric or alphabetic code; raises CurrencyUnknown."""
    try:
        return _BY_CODE[code]
    except KeyError:
        raise CurrencyUnknown(f"{code!r} is not a currency of ISO 4217") from None


def to_minor(text: str, of: Currency) -> int:
    """Returns minor units of a plain decimal such as "1234.50"; raises AmountInvalid.

    Digits 0 to 9 with at most one point, and no more decimals than the currency has, zeros or not; zeros may lead.
    """
    found = _DECIMAL.fullmatch(text) if len(text) <= MAX_TEXT else None
    if found is None:
        raise AmountInvalid(f"{text[:40]!r} is not a plain decimal number")
    whole, decimals = found[1], found[2] or ""
    if len(decimals) > of.exponent:
        raise AmountInvalid(f"{of.alpha} has {of.exponent} decimals")
    minor = int(whole + decimals.ljust(of.exponent, "0"))
    if minor > MAX_AMOUNT_MINOR:
        raise AmountInvalid("an amount is below 2^63 minor units")
    return minor


def from_minor(amount_minor: int, of: Currency) -> str:
    """Returns the plain decimal of minor units, signed, with all decimals of the currency."""
    sign, digits = ("-" if amount_minor < 0 else ""), str(abs(amount_minor)).rjust(of.exponent + 1, "0")
    return sign + (f"{digits[: -of.exponent]}.{digits[-of.exponent :]}" if of.exponent else digits)
