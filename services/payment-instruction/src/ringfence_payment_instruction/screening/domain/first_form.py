"""How names were compared at first: a list of that time has fingerprints of this form until its next edition."""

from __future__ import annotations

import unicodedata

_APOSTROPHES = frozenset("'`´\u2018\u2019\uff07")
# Spacing modifier letters (Unicode block 02B0 to 02FF), as transliterations write ayn and hamza.
_MODIFIERS = frozenset(map(chr, range(0x2B0, 0x300)))
_SEPARATING = "PSZC"
# Letters that Unicode does not decompose although they are another letter with a stroke or a ligature.
_FOLDED = str.maketrans({"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})


def normalise(name: str) -> str:
    """Returns the name decomposed (NFKD), casefolded, without marks or punctuation, its words sorted."""
    text = name.casefold()
    if text.isascii():
        return " ".join(sorted(text.translate(_ASCII).split()))
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()).translate(_FOLDED)
    return " ".join(sorted("".join(map(_plain, text)).split()))


def _plain(character: str) -> str:
    if character in _APOSTROPHES or character in _MODIFIERS:
        return ""
    if character.isalnum():
        return character
    category = unicodedata.category(character)
    if category[0] == "M" or category == "Cf":
        return ""
    return " " if category[0] in _SEPARATING else character


# What `_plain` does to the characters of ASCII, as a table: most names need no more.
_ASCII = {code: _plain(chr(code)) for code in range(128)}
