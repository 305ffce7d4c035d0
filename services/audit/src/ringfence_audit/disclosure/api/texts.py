"""What was sealed, as named texts: how each service that seals writes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from ringfence_audit.disclosure.domain.sealed import ENTRY

NAMES = {
    "debtor": ("name", "iban", "remittance", "carried"),
    "creditor": ("name", "iban", "agent_bic", "carried"),
    ENTRY: ("debtor_name", "debtor_iban", "creditor_name", "creditor_iban", "remittance", "parties"),
}
"""What payment-instruction seals of a payment's side and of a bank's entry, in order; the last one has pairs."""
PAIRS = "parties"


def texts_of(field: str, content: bytes) -> list[tuple[str, str]]:
    """Gives the texts of a field that are not empty, by name; raises ValueError where it is not what it should be."""
    if field not in NAMES and field != PAIRS:
        return [(field.removeprefix("personal_"), content.decode())]
    try:
        decoded = msgspec.msgpack.decode(content)
    except msgspec.MsgspecError as error:
        raise ValueError(f"{field} is not what is sealed as such") from error
    if not isinstance(decoded, list):
        raise ValueError(f"{field} is not what is sealed as such")
    named = [(PAIRS, decoded)] if field == PAIRS else list(zip(NAMES[field], decoded, strict=False))
    return [(name, text) for each in named for name, text in _flat(*each) if text]


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(value, list):
        yield name, str(value)
        return
    for each in value:
        where, text = each if isinstance(each, list) and len(each) == 2 else ("", each)
        yield ".".join(filter(None, [name, str(where)])), str(text)
