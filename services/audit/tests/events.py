"""Events of every topic that is described, made up from the descriptions, and what people wrote in them."""

from __future__ import annotations

from typing import Any

from ringfence_kernel.values.descriptions import EventDescription, FieldDescription, Privacy

from .feeds import START_NS

ID = b"somebody's-id-16"
NUMBERS = {"timestamp_ns": START_NS, "account": 1}


def made_up(description: EventDescription, written: str) -> dict[str, Any]:
    """Gives an event of one row whose free texts all contain `written` and their own name."""
    return {name: _value(each, f"{written} {name}") for name, each in description.fields.items()}


def free(description: EventDescription) -> list[FieldDescription]:
    """Gives the fields that are described as free text."""
    return [each for each in description.fields.values() if each.privacy is Privacy.FREE_TEXT]


def _value(field: FieldDescription, written: str) -> Any:
    text = written if field.privacy is Privacy.FREE_TEXT else "WORD"
    if field.packed:
        return _packed(field, text)
    if field.names is not None and field.kind == "str":
        return next(name for name in field.names.values() if name != "UNSPECIFIED")
    plain = {
        "str": text,
        "bytes": text.encode() if field.privacy is Privacy.FREE_TEXT else ID,
        "int": NUMBERS.get(field.name, 1),
        "bool": True,
    }
    if field.kind in plain:
        return plain[field.kind]
    inner = field.kind.partition("[")[2].rstrip("]").split(", ")
    if field.kind.startswith("list"):
        return [plain[inner[0]]]
    return {plain[inner[0]] if inner[0] == "str" else 0: plain[inner[1]]}


def _packed(field: FieldDescription, text: str) -> bytes:
    """Gives a column of one row: what was written, the first code that is not 0, or zero."""
    if field.privacy is Privacy.FREE_TEXT:
        return text.encode().rjust(field.width, b".")[: field.width]
    if field.names is not None:
        return next(code for code in field.names if code).to_bytes(
            field.width, "big" if field.order == ">" else "little"
        )
    if field.name in NUMBERS:
        return NUMBERS[field.name].to_bytes(field.width, "big" if field.order == ">" else "little")
    return ID[:16].ljust(field.width, b".") if not field.code else bytes(field.width)
