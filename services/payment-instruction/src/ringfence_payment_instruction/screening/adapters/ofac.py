"""OFAC's lists in delimited form: the primary file, and the aliases, addresses and remarks that belong to it.

The columns are those of OFAC's "Data Specification for the SDN list in delimited format". As published, lines end with
CR LF and a file with the mark 0x1A; a copy of a system that ends lines with LF has neither.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

from ringfence_payment_instruction.screening.adapters.delimited import (
    Gathered,
    columns,
    decoded,
    rows_of,
    unreadable,
)
from ringfence_payment_instruction.screening.application.importing import ListPart
from ringfence_payment_instruction.screening.domain.entries import Entry, EntryKind, NameQuality
from ringfence_payment_instruction.screening.domain.errors import SanctionsListDamaged

PRIMARY_COLUMNS, ALIAS_COLUMNS, ADDRESS_COLUMNS, REMARK_COLUMNS = 12, 5, 6, 2
NOTHING = "-0-"
# How a last line may end: a column in quotes, or one with nothing in it, whose own end some copies have lost.
_LINE_ENDS = (b'"', b"-0-", b",-0")
END_MARK = b"\x1a"
_KINDS = {"individual": EntryKind.PERSON, "vessel": EntryKind.VESSEL, "aircraft": EntryKind.AIRCRAFT}
# Aliases in remarks are those that OFAC calls weak: broad, or no name for a search (its questions 122 to 124).
_WEAK = re.compile(r"\b[afn]\.k\.a\. ['\"](.+?)['\"](?=\s*(?:;|\.?\s*$))", re.DOTALL)


def read_ofac(content: bytes, parts: Mapping[ListPart, bytes]) -> list[Entry]:
    """Reads an edition; what belongs to no entry, or an entry without an address where addresses are given, is damage.

    Raises SanctionsListDamaged.
    """
    primary, parts = _to_the_end(content), {part: _to_the_end(each) for part, each in parts.items()}
    gathered, remarks = Gathered(), defaultdict[str, str](str)
    for line, row in _rows(primary, PRIMARY_COLUMNS):
        reference, name, kind, *details, remark = row
        if gathered.knows(reference) or name == NOTHING:
            raise unreadable(line)
        gathered.open(reference, _KINDS.get(kind, EntryKind.ORGANISATION))
        _name(gathered, line, reference, name, NameQuality.PRIMARY)
        gathered.details(reference, details)
        remarks[reference] = remark
    for line, row in _belonging(gathered, parts, ListPart.ALIASES, ALIAS_COLUMNS):
        quality = NameQuality.WEAK if "weak" in row[4].lower() else NameQuality.GOOD
        _name(gathered, line, row[0], row[3], quality)
    located = set()
    for _, row in _belonging(gathered, parts, ListPart.ADDRESSES, ADDRESS_COLUMNS):
        gathered.details(row[0], row[1:])
        located.add(row[0])
    for _, row in _belonging(gathered, parts, ListPart.REMARKS, REMARK_COLUMNS):
        remarks[row[0]] += row[1]
    if ListPart.ADDRESSES in parts and (lacking := remarks.keys() - located):
        raise SanctionsListDamaged("entries without a line of addresses", entry=min(lacking))
    for reference, remark in remarks.items():
        gathered.details(reference, [remark])
        for name in _WEAK.findall(remark):
            _name(gathered, 0, reference, name.strip("'\""), NameQuality.WEAK)
    return gathered.entries()


def has_end_mark(content: bytes) -> bool:
    """Tells whether a file says that it ends where it does. Nothing else does: no file says how many lines it has."""
    return END_MARK in content


def _belonging(
    gathered: Gathered, parts: Mapping[ListPart, bytes], part: ListPart, count: int
) -> Iterator[tuple[int, list[str]]]:
    if part not in parts:
        return
    for line, row in _rows(parts[part], count):
        if not gathered.knows(row[0]):
            raise SanctionsListDamaged(f"line {line} of {part.name} belongs to no entry", lines=f"line {line}")
        yield line, row


def _name(gathered: Gathered, line: int, reference: str, name: str, quality: NameQuality) -> None:
    try:
        gathered.name(reference, name, quality)
    except ValueError:
        raise unreadable(line) from None


def _rows(content: bytes, count: int) -> Iterator[tuple[int, list[str]]]:
    for line, row in rows_of(decoded(content, "utf-8", "latin-1")):
        read = columns(line, row, count)
        if not (read[0].isascii() and read[0].isdigit()):
            raise unreadable(line)
        # The last column as it stands: remarks go on in another file where one has no room, between any two letters.
        yield line, [str(int(read[0])), *read[1:-1], row[-1]]


def _to_the_end(content: bytes) -> bytes:
    """Returns a file without its end mark; raises SanctionsListDamaged where it was cut off."""
    body, mark, rest = content.partition(END_MARK)
    if rest.strip() or (not mark and b"\r" in body):
        raise SanctionsListDamaged("the end mark is missing, or does not end the file")
    if b"\n" not in body or not body.rstrip().endswith(_LINE_ENDS):
        raise SanctionsListDamaged("the last line is not whole")
    return body
