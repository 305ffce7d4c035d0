"""English with every word 40 % longer: what a page looks like in a language of long words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from gettext import NullTranslations

import pytest
from ringfence_console import catalog, rendering
from ringfence_desk import words
from ringfence_desk.language import Language

MORE = 0.4
_WORD = re.compile(r"%\(\w+\)[sd]|\{[^}]*\}|&\w+;|[^\W\d_]{2,}")


def longer(text: str) -> str:
    """Makes each word longer, and leaves places for names and figures as they are."""
    return _WORD.sub(lambda found: _longer(found[0]), text)


def _longer(word: str) -> str:
    return word if word[0] in "%{&" else word + "é" * math.ceil(MORE * len(word))


class _Longer(NullTranslations):
    def gettext(self, message: str) -> str:
        return longer(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return longer(msgid1 if n == 1 else msgid2)


@contextmanager
def longer_words() -> Iterator[None]:
    """Has the console and the desk speak so for English."""
    template, languages = words.template, words._languages
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(catalog, "NullTranslations", _Longer)
        changed.setattr(words, "template", lambda text: template(longer(text)))
        changed.setattr(
            words,
            "_languages",
            lambda both: {**languages(both), Language.ENGLISH: longer(languages(both)[Language.ENGLISH])},
        )
        _forget()
        try:
            yield
        finally:
            changed.undo()
            _forget()


def _forget() -> None:
    catalog.translations.cache_clear()
    rendering._environment.cache_clear()
    for each in vars(words).values():
        if clear := getattr(each, "cache_clear", None):
            clear()
