"""Numbers that are no money, as a language writes them; and money in characters, where prints have it so."""

from __future__ import annotations

from collections.abc import Callable

from babel.numbers import format_compact_decimal, format_decimal
from ringfence_desk.language import Language
from ringfence_desk.renminbi import LEDGER, in_characters


def number(value: int, language: Language) -> str:
    """Gives an integer with its digits in groups."""
    return str(format_decimal(value, locale=language.locale))


def compact(minor: int, exponent: int, language: Language) -> str:
    """Gives about how much minor units are, as it stands beside a picture ("12.5K")."""
    return str(format_compact_decimal(minor / 10**exponent, locale=language.locale, fraction_digits=1))


def written_by(ledger: int, language: Language) -> Callable[[int], str] | None:
    """Gives what writes amounts of a currency in characters; None where no print of the language has them."""
    return in_characters if ledger == LEDGER and language is Language.CHINESE else None
