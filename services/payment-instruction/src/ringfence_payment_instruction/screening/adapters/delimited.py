"""Lists of lines with columns: our own CSV, and the Denied Persons List of the US Bureau of Industry and Security."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence

from ringfence_payment_instruction.screening.domain.entries import Entry, EntryKind, ListedName, NameQuality
from ringfence_payment_instruction.screening.domain.errors import SanctionsListDamaged
from ringfence_payment_instruction.screening.domain.fields import names_in

MAX_NAME = 500
MAX_REFERENCE = 64
HASH_DIGITS = 8
CSV_HEADER = ["name", "kind", "reference"]
QUALITY = "quality"
DENIED_PERSONS_HEADER = [
    "Name",
    "Street_Address",
    "City",
    "State",
    "Country",
    "Postal_Code",
    "Effective_Date",
    "Expiration_Date",
    "Standard_Order",
    "Last_Update",
    "Action",
    "FR_Citation",
]
_KINDS = {
    "person": EntryKind.PERSON,
    "individual": EntryKind.PERSON,
    "entity": EntryKind.ORGANISATION,
    "organisation": EntryKind.ORGANISATION,
    "organization": EntryKind.ORGANISATION,
    "company": EntryKind.ORGANISATION,
    "vessel": EntryKind.VESSEL,
    "aircraft": EntryKind.AIRCRAFT,
}
_QUALITIES = {each.name.lower(): each for each in NameQuality}


class Gathered:
    """Entries in the order of their first line; lines of one reference are one entry's."""

    def __init__(self) -> None:
        """Starts with none."""
        self._kinds: dict[str, EntryKind] = {}
        self._names: dict[str, dict[str, NameQuality]] = {}
        self._details: dict[str, list[str]] = {}

    def open(self, reference: str, kind: EntryKind) -> None:
        """Begins an entry, or goes on with it; raises ValueError for no reference, or another kind than before."""
        if not 0 < len(reference) <= MAX_REFERENCE or self._kinds.setdefault(reference, kind) is not kind:
            raise ValueError(reference)
        self._names.setdefault(reference, {})
        self._details.setdefault(reference, [])

    def name(self, reference: str, field: str, quality: NameQuality) -> None:
        """Adds the names in a field, the better quality first; raises ValueError where there is none."""
        if not 0 < len(field.strip()) <= MAX_NAME or not (parts := names_in(field)):
            raise ValueError(field)
        for part in parts:
            self._names[reference].setdefault(part.text, NameQuality.WEAK if part.aside else quality)

    def details(self, reference: str, texts: Iterable[str]) -> None:
        """Adds what else is said."""
        self._details[reference] += texts

    def knows(self, reference: str) -> bool:
        """Tells whether there is such an entry."""
        return reference in self._kinds

    def entries(self) -> list[Entry]:
        """Returns them all."""
        return [
            Entry(
                reference,
                kind,
                tuple(ListedName(text, quality) for text, quality in self._names[reference].items()),
                tuple(self._details[reference]),
            )
            for reference, kind in self._kinds.items()
        ]


def read_csv(content: bytes) -> list[Entry]:
    """Reads UTF-8 CSV (RFC 4180) with the header name,kind,reference, and quality as a fourth column or not.

    The first line of a reference has its primary name unless the quality says otherwise, and the next have aliases.
    """
    rows = rows_of(decoded(content, "utf-8-sig"))
    header = [column.strip().lower() for column in next(rows, (0, [""]))[1]]
    if header not in (CSV_HEADER, [*CSV_HEADER, QUALITY]):
        raise SanctionsListDamaged(f"the first line is not {','.join(CSV_HEADER)}")
    gathered = Gathered()
    for line, row in rows:
        name, kind, reference, quality = columns(line, row, len(header)) + [""] * (len(CSV_HEADER) + 1 - len(header))
        default = NameQuality.GOOD if gathered.knows(reference) else NameQuality.PRIMARY
        try:
            gathered.open(reference, _KINDS.get(kind.lower(), EntryKind.UNSPECIFIED))
            gathered.name(reference, name, _QUALITIES[quality.lower()] if quality else default)
        except (ValueError, LookupError):
            raise unreadable(line) from None
    return gathered.entries()


def read_denied_persons(content: bytes) -> list[Entry]:
    """Reads the Denied Persons List: tab-separated, quoted, with a header.

    Its publisher numbers nobody: the reference is the order's citation with the start of a hash of the name.
    """
    rows = rows_of(decoded(content, "utf-8-sig"), delimiter="\t")
    if next(rows, (0, [""]))[1] != DENIED_PERSONS_HEADER:
        raise SanctionsListDamaged("the first line is not that of the Denied Persons List")
    gathered = Gathered()
    for line, row in rows:
        name, *details = columns(line, row, len(DENIED_PERSONS_HEADER))
        try:
            citation = details[-1][: MAX_REFERENCE - HASH_DIGITS - 1]
            reference = f"{citation} {hashlib.sha256(name.encode()).hexdigest()[:HASH_DIGITS]}".strip()
            gathered.open(reference, EntryKind.UNSPECIFIED)
            gathered.name(reference, name, NameQuality.PRIMARY)
        except ValueError:
            raise unreadable(line) from None
        gathered.details(reference, details)
    return gathered.entries()


def decoded(content: bytes, *encodings: str) -> str:
    """Returns the text in the first encoding that fits; raises SanctionsListDamaged."""
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise SanctionsListDamaged(f"the file is not {encodings[0]} text")


def rows_of(text: str, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Yields rows with their line numbers, without blank lines at the end; raises SanctionsListDamaged."""
    reader = csv.reader(io.StringIO(text.rstrip(), newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error:
        raise unreadable(reader.line_num) from None


def columns(line: int, row: Sequence[str], count: int) -> list[str]:
    """Returns a row's columns without spaces around them; raises SanctionsListDamaged for another number of them."""
    if len(row) != count:
        raise unreadable(line)
    return [column.strip() for column in row]


def unreadable(line: int) -> SanctionsListDamaged:
    """Returns the refusal that names a line."""
    return SanctionsListDamaged(f"line {line} cannot be read", lines=f"line {line}")
