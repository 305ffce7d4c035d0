"""IBAN: structure per country and check digits (ISO 13616-1, ISO 7064 MOD 97-10)."""

from __future__ import annotations

import re
from functools import cache

from stdnum import numdb

_COMPACT = re.compile("[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}")
_FIELD = re.compile("([0-9]+)!([nac])")
_CLASSES = {"n": "[0-9]", "a": "[A-Z]", "c": "[A-Z0-9]"}
# Check digits are 98 less a remainder of 97, so 02 to 98: these would pass the check, and are never given.
_NEVER_GIVEN = frozenset({"00", "01", "99"})
_DIGITS = {ord(letter): str(number) for number, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ", start=10)}


@cache
def _structure(country: str) -> re.Pattern[str] | None:
    """Returns what follows a country's check digits by the IBAN registry, None for a country without IBANs."""
    registered = numdb.get("iban").info(country)[0][1]
    if not registered:
        return None
    return re.compile("".join(f"{_CLASSES[kind]}{{{length}}}" for length, kind in _FIELD.findall(registered["bban"])))


def compact(iban: str) -> str:
    """Returns the IBAN in capitals without spaces."""
    return iban.replace(" ", "").upper()


def is_valid(iban: str) -> bool:
    """Tells whether a compact IBAN has its country's structure and right check digits."""
    if _COMPACT.fullmatch(iban) is None or iban[2:4] in _NEVER_GIVEN:
        return False
    structure = _structure(iban[:2])
    if structure is None or structure.fullmatch(iban, 4) is None:
        return False
    return int((iban[4:] + iban[:4]).translate(_DIGITS)) % 97 == 1
