"""The languages in which facts are told."""

from __future__ import annotations

from enum import StrEnum


class Language(StrEnum):
    """A language, by its BCP 47 tag, as it stands in a page's `lang`."""

    ENGLISH = "en"
    CHINESE = "zh-Hans"

    @property
    def locale(self) -> str:
        """The locale by which numbers and dates are written, as Babel names it."""
        return "zh_Hans_CN" if self is Language.CHINESE else "en_GB"

    @classmethod
    def of(cls, tag: str) -> Language:
        """Gives the language of a tag such as "zh", "zh-CN" or "en-GB"; English for any other."""
        return cls.CHINESE if tag.lower().replace("_", "-").split("-")[0] == "zh" else cls.ENGLISH
