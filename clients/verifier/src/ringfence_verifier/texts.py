"""Texts that a leaf commits to (docs/formats.md): handed out beside it, true only where they hash to what it has."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ringfence_verifier.errors import VerificationError
from ringfence_verifier.leaf import Fact, Value

COMMITMENT = "_commitment"
SALT_BYTES = 16
_TEXT, _BYTES = {"field", "salt", "text"}, {"field", "salt", "bytes"}


@dataclass(frozen=True)
class Opening:
    """A text, or bytes, with the salt (16 bytes) under which a leaf commits to it by `<field>_commitment`."""

    field: str
    salt: bytes
    content: str | bytes


def open_fact(fact: Fact, openings: Iterable[Opening]) -> Fact:
    """Gives a fact with what it commits to in place of the commitments.

    Raises VerificationError where an opening is not what the fact commits to; commitments without one stay.
    """
    fields: dict[str, Value] = dict(fact.fields)
    for each in openings:
        committed = fields.pop(f"{each.field}{COMMITMENT}", None)
        if committed is None or each.field in fields:
            raise VerificationError(f"a {fact.kind} leaf commits to no {each.field}")
        content = each.content.encode() if isinstance(each.content, str) else each.content
        if len(each.salt) != SALT_BYTES or committed != sha256(b"ringfence/text/v1\0" + each.salt + content).digest():
            raise VerificationError(f"the {each.field} is not the one that the {fact.kind} leaf commits to")
        fields[each.field] = each.content
    return Fact(fact.kind, fields)


def write_openings(openings: Iterable[Opening]) -> str:
    """Gives openings as JSON, to be kept beside a receipt: field, salt in hexadecimal, and text, or bytes likewise."""
    rows = [
        {"field": each.field, "salt": each.salt.hex()}
        | ({"text": each.content} if isinstance(each.content, str) else {"bytes": each.content.hex()})
        for each in openings
    ]
    return json.dumps(rows, ensure_ascii=False, indent=1) + "\n"


def read_openings(content: str) -> list[Opening]:
    """Reads what `write_openings` gave; raises VerificationError where it is anything else."""
    try:
        rows = json.loads(content)
        if not isinstance(rows, list):
            raise TypeError("no list")
        return [_opening(row) for row in rows]
    except (ValueError, TypeError, RecursionError) as error:
        raise VerificationError("the texts are malformed") from error


def _opening(row: Any) -> Opening:
    if (
        not isinstance(row, dict)
        or set(row) not in (_TEXT, _BYTES)
        or not all(type(each) is str for each in row.values())
    ):
        raise TypeError("no opening")
    content = row["text"] if "text" in row else bytes.fromhex(row["bytes"])
    if isinstance(content, str):
        content.encode()  # half of a surrogate pair is no text
    return Opening(row["field"], bytes.fromhex(row["salt"]), content)
