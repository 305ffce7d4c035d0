"""Words of the pages: whole sentences by gettext, the English ones standing for themselves in templates and code."""

from __future__ import annotations

from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from ringfence_desk.language import Language

_FILE = "locale/{locale}/LC_MESSAGES/console.po"
_LOCALES = {Language.CHINESE: "zh_Hans"}


@cache
def translations(language: Language) -> NullTranslations:
    """Gives the words of a language; a message that is missing there is shown in English."""
    if language not in _LOCALES:
        return NullTranslations()
    file = files(__package__).joinpath(_FILE.format(locale=_LOCALES[language]))
    packed = BytesIO()
    write_mo(packed, read_po(BytesIO(file.read_bytes()), locale=_LOCALES[language]))
    packed.seek(0)
    return GNUTranslations(packed)


def marked(message: str) -> str:
    """Marks a message that is looked up later, where it is shown."""
    return message
