"""Money: integer minor units below 2^63 in a currency of ISO 4217."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import iso4217

from ringfence_kernel.values.errors import DomainError

MAX_AMOUNT_MINOR = 2**63 - 1


class AmountInvalid(DomainError):
    """The text is no amount of that currency: not a plain decimal, too many decimals, negative, or beyond 2^63 - 1."""

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
    """Returns minor units of a plain decimal such as "1234.50"; raises AmountInvalid."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise AmountInvalid(f"{text[:40]!r} is not a decimal number") from None
    if not value.is_finite() or value.adjusted() > 20 or value.is_signed():
        raise AmountInvalid("an amount is finite, not negative, and below 2^63 minor units")
    minor = value.scaleb(of.exponent)
    if minor != minor.to_integral_value():
        raise AmountInvalid(f"{of.alpha} has {of.exponent} decimals")
    if minor > MAX_AMOUNT_MINOR:
        raise AmountInvalid("an amount is below 2^63 minor units")
    return int(minor)


def from_minor(amount_minor: int, of: Currency) -> str:
    """Returns the plain decimal of minor units, signed, with all decimals of the currency."""
    sign, digits = ("-" if amount_minor < 0 else ""), str(abs(amount_minor)).rjust(of.exponent + 1, "0")
    return sign + (f"{digits[: -of.exponent]}.{digits[-of.exponent :]}" if of.exponent else digits)
