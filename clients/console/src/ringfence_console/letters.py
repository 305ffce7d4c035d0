"""Which letters of a name are not those of another, word by word: what a reader's eye would have to look for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby
from typing import NamedTuple

MOST_LETTERS = 200
_LEAST_ALIKE = 0.5
"""Below it two words are not spellings of one."""
_RUNS = re.compile(r"\s+|\S+")


class Pieces(NamedTuple):
    """A text in pieces: in order those that were compared, each with whether it differs; the rest was not."""

    compared: Sequence[tuple[str, bool]]
    rest: str = ""


def differing(text: str, other: str) -> Pieces:
    """Gives a name in pieces, against another whose words may stand in another order; case tells nothing apart.

    Of a longer name than 200 characters only these are compared.
    """
    words = other[:MOST_LETTERS].split()
    marked = [each for run in _RUNS.findall(text[:MOST_LETTERS]) for each in _run(run, words)]
    groups = groupby(marked, lambda each: each[1])
    compared = [("".join(letter for letter, _ in group), is_other) for is_other, group in groups]
    return Pieces(compared, text[MOST_LETTERS:])


def _run(run: str, words: Sequence[str]) -> Iterator[tuple[str, bool]]:
    if run.isspace():
        return ((letter, False) for letter in run)
    matchers = [SequenceMatcher(None, _folded(run), _folded(word), autojunk=False) for word in words]
    best = max(matchers, key=lambda each: each.ratio(), default=None)
    if best is None or best.ratio() < _LEAST_ALIKE:
        return ((letter, True) for letter in run)
    same = {at for block in best.get_matching_blocks() for at in range(block.a, block.a + block.size)}
    return ((letter, at not in same) for at, letter in enumerate(run))


def _folded(word: str) -> str:
    """Gives a word in small letters, letter by letter."""
    return "".join(each.lower() if len(each.lower()) == 1 else each for each in word)
