"""Several names in one field: publishers and payers put them in one behind the other, or in brackets."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

_KNOWN_AS = (
    r"(?:also|formerly|previously|now|better)\s+known\s+as|formerly|previously|"
    r"\b(?:[afn]\.\s?k\.\s?a\b\.?|[afn]/k/a\b|[afn]ka\b)"
)
_SEPARATOR = re.compile(r"[;\u037e\u061b\uff1b]|\s[/|]\s|(?:^|\s)\(?[a-j0-9]\)\s")
_MARKER = re.compile(rf"(?:^|[\s,;:(]){_KNOWN_AS}[\s:,]*", re.IGNORECASE)
_BRACKETS = re.compile(r"[(\[\uff08\u3010]([^()\[\]\uff08\uff09\u3010\u3011]*)[)\]\uff09\u3011]")
_MAY_HOLD_SEVERAL = re.compile(rf"[;\u037e\u061b\uff1b()\[\uff08\u3010]|\s[/|]\s|\b{_KNOWN_AS}", re.IGNORECASE)
_REMARK = re.compile(r",\s*(?:born|d\.?o\.?b\.?|p\.?o\.?b\.?)\b.*", re.IGNORECASE)
# What stands in brackets and is no name: remarks, numbers of generations, legal forms.
_NO_NAME = re.compile(
    r".*\d|(?:.*\b(?:name|alias|identity|guerre|deceased|passport|listed)\b.*|third|second|junior|jr|sr|i{1,3}|iv|"
    r"pvt|pte|ltd|limited|private|group|holdings?|inc|llc|plc|s|m)\W*$",
    re.IGNORECASE,
)
_EDGES = " \t\r\n,:;.-\u2013"


class Part(NamedTuple):
    """A name out of a field; `aside` where it stood in brackets in the script of the rest."""

    text: str
    aside: bool


def may_hold_several(field: str) -> bool:
    """Tells whether a field has anything that parts names."""
    return _MAY_HOLD_SEVERAL.search(field) is not None


def names_in(field: str) -> list[Part]:
    """Returns the names in a field; a field of one name gives that as it stands.

    The field itself is among them unless a semicolon parts it: what looks like a remark may be part of the name.
    """
    if not may_hold_several(field):
        return [Part(field.strip(), False)] if field.strip() else []
    outside = _pieces(_BRACKETS.sub(" ", field))
    found = [Part(piece, False) for piece in outside]
    for inner in _BRACKETS.findall(field):
        named = _MARKER.search(inner) is not None
        found += [
            Part(each, not named and _script(each) == _script(field)) for each in _pieces(inner) if _is_name(each)
        ]
    if _SEPARATOR.search(field) is None:
        found.insert(0, Part(field.strip(), False))
    return _distinct(found)


def _is_name(inner: str) -> bool:
    return _NO_NAME.match(inner) is None


def _pieces(text: str) -> list[str]:
    pieces = (part for piece in _SEPARATOR.split(text) for part in _MARKER.split(piece))
    cleaned = (" ".join(_REMARK.sub("", piece).split()).strip(_EDGES) for piece in pieces)
    return [piece for piece in cleaned if any(character.isalnum() for character in piece)]


def _distinct(parts: list[Part]) -> list[Part]:
    return list({part.text: part for part in reversed(parts)}.values())[::-1]


def _script(text: str) -> str:
    """Returns the first word of the Unicode name of the first letter, which is its script's."""
    letter = next((character for character in text if character.isalpha()), "")
    return unicodedata.name(letter, "").split(" ")[0] if letter else ""
