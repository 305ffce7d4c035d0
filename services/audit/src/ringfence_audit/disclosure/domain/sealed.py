"""Where the sealed fields of an event stand: whose key seals each, and where its ciphertext belongs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ringfence_kernel.values.columns import unpack
from ringfence_kernel.values.ids import ID_BYTES

COMMITMENT = "_commitment"
ENTRY, OF_ENTRY = "entry", "commitment"
"""A bank entry's sealed data stand in its leaf by the bare name `commitment`; a disclosure calls them `entry`."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed field of a fact: its name, and its leaf's; AES-256-GCM's associated data are stream, version, `within`.

    `subject` is whose data key seals it, `stream` that of the event; 16 bytes each.
    """

    field: str
    committed: str
    subject: bytes
    stream: bytes
    version: int
    within: str
    envelope: bytes


@dataclass(frozen=True, slots=True)
class Event:
    """An event as its source's feed gave it, its fields by name."""

    topic: str
    stream: bytes
    version: int
    fields: Mapping[str, Any]


def sealed_fields(event: Event, row: int) -> list[Sealed]:
    """Gives the sealed fields of an event's fact, which is its `row`th leaf, from 0.

    None where the event has none that a data key of identity seals. Raises KeyError, IndexError, TypeError or
    ValueError where it is not what its topic says.
    """
    find = _FINDERS.get(event.topic)
    return [each for each in find(event, row) if each.envelope] if find else []


def _of_party(event: Event, row: int) -> Iterator[Sealed]:
    for part, envelope in sorted(event.fields["personal"].items()):
        name = f"personal_{part}"
        yield Sealed(name, name + COMMITMENT, event.stream, event.stream, event.version, part, envelope)


def _of_alias(event: Event, row: int) -> Iterator[Sealed]:
    fields = event.fields
    yield Sealed("iban", "iban" + COMMITMENT, fields["owner"], event.stream, event.version, "iban", fields["iban"])


def _of_instruction(event: Event, row: int) -> Iterator[Sealed]:
    fields = event.fields
    for side in ("debtor", "creditor"):
        owner, envelope = _id(fields[f"{side}_owners"], row), fields[f"{side}_sealed"][row]
        yield Sealed(side, side + COMMITMENT, owner, event.stream, event.version, f"{side}[{row}]", envelope)
    number = unpack("H", fields["parties_rows"])[row] if fields.get("parties_rows") else 0
    if number:
        envelope, within = fields["parties_sealed"][number - 1], f"parties[{number - 1}]"
        yield Sealed("parties", "parties" + COMMITMENT, fields["tenant"], event.stream, event.version, within, envelope)


def _of_entry(event: Event, row: int) -> Iterator[Sealed]:
    owner, envelope = _id(event.fields["owners"], row), event.fields["sealed"][row]
    yield Sealed(ENTRY, OF_ENTRY, owner, event.stream, 1, f"entry[{row}]", envelope)


_FINDERS: Mapping[str, Callable[[Event, int], Iterator[Sealed]]] = {
    "PartyRegistered.v1": _of_party,
    "PartyAmended.v1": _of_party,
    "OwnersRecorded.v1": _of_party,
    "AliasClaimed.v1": _of_alias,
    "AliasRegistered.v1": _of_alias,
    "InstructionsReceived.v1": _of_instruction,
    "EvidenceReceived.v1": _of_entry,
}


def _id(column: bytes, row: int) -> bytes:
    return column[row * ID_BYTES : (row + 1) * ID_BYTES]
