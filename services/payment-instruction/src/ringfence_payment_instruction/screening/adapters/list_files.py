"""Reading the files of sanctions list publishers. A damaged file is refused whole, so that no name is missed."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum

from lxml import etree

from ringfence_payment_instruction.iso20022.limits import require_bounded
from ringfence_payment_instruction.iso20022.refusal import FileRefused
from ringfence_payment_instruction.screening.application.importing import ReadList
from ringfence_payment_instruction.screening.domain.errors import SanctionsListDamaged
from ringfence_payment_instruction.screening.domain.lists import ListedName

MAX_BAD_LINES_SHOWN = 20
MAX_NAME = 500
OFAC_COLUMNS = 12
OFAC_NOTHING = "-0-"
CSV_HEADER = ["name", "kind", "reference"]


class ListFormat(IntEnum):
    """Formats that can be read; numbers as in the proto."""

    CSV = 1
    OFAC_SDN = 2
    UN_XML = 3


class SanctionsFiles:
    """Reads any format that is known."""

    def read(self, list_format: int, content: bytes) -> ReadList:
        """Returns names and trailing noise; raises SanctionsListDamaged, naming the first lines that are none."""
        return _READERS[ListFormat(list_format)](content)


def read_csv(content: bytes) -> ReadList:
    """Reads UTF-8 CSV (RFC 4180) with the header name,kind,reference."""
    rows = _rows(_text(content, "utf-8-sig"))
    header = next(rows, (0, [""]))[1]
    if [column.strip().lower() for column in header] != CSV_HEADER:
        raise SanctionsListDamaged(f"the first line is not {','.join(CSV_HEADER)}")
    return _entries(rows, len(CSV_HEADER), lambda row: ListedName(row[0].strip(), row[2].strip()))


def read_ofac(content: bytes) -> ReadList:
    """Reads a primary file of OFAC's delimited lists: number, name, then ten columns that are not needed here."""
    rows = _rows(_text(content, "utf-8", "latin-1"))
    return _entries(rows, OFAC_COLUMNS, lambda row: ListedName(row[1].strip(), str(int(row[0]))))


def read_un(content: bytes) -> ReadList:
    """Reads the Security Council's consolidated list: every name, alias and name in original script."""
    try:
        require_bounded(content)
    except FileRefused as refused:
        raise SanctionsListDamaged(f"{refused.reason}: {refused.text}") from None
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, remove_comments=True)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise SanctionsListDamaged(f"not well-formed XML at line {error.lineno}") from None
    if root.getroottree().docinfo.internalDTD is not None or root.tag != "CONSOLIDATED_LIST":
        raise SanctionsListDamaged("not a CONSOLIDATED_LIST without a DOCTYPE")
    names = []
    for entry in root.iterfind("*/*"):
        reference = (entry.findtext("REFERENCE_NUMBER") or "").strip()
        found = list(_un_names(entry))
        if not reference or not found:
            raise SanctionsListDamaged(f"an entry without reference or name at line {entry.sourceline}")
        names += [ListedName(name, reference) for name in found]
    return ReadList(names, [])


def _un_names(entry: etree._Element) -> Iterator[str]:
    parts = [entry.findtext(f"{number}_NAME") or "" for number in ("FIRST", "SECOND", "THIRD", "FOURTH")]
    aliases = [alias.findtext("ALIAS_NAME") or "" for alias in entry if alias.tag.endswith("_ALIAS")]
    for name in (" ".join(parts), entry.findtext("NAME_ORIGINAL_SCRIPT") or "", *aliases):
        if name.strip():
            yield name.strip()[:MAX_NAME]


def _text(content: bytes, *encodings: str) -> str:
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise SanctionsListDamaged(f"the file is not {encodings[0]} text")


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yields rows with their line numbers; a row that csv cannot read comes as one column."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield reader.line_num, ["unreadable"]
        else:
            if row:
                yield reader.line_num, row


def _entries(
    rows: Iterator[tuple[int, list[str]]], columns: int, name_of: Callable[[Sequence[str]], ListedName]
) -> ReadList:
    """Returns the names of all rows; bad rows are let pass only as noise after the last good one."""
    names: list[ListedName] = []
    bad: list[tuple[int, bool]] = []
    for line, row in rows:
        try:
            listed = name_of(row) if len(row) == columns else None
        except ValueError:
            listed = None
        if listed is not None and 0 < len(listed.name) <= MAX_NAME and listed.name != OFAC_NOTHING:
            if bad:
                break
            names.append(listed)
        else:
            bad.append((line, _is_noise(row)))
    else:
        if all(noise for _, noise in bad):
            return ReadList(names, _shown(bad))
    raise SanctionsListDamaged("lines that cannot be read", lines="; ".join(_shown(bad)))


def _is_noise(row: Sequence[str]) -> bool:
    """Tells whether a row has nothing that could be a name: separators, an end-of-file mark."""
    return not any(character.isalnum() for column in row for character in column)


def _shown(bad: Sequence[tuple[int, bool]]) -> list[str]:
    return [f"line {line}" for line, _ in bad[:MAX_BAD_LINES_SHOWN]]


_READERS = {ListFormat.CSV: read_csv, ListFormat.OFAC_SDN: read_ofac, ListFormat.UN_XML: read_un}
