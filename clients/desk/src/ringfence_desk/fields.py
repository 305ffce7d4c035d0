"""All that stands in a fact, field by field: what each is called, what it says, and the value itself."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from ringfence_desk import times, words
from ringfence_desk.fact import Fact, Value
from ringfence_desk.language import Language
from ringfence_desk.names import Names
from ringfence_desk.sentences import Part, value_part
from ringfence_desk.visible import visible


@dataclass(frozen=True)
class Field:
    """A field of a fact, or a text that it commits to: its name, what that is called, what it says, and exactly so.

    `exact` is the value to the last digit: ids as UUIDs, times to the nanosecond (RFC 3339), bytes in hexadecimal.
    """

    name: str
    label: str
    part: Part
    exact: str


def fields_of(fact: Fact, names: Names, language: Language) -> list[Field]:
    """Gives the fields of a fact in its own order, each text in the place of its commitment."""
    found = list[Field]()
    for name, value in fact.fields.items():
        text = name.removesuffix("_commitment")
        if text != name and text in fact.texts:
            name, value = text, fact.texts[text]
        part = value_part(fact, name, names, language) or Part(_exact(name, value))
        found.append(Field(name, words.label(name, language), part, _exact(name, value)))
    return found


def _exact(name: str, value: Value) -> str:
    if isinstance(value, bytes):
        is_id = len(value) == 16 and (name.endswith("_id") or name == "user_data_128")
        return str(UUID(bytes=value)) if is_id else value.hex()
    if isinstance(value, int):
        return times.iso(value) if name.endswith("_ns") and value else str(value)
    return visible(value)
