"""A fact: what it says, its fields as they are hashed, and its proof, which the browser checks."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from ringfence_desk.fact import Fact, Value
from ringfence_desk.kinds import ENTRY, INSTRUCTION, TRANSFER
from ringfence_desk.language import Language
from ringfence_desk.names import Names
from ringfence_desk.sentences import sentence, value_part
from ringfence_desk.words import label
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from ringfence_console.disclosures import MOST_REASON, is_sealed
from ringfence_console.ports import Key, View
from ringfence_console.preferences import Preferences
from ringfence_console.receipts import ladder
from ringfence_console.rendering import pages_of

_HASH_BYTES = 32
_MOVED = {INSTRUCTION: "instruction_id", ENTRY: "entry_id", TRANSFER: "transfer_id"}
"""By kind, the field with the id by which money is traced."""


@dataclass(frozen=True)
class Row:
    """A field: its name in the leaf, what it is called, what its value means, and the value as it is hashed."""

    name: str
    label: str
    meaning: str
    raw: str
    id: UUID | None


def routes() -> list[BaseRoute]:
    """Gives the routes."""
    return [Route("/fact/{index:int}", shown), Route("/fact/{index:int}/receipt", receipt)]


def shown(request: Request) -> Response:
    """Shows a fact."""
    pages, index, language = pages_of(request), request.path_params["index"], Preferences.of(request).language
    proven = pages.host.facts.fact(index, View("fact", str(index)))
    names = pages.host.facts.names()
    return pages.page(
        request,
        "fact.html",
        fact=proven.fact,
        said=sentence(proven.fact, names, language),
        rows=rows(proven.fact, names, language),
        ladder=ladder(proven.receipt, index),
        receipt=proven.receipt,
        leaf=b64encode(proven.leaf).decode(),
        keys=json.dumps([(each.vkey, each.first, each.last) for each in proven.keys]),
        fingerprint=_fingerprint(proven.keys),
        seal=proven.seal,
        seen_size=proven.seen_size,
        traced=proven.fact.id(_MOVED.get(proven.fact.kind, "")),
        can_disclose=pages.host.disclosing is not None and is_sealed(proven.fact),
        most_reason=MOST_REASON,
    )


def receipt(request: Request) -> Response:
    """Sends the receipt as a file (C2SP tlog-proof)."""
    index = request.path_params["index"]
    proven = pages_of(request).host.facts.fact(index, View("receipt", str(index)))
    headers = {"content-disposition": f'attachment; filename="fact-{index}.tlog-proof"'}
    return PlainTextResponse(proven.receipt, headers=headers)


def rows(fact: Fact, names: Names, language: Language) -> list[Row]:
    """Gives a fact's fields in the order in which they are hashed, and beside a commitment the text that it is of."""
    return [_row(fact, name, value, names, language) for name, value in fact.fields.items()]


def _row(fact: Fact, name: str, value: Value, names: Names, language: Language) -> Row:
    committed = name.removesuffix("_commitment")
    if committed != name:
        return Row(name, label(committed, language), fact.texts.get(committed, ""), _raw(value), None)
    identifier = fact.id(name)
    part = None if isinstance(value, bytes) and identifier is None else value_part(fact, name, names, language)
    meaning = str(part) if part and str(part) != str(value) else ""
    return Row(name, label(name, language), meaning, _raw(value), identifier)


def _raw(value: Value) -> str:
    if not isinstance(value, bytes):
        return str(value)
    return value.hex() if len(value) <= _HASH_BYTES else f"{value[:_HASH_BYTES].hex()}…"


def _fingerprint(keys: Sequence[Key]) -> str:
    return keys[-1].vkey.split("+")[1]
