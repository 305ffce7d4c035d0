"""Money: integer minor units below 2^63 in a currency of ISO 4217, shown and read as decimals."""

from decimal import Decimal, InvalidOperation

import iso4217

MAX_AMOUNT_MINOR = 2**63 - 1

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
    """Minor units of a decimal, signed; raises ValueError for too many decimals or more than 2^63 - 1."""
    try:
        minor = Decimal(amount).scaleb(exponent_of(currency))
        if minor == minor.to_integral_value() and abs(minor) <= MAX_AMOUNT_MINOR:
            return int(minor)
    except InvalidOperation:
        pass
    raise ValueError(f"{str(amount)[:40]!r} is no amount of {currency}")


def from_minor(amount_minor: int, currency: str) -> Decimal:
    """The decimal of minor units, signed, with all decimals of the currency."""
    return Decimal(amount_minor).scaleb(-exponent_of(currency))


def show(amount_minor: int, currency: str) -> str:
    """The amount as people read it, for instance "1,234.50 EUR"."""
    return f"{from_minor(amount_minor, currency):,} {currency}"
