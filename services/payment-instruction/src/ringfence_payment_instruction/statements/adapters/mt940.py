"""Reading MT940 and MT942 (SWIFT Category 9, Customer Statement and Interim Transaction Report).

The reader is our own: the format has ten fields, and signs, balances and dates decide about money. Banks leave out the
envelope and bend the rules; what cannot be told for sure is refused.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from ringfence_payment_instruction.iso20022.document import MAX_FILE_BYTES
from ringfence_payment_instruction.iso20022.refusal import FileRefused
from ringfence_payment_instruction.statements.adapters import mt_values as values
from ringfence_payment_instruction.statements.adapters.mt_entries import entry
from ringfence_payment_instruction.statements.adapters.mt_values import Field
from ringfence_payment_instruction.statements.domain.statement import (
    MAX_ENTRIES,
    Account,
    Balance,
    Entry,
    Heading,
    Kind,
    Page,
    Statement,
    StatementFile,
    Totals,
)

_TAG = re.compile(r":(20|21|25P?|28C?|60[FM]|61|62[FM]|64|65|86|34F|13D?|90[CD]|NS):")
"""Only these begin a field: any other colon stands in a text that was broken there."""
_IBAN = re.compile(r"([A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}?)([A-Z]{3})?")
_SEQUENCE = re.compile(r"([0-9]{1,18})(?:/([0-9]{1,9}))?(?:/[0-9]+)?")
_REPORT_TAGS = ("34F", "13", "13D", "90C", "90D")


def looks_like_mt(content: bytes) -> bool:
    """Tells whether bytes may be an MT940 or MT942, or a part of one: a field stands at the begin of a line."""
    return re.search(rb"(?:^|[\r\n]|\{4:):(?:[0-9]{2}[A-Z]?|NS):", content) is not None


def read_mt(content: bytes, max_bytes: int = MAX_FILE_BYTES) -> StatementFile:
    """Returns every statement or report of a file; raises FileRefused, and nothing else."""
    sha256 = hashlib.sha256(content).digest()
    with _identified(sha256):
        if len(content) > max_bytes:
            raise FileRefused("FILE_TOO_LARGE", f"the file has {len(content)} bytes, at most {max_bytes} are taken")
        statements = tuple(_statement(fields) for fields in _messages(_bounded(_fields(_lines(content)))))
        if not statements:
            raise FileRefused("NO_MESSAGE", "no field 20: neither an MT940 nor an MT942")
        return StatementFile(sha256, statements)


@contextmanager
def _identified(sha256: bytes) -> Iterator[None]:
    try:
        yield
    except FileRefused as refusal:
        refusal.sha256, refusal.message_name = sha256, "MT940"
        raise


def _lines(content: bytes) -> list[str]:
    """Returns the lines in Unicode: UTF-8 where it is that, else each byte as one character (ISO 8859-1)."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    # Only CR and LF end a line; other characters that control something mean nothing.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return ["".join(filter(str.isprintable, line)) for line in lines]


def _fields(lines: Sequence[str]) -> Iterator[Field]:
    """Yields the fields; lines before the first, and those that end a message, belong to none."""
    tag, number, found = "", 0, list[str]()
    for at, line in enumerate(lines, start=1):
        begun = _TAG.match(line.removeprefix("{4:"))
        ends = line.strip() in ("-", "-}") or line.startswith(("-}{", "{1:"))
        if begun or ends:
            if tag:
                yield Field(tag, tuple(found), number)
            tag, number, found = "", at, []
        if begun:
            tag, found = begun[1], [line.removeprefix("{4:")[begun.end() :]]
        elif tag and not ends:
            found.append(line)
    if tag:
        yield Field(tag, tuple(found), number)


def _bounded(fields: Iterator[Field]) -> Iterator[Field]:
    """Yields the fields as long as there are not more entries than may be."""
    count = 0
    for field in fields:
        count += field.tag == "61"
        if count > MAX_ENTRIES:
            raise FileRefused("FILE_TOO_COMPLEX", f"more than {MAX_ENTRIES} entries")
        yield field


def _messages(fields: Iterator[Field]) -> Iterator[list[Field]]:
    """Yields the fields of one message after the other: each begins with its field 20."""
    message: list[Field] = []
    for field in fields:
        if field.tag == "20":
            if message:
                yield message
            message = [field]
        elif message:
            message.append(field)
        else:
            raise field.invalid("it stands before any field 20")
    if message:
        yield message


class _Parts(NamedTuple):
    """Fields that stand once at most, by tag, and the entries with their texts."""

    single: dict[str, Field]
    entries: tuple[tuple[Field, tuple[Field, ...]], ...]


def _parted(fields: Sequence[Field]) -> _Parts:
    single: dict[str, Field] = {}
    entries: list[tuple[Field, list[Field]]] = []
    for field in fields:
        if field.tag == "61":
            entries.append((field, []))
        elif field.tag in ("86", "NS"):
            # A text before the first entry or behind the closing balance is about the statement.
            if entries and not single.keys() & {"62F", "62M"}:
                entries[-1][1].append(field)
        elif field.tag in ("34F", "64", "65"):
            single.setdefault(field.tag, field)
        elif field.tag in single:
            raise field.invalid("it stands twice in one statement")
        else:
            single[field.tag] = field
    return _Parts(single, tuple((field, tuple(texts)) for field, texts in entries))


def _statement(fields: Sequence[Field]) -> Statement:
    parts = _parted(fields)
    opening, closing = _balance(parts, "60"), _balance(parts, "62")
    currency = next((each.currency for each in (opening, closing) if each), "") or _stated_currency(parts)
    if not currency:
        raise fields[0].invalid("no balance and no limit says the currency")
    entries = tuple(entry(field, texts, currency) for field, texts in parts.entries)
    return Statement(_heading(parts, fields[0], currency, opening, closing, entries), entries)


def _heading(
    parts: _Parts,
    first: Field,
    currency: str,
    opening: Balance | None,
    closing: Balance | None,
    entries: Sequence[Entry],
) -> Heading:
    is_report = opening is None and closing is None and any(tag in parts.single for tag in _REPORT_TAGS)
    account = parts.single.get("25") or parts.single.get("25P")
    if account is None:
        raise first.invalid("field 25, the account, is missing")
    sequence, page = _sequence(parts, opening, closing)
    created = parts.single.get("13D") or parts.single.get("13")
    day = values.day(created.text[:6], created) if created else None
    booked = [each.booking_date for each in entries if each.booking_date]
    days = [each for each in (closing.day if closing else None, day, *booked[-1:]) if each]
    return Heading(
        kind=Kind.REPORT if is_report else Kind.STATEMENT,
        format="MT942" if is_report else "MT940",
        message_id=first.text.strip()[:35],
        id=first.text.strip()[:35],
        account=_account(account),
        currency=currency,
        created=day,
        last_day=days[0] if days else None,
        page=page,
        legal_sequence=sequence,
        opening=opening,
        closing=closing,
        totals=tuple(_totals(parts)),
    )


def _balance(parts: _Parts, number: str) -> Balance | None:
    final, intermediate = parts.single.get(f"{number}F"), parts.single.get(f"{number}M")
    if final and intermediate:
        raise intermediate.invalid("the balance stands both as final and as intermediate")
    field = final or intermediate
    return values.balance(field, field is intermediate) if field else None


def _stated_currency(parts: _Parts) -> str:
    field = parts.single.get("34F") or parts.single.get("90C") or parts.single.get("90D")
    found = re.match(r"[0-9]*([A-Z]{3})", field.text) if field else None
    return found[1] if found else ""


def _sequence(parts: _Parts, opening: Balance | None, closing: Balance | None) -> tuple[int | None, Page | None]:
    """Returns the statement's number and page; number 0 says nothing, and neither does page 0."""
    field = parts.single.get("28C") or parts.single.get("28")
    found = _SEQUENCE.fullmatch(field.text.strip()) if field else None
    if field and found is None:
        raise field.invalid("neither a number nor a number and a page")
    number, page = (int(found[1]), int(found[2] or 0)) if found else (0, 0)
    is_paged = any(each is not None and each.intermediate for each in (opening, closing))
    if not page and not is_paged:
        return number or None, None
    last = closing is None or not closing.intermediate
    return number or None, Page(page or 1, last)


def _account(field: Field) -> Account:
    """Returns the account: an IBAN, with or without a currency behind it, or the bank's own number."""
    text = "".join(field.text.split()).upper() if field.tag == "25" else field.text.strip()
    found = _IBAN.fullmatch(text)
    if found and not text.startswith("CGN"):
        return Account(iban=found[1])
    if not text:
        raise field.invalid("no account")
    return Account(other=text[:35])


def _totals(parts: _Parts) -> Iterator[Totals]:
    for tag in ("90C", "90D"):
        if field := parts.single.get(tag):
            yield values.totals(field)
