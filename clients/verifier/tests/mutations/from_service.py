"""What a running service gave once, and what the Go team's packages said of it, for those who have no Go."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .cases import Case, Verdict

FILE = Path(__file__).with_name("from_service.json")
_NUMBERS = {"size", "old_size", "index", "level", "width"}


def record(cases: Sequence[Case], verdicts: Sequence[Verdict]) -> None:
    """Writes evidence with what Go accepted it as, a line for each."""
    lines = [json.dumps([json.loads(case.as_json()), said.said]) for case, said in zip(cases, verdicts, strict=True)]
    FILE.write_text("".join(f"{line}\n" for line in lines))


def recorded() -> list[tuple[Case, str]]:
    """Reads it back: each piece of evidence, and as what Go accepted it."""
    found = []
    for number, line in enumerate(FILE.read_text().splitlines()):
        given, said = json.loads(line)
        kind = given.pop("kind")
        found.append((Case(number, kind, "none", {name: _read(name, value) for name, value in given.items()}), said))
    return found


def _read(name: str, value: Any) -> Any:
    if name in _NUMBERS:
        return int(value)
    if name == "tiles":
        return [[*map(int, place), b64decode(content)] for *place, content in value]
    if isinstance(value, list):
        return [b64decode(each) for each in value]
    return None if value is None else b64decode(value)
