"""What banks write where a reference is asked for, made comparable."""

from __future__ import annotations

import re

PLACEHOLDERS = frozenset(
    {"NONREF", "NOTPROVIDED", "NOTAPPLICABLE", "NOTAVAILABLE", "NOREF", "NOREFERENCE", "NONE", "UNKNOWN", "NULL", "NA"}
)
_SAYS_SOMETHING = re.compile(r"[1-9]")
"""No placeholder has such a digit, and most references have."""
_BETWEEN = re.compile(r"[\s._/\-]+")


def normalised(text: str | None) -> str:
    """Returns a reference with its blanks trimmed and collapsed, empty where it stands for none.

    None are NONREF, NOTPROVIDED and their like in any spelling (`NOT PROVIDED`, `n/a`), and texts of zeros and
    separators alone.
    """
    if not text:
        return ""
    found = " ".join(text.split())
    if _SAYS_SOMETHING.search(found):
        return found
    bare = _BETWEEN.sub("", found).upper()
    return "" if bare in PLACEHOLDERS or not bare.strip("0") else found
