"""Money: integer minor units below 2^63 in a currency of ISO 4217, shown and read as decimals."""

import re
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation, Overflow

import iso4217

MAX_AMOUNT_MINOR = 2**63 - 1
_MAX_TEXT = 64
# xs:decimal (XML Schema part 2, section 3.2.3), as ISO 20022's amounts are, without a sign and with nothing around.
_DECIMAL = re.compile(r"(?=\.?[0-9])([0-9]*)(?:\.([0-9]*))?")
_EXACT = Context(prec=40, traps=[Inexact, InvalidOperation, Overflow])

# List one of ISO 4217, as its maintenance agency publishes it; gold and codes for tests have no minor unit.
_EXPONENTS = {each.code: each.exponent for each in iso4217.Currency if each.exponent is not None}
_LEDGERS = {each.code: each.number for each in iso4217.Currency if each.code in _EXPONENTS}
_CURRENCIES = {ledger: currency for currency, ledger in _LEDGERS.items()}


def ledger_of(currency: str) -> int:
    """The ledger of a currency: the numeric code for an alphabetic one; raises ValueError."""
    try:
        return _LEDGERS[currency]
    except KeyError:
        raise ValueError(f"{currency!r} is not a currency of ISO 4217") from None


def currency_of(ledger: int) -> str:
    """The alphabetic code of a ledger; raises ValueError."""
    try:
        return _CURRENCIES[ledger]
    except KeyError:
        raise ValueError(f"{ledger} is not a numeric code of ISO 4217") from None


def exponent_of(currency: str) -> int:
    """How many decimals a currency has; raises ValueError."""
    ledger_of(currency)
    return _EXPONENTS[currency]


def to_minor(amount: Decimal | str, currency: str) -> int:
    """Minor units of a text, or of a decimal with its sign; raises ValueError, also beyond 2^63 - 1.

    A text is digits 0 to 9 with at most one point, no sign, and no more decimals than the currency has, zeros or not.
    """
    exponent = exponent_of(currency)
    minor = _read(amount, exponent) if isinstance(amount, str) else _scaled(amount, exponent)
    if minor is None or abs(minor) > MAX_AMOUNT_MINOR:
        raise ValueError(f"{str(amount)[:40]!r} is no amount of {currency}")
    return minor


def from_minor(amount_minor: int, currency: str) -> Decimal:
    """The decimal of minor units, signed, with all decimals of the currency."""
    return Decimal(amount_minor).scaleb(-exponent_of(currency))


def show(amount_minor: int, currency: str) -> str:
    """The amount as people read it, for instance "1,234.50 EUR"."""
    return f"{from_minor(amount_minor, currency):,} {currency}"


def _read(text: str, exponent: int) -> int | None:
    found = _DECIMAL.fullmatch(text) if len(text) <= _MAX_TEXT else None
    if found is None or len(decimals := found[2] or "") > exponent:
        return None
    return int(found[1] + decimals.ljust(exponent, "0"))


def _scaled(amount: Decimal, exponent: int) -> int | None:
    try:
        minor = _EXACT.scaleb(amount, exponent)
        return int(minor) if minor.is_finite() and minor == minor.to_integral_value() else None
    except DecimalException:
        return None
