"""The table of words: the same places in every language, nothing out of reach, nothing in the wrong language."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from ringfence_desk import words
from ringfence_desk.language import Language
from ringfence_desk.words import Optional, Place, Saying

CHINESE = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")
LATIN_MARKS = re.compile(r"[\u3400-\u9fff] ?[,;:!?()]|[,;:!?()] ?[\u3400-\u9fff]")
SAYINGS = [saying for of_kind in words.sayings().values() for saying in of_kind]


def shape(saying: Saying, language: Language) -> list[object]:
    """Returns the places of a sentence in their order of names: those that must be there, then each optional part's."""
    template = saying.templates[language]
    required = sorted(piece.name for piece in template if isinstance(piece, Place))
    optional = sorted(
        sorted(each.name for each in piece.pieces if isinstance(each, Place))
        for piece in template
        if isinstance(piece, Optional)
    )
    return [required, optional]


def text_of(saying: Saying, language: Language) -> str:
    """Returns a sentence without its places."""
    pieces: Iterator[object] = (
        each
        for piece in saying.templates[language]
        for each in (piece.pieces if isinstance(piece, Optional) else (piece,))
    )
    return "".join("…" if isinstance(piece, Place) else str(piece) for piece in pieces)


@pytest.mark.parametrize("saying", SAYINGS, ids=lambda saying: " ".join([saying.kind, *saying.conditions.values()]))
def test_both_languages_say_the_same(saying: Saying) -> None:
    """Each sentence has the same places in both, those that may be absent alike; each is in its own language."""
    assert shape(saying, Language.ENGLISH) == shape(saying, Language.CHINESE)
    english, chinese = (text_of(saying, language) for language in (Language.ENGLISH, Language.CHINESE))
    assert not CHINESE.search(english)
    assert CHINESE.search(chinese)
    assert not LATIN_MARKS.search(chinese)
    assert saying.icon in words.ICONS


@pytest.mark.parametrize("kind", words.sayings())
def test_every_sentence_can_be_reached(kind: str) -> None:
    """Of a kind's sentences the last alone holds always, and no two hold for the same."""
    *conditional, last = words.sayings()[kind]
    assert not last.conditions
    assert all(each.conditions for each in conditional)
    seen = [tuple(sorted(each.conditions.items())) for each in conditional]
    assert len(seen) == len(set(seen))


def test_codes_and_labels_are_in_their_languages() -> None:
    """A word is given for each language; those of a set differ from each other."""
    for codes in words.sets_of_codes().values():
        for each in codes:
            assert each.words[Language.ENGLISH]
            assert each.words[Language.CHINESE]
            assert not CHINESE.search(each.words[Language.ENGLISH])
        names = [each.name for each in codes]
        assert len(names) == len(set(names))
    assert not CHINESE.search(words.label("value_date_days", Language.ENGLISH))
    assert words.label("note_commitment", Language.CHINESE) == "备注（承诺值）"
    assert words.label("never_heard_of", Language.CHINESE) == "never heard of"


@pytest.mark.parametrize("text", ["{a", "a]", "[a[b]]", "[a", "{A}"])
def test_a_sentence_that_is_none_is_refused(text: str) -> None:
    """Brackets and braces that do not fit are found when the table is read."""
    with pytest.raises(ValueError, match=r"sentence|brackets"):
        words.template(text)
