"""Names made comparable: two spellings that differ in case, accents, punctuation, word order or look-alikes are one.

A name is normalised for comparison only: what is stored or sent is what was said.
"""

from __future__ import annotations

import hashlib
import unicodedata

from ringfence_kernel.values.characters import FILLERS, is_newer

from ringfence_payment_instruction.screening.domain import first_form

FINGERPRINT_BYTES = 16
FIRST_FORM, FORM = 1, 2
"""How names are normalised: a list keeps the form of its import, since its names stand as fingerprints only."""

# Spacing modifier letters (Unicode block 02B0 to 02FF), as transliterations write ayn and hamza, other apostrophes,
# Hebrew geresh and gershayim, the Arabic elongation, and letters that are nothing to see.
_DROPPED = (
    frozenset("'`´\u2018\u2019\u201b\u2032\uff07\uff40\u05f3\u05f4\u0640") | FILLERS | {*map(chr, range(0x2B0, 0x300))}
)
_SEPARATING = "PSZC"
# Combining classes of marks that are accents and vowel points, which writers leave out; a vowel sign of an Indic script
# (0), a voicing mark (8), a virama (9) or a Thai vowel (103) makes another word (Unicode Standard section 4.3).
_POINTS = frozenset({1, 7, *range(10, 37), *range(200, 241)})
# Marks that are nothing to see although of class 0: the grapheme joiner, Khmer's inherent vowels, variants.
_UNSEEN_MARKS = frozenset("\u034f\u17b4\u17b5\u180b\u180c\u180d\u180f") | {
    *map(chr, range(0xFE00, 0xFE10)),
    *map(chr, range(0xE0100, 0xE01F0)),
}
# Letters that Unicode does not decompose although they are another letter with a stroke, a ligature, or one of several
# forms by language; and the small letters of Garay and Beria Erfe, newer than this Python's tables.
_FOLDED = str.maketrans(
    {
        **{"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ɑ": "a"},
        **{"ɡ": "g", "ȷ": "j", "ى": "ي", "ی": "ي", "ک": "ك", "ہ": "ه"},
        **{chr(code): chr(code + 0x20) for code in range(0x10D50, 0x10D66)},
        **{chr(code): chr(code + 0x1B) for code in range(0x16EA0, 0x16EB9)},
    }
)
# Letters of Cyrillic and Greek, small, and the Latin ones that their capitals look like; digits that stand for letters
# (Unicode Technical Standard 39 section 4, confusables.txt).
_LOOK_ALIKES = str.maketrans(
    "авекмнорстхуіјѕԁԛԝһӏαβεζηικμνορτυχ01",
    "abekmhopctxyijsdqwhlabezhikmnoptyxoi",
)


def normalise(name: str) -> str:
    """Returns the name decomposed (NFKD), casefolded, without marks or punctuation, its words sorted."""
    text = name.casefold()
    words = (text.translate(_ASCII) if text.isascii() else _decomposed(text)).split()
    return " ".join(sorted(map(_seen, words)))


def fingerprint(name: str, form: int = FORM) -> bytes:
    """Returns the first 16 bytes of SHA-256 of the normalised name; empty bytes when nothing is left of it."""
    normalised = normalise(name) if form == FORM else first_form.normalise(name)
    return hashlib.sha256(normalised.encode()).digest()[:FINGERPRINT_BYTES] if normalised else b""


def _decomposed(text: str) -> str:
    text = "".join(each for each in text if each not in _DROPPED)
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()).translate(_FOLDED)
    return "".join(map(_plain, text))


def _plain(character: str) -> str:
    if character in _DROPPED:
        return ""
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category[0] == "M":
        return "" if _is_point(character, category) else character
    if category == "Cf":
        return ""
    return " " if category[0] in _SEPARATING and not is_newer(character) else character


def _is_point(character: str, category: str) -> bool:
    return category == "Me" or character in _UNSEEN_MARKS or unicodedata.combining(character) in _POINTS


def _seen(word: str) -> str:
    """Returns a word as a reader sees it: letters of another script and digits that look Latin are Latin."""
    if word.isdecimal() or (word.isascii() and word.isalpha()):
        return word
    latin = word.translate(_LOOK_ALIKES)
    return latin if latin.isascii() else word


# What `_plain` does to the characters of ASCII, as a table: most names need no more.
_ASCII = {code: _plain(chr(code)) for code in range(128)}
