"""Facts as tables for other programs: every field as the log has it, by definitions that anybody can follow again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ringfence_verifier.leaf import Fact, Value
from ringfence_verifier.texts import Opening

BOM = "\ufeff"
HEAD = ("index", "kind", "field", "type", "value")
_FORMULAS = frozenset("=+-@\t\r\n'\uff1d\uff0b\uff0d\uff20")


@dataclass(frozen=True)
class ShownFact:
    """A fact by its place, as it stands in the log, and the texts that it commits to, as far as they were kept."""

    index: int
    leaf: bytes
    fact: Fact
    openings: tuple[Opening, ...] = ()

    def values(self) -> Iterator[tuple[str, str, str]]:
        """Yields name, type and value of each field in order, then of each text that it commits to."""
        for name, value in self.fact.fields.items():
            yield name, _type(value), _plain(value)
        for each in self.openings:
            yield each.field, f"opened {_type(each.content)}", _plain(each.content)


def csv_line(cells: Iterable[str]) -> str:
    """Gives a line of CSV (RFC 4180); no cell is taken for a formula by a spreadsheet.

    One that could be has an apostrophe before it, and so has one that begins with an apostrophe: whoever takes one away
    has what was there. Plain numbers stay as they are.
    """
    return ",".join(map(_cell, cells)) + "\r\n"


def raw_csv(facts: Sequence[ShownFact]) -> bytes:
    """Gives a line per field of each fact, UTF-8 with a byte order mark."""
    lines = [csv_line(HEAD)]
    lines += [csv_line((str(each.index), each.fact.kind, *value)) for each in facts for value in each.values()]
    return (BOM + "".join(lines)).encode()


def raw_json(facts: Sequence[ShownFact]) -> bytes:
    """Gives the same as JSON, a fact per line; integers are decimal texts, bytes hexadecimal."""
    rows = [{"index": str(each.index), "kind": each.fact.kind, "fields": list(each.values())} for each in facts]
    lines = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    return f"[\n{lines}\n]\n".encode()


def _cell(text: str) -> str:
    number = text.removeprefix("-")
    is_number = number.replace(".", "", 1).isascii() and number.replace(".", "", 1).isdigit()
    if text.lstrip(" ")[:1] in _FORMULAS and text.strip(" ") and not is_number:
        text = f"'{text}"
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if any(each in text for each in ',"\r\n') else text


def _type(value: Value) -> str:
    return "text" if isinstance(value, str) else "bytes" if isinstance(value, bytes) else "integer"


def _plain(value: Value) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
