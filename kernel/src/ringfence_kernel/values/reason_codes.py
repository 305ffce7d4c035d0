"""The form of the ISO 20022 external code sets for reasons (ExternalStatusReason1Code, ExternalReturnReason1Code)."""

from __future__ import annotations

import re

_CODE = re.compile(r"[A-Z][A-Z0-9]{3}")


def is_reason_code(text: str) -> bool:
    """Tells whether a text has the form of such a code: what a bank says in its own words has another."""
    return _CODE.fullmatch(text) is not None
