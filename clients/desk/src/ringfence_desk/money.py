"""Amounts as people read them: integers from end to end, decimals by ISO 4217, a true minus, the currency's code."""

from __future__ import annotations

from functools import cache

import iso4217

from ringfence_desk.language import Language

MINUS = "\N{MINUS SIGN}"
_CURRENCIES = {each.number: each for each in iso4217.Currency if each.exponent is not None}


def amount(minor: int, ledger: int | None, language: Language) -> str:
    """Gives an amount of minor units with its currency ("1,234.50 EUR"); of an unknown currency the units alone."""
    code = currency(ledger)
    return f"{figures(minor, ledger, language)} {code}" if code else figures(minor, None, language)


def figures(minor: int, ledger: int | None, language: Language) -> str:
    """Gives the figures of an amount without its currency, with all its decimals."""
    exponent = decimals(ledger)
    whole, part = divmod(abs(minor), 10**exponent)
    # By integers: a float, or a decimal of few digits, would round what is large. Both languages group by commas.
    return (MINUS if minor < 0 else "") + f"{whole:,}" + (f".{part:0{exponent}}" if exponent else "")


def plain(minor: int, ledger: int | None) -> str:
    """Gives an amount as tables for machines have it: digits, a point, and a hyphen where it is negative."""
    exponent = decimals(ledger)
    whole, part = divmod(abs(minor), 10**exponent)
    return ("-" if minor < 0 else "") + str(whole) + (f".{part:0{exponent}}" if exponent else "")


@cache
def currency(ledger: int | None) -> str:
    """Gives the alphabetic code of an ISO 4217 numeric code; empty for what is none."""
    known = _CURRENCIES.get(ledger) if ledger is not None else None
    return known.code if known else ""


@cache
def decimals(ledger: int | None) -> int:
    """Gives how many decimals a currency has; 0 for an unknown one, whose minor units are all that is known."""
    known = _CURRENCIES.get(ledger) if ledger is not None else None
    return (known.exponent or 0) if known else 0
