"""Events that are one fact: their fields become the leaf's fields, by type and by a short list of exceptions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from ringfence_kernel.values.descriptions import EventDescription, Privacy

from ringfence_audit.log.domain.leaf import Value, commitment

RENAMED = {"source": "handed_in_by_id", "stream": "stream_id"}
OF_EVERY_LEAF = frozenset({"source", "position", "ordinal", "time_ns"})
"""What stands in every leaf beside the fact: no event has a field of such a name, but those that are renamed."""
LISTS_OF_IDS = {"entry_ids": 16, "part_clients": 16, "candidates": 32}
"""And the bytes of each entry, of which the last 16 are the id."""
ID_BYTES = 16
LONGEST_BYTES = 64
LONGEST_TEXT = 1_000


def kind_of(source: str, topic: str) -> str:
    """Names the kind of fact: `PartyRegistered.v1` of identity is `identity.party_registered.v1`."""
    return f"{source}.{re.sub(r'(?<=[a-z0-9])(?=[A-Z])', '_', topic).lower()}"


def fact_fields(description: EventDescription, event: Mapping[str, Any]) -> tuple[dict[str, Value], frozenset[str]]:
    """Maps an event's fields to leaf fields, and names those that are free text, which the leaf must not have.

    Raises KeyError for a field that is not described. Ids of 16 bytes end in `_id`; empty values and keyed blind
    indexes are left out; personal data become commitments, and what is long or secret becomes its SHA-256.
    """
    privacy = {name: each.privacy for name, each in description.fields.items()}
    fields = dict(field for name, value in event.items() for field in _fields(name, value, privacy[name]))
    free = [name for name, each in privacy.items() if each in (Privacy.FREE_TEXT, Privacy.SECRET_TEXT)]
    return fields, frozenset({*free, *(f"{name}_sha256" for name in free)} & fields.keys())


def named_ids(event: Mapping[str, Any]) -> tuple[bytes, ...]:
    """Gives bank entries, payments and clients that an event lists beside texts that are of all of them together."""
    found: dict[bytes, None] = {}
    for name, width in LISTS_OF_IDS.items():
        if isinstance(listed := event.get(name), bytes):
            found |= dict.fromkeys(listed[at - ID_BYTES : at] for at in range(width, len(listed) + 1, width))
    found.pop(bytes(ID_BYTES), None)
    return tuple(found)


def _fields(name: str, value: Any, privacy: Privacy) -> Iterator[tuple[str, Value]]:
    if value is None or value in ("", b"", [], {}) or privacy is Privacy.BLIND_INDEX:
        return
    if privacy is Privacy.SEALED:
        for part, ciphertext in value.items() if isinstance(value, dict) else [("", value)]:
            yield "_".join(filter(None, [name, part, "commitment"])), commitment(ciphertext)
    elif isinstance(value, list):
        yield from _fields(name, " ".join(map(str, value)), privacy)
    elif isinstance(value, bool | int):
        yield RENAMED.get(name, name), int(value)
    elif privacy in (Privacy.SECRET, Privacy.SECRET_TEXT) or len(value) > (
        LONGEST_BYTES if isinstance(value, bytes) else LONGEST_TEXT
    ):
        yield f"{name}_sha256", sha256(value.encode() if isinstance(value, str) else value).digest()
    elif privacy is Privacy.FREE_TEXT:
        yield name, value
    elif isinstance(value, bytes) and len(value) == 16 and not name.endswith("_id"):
        yield RENAMED.get(name, f"{name}_id"), value
    else:
        yield RENAMED.get(name, name), value
