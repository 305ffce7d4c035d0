"""Names made comparable: what of a name is looked up, and when one is what somebody seeks."""

import unicodedata
from collections.abc import Iterator
from itertools import groupby, pairwise

CHINESE = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))
"""Ranges of code points of Chinese characters, which no spaces part into words (Unicode, Unihan)."""


def words(text: str) -> list[str]:
    """Returns the words of a text, without regard to case, accents, punctuation and compatibility forms.

    What is written in Chinese characters is a word as far as they follow one another.
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    bare = "".join(each for each in folded if unicodedata.category(each)[0] != "M")
    parts = "".join(each if unicodedata.category(each)[0] in "LN" else " " for each in bare).split()
    return ["".join(run) for part in parts for _, run in groupby(part, _is_chinese)]


def tokens(text: str) -> set[str]:
    """Returns what a name is looked up by: its words, and of Chinese characters every two that follow one another."""
    return {token for word in words(text) for token in _tokens(word)}


def is_called(sought: str, name: str) -> bool:
    """Whether a name has all words that are sought, Chinese ones as a part of one of its own; none are in no name."""
    has, wanted = words(name), words(sought)
    return bool(wanted) and all(_stands_in(word, has) for word in wanted)


def compact(number: str) -> str:
    """Returns an identity number without separators, in capitals."""
    return "".join(each for each in unicodedata.normalize("NFKC", number).upper() if each.isalnum())


def _tokens(word: str) -> Iterator[str]:
    if not _is_chinese(word[0]) or len(word) == 1:
        yield word
        return
    yield from (one + other for one, other in pairwise(word))


def _stands_in(word: str, has: list[str]) -> bool:
    if _is_chinese(word[0]) and len(word) > 1:
        return any(word in each for each in has)
    return word in has


def _is_chinese(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in CHINESE)
