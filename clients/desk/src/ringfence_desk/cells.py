"""Texts as cells of a file that spreadsheets open."""

from __future__ import annotations

_FORMULAS = frozenset("=+-@\t\r\n'\uff1d\uff0b\uff0d\uff20")
"""A spreadsheet may take what begins so for a formula; some take the wide forms of Chinese and Japanese too."""


def plain_cell(text: str) -> str:
    """Gives a text that no spreadsheet takes for a formula; plain decimals stay as they are.

    One that could be has an apostrophe before it, and so has one that begins with an apostrophe: whoever takes one away
    has what was there.
    """
    number = text.removeprefix("-").replace(".", "", 1)
    is_number = number.isascii() and number.isdigit()
    return f"'{text}" if text.lstrip(" ")[:1] in _FORMULAS and text.strip(" ") and not is_number else text
