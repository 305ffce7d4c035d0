"""A statement as a bank sends it: camt.053.001.08 (ISO 20022, BankToCustomerStatement), for programs that read those.

The account is stated by its holder's side, whatever its class: credit is what came, a balance below zero is a debit. An
entry names the transfer (`AcctSvcrRef`), its fact in the log (`NtryRef`) and the account on its other side. A message
is named after its content: the same bytes have the same `MsgId`, and others another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from xml.etree import ElementTree

from ringfence_desk import money, times
from ringfence_desk.language import Language
from ringfence_desk.names import Names
from ringfence_desk.statement import Statement
from ringfence_desk.statement_rows import Row, rows, value_date
from ringfence_desk.visible import visible

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
ISSUER = "ringfence"
_NAME, _TEXT = 140, 500
"""Most characters of a name, and of further information (Max140Text, Max500Text)."""
_MOST_MINOR = 10**18
"""Amounts have 18 digits at most (ActiveOrHistoricCurrencyAndAmount)."""


class NotStatable(ValueError):
    """No such message can state it: no currency code of three letters, an amount of over 18 digits, or no date."""


@dataclass(frozen=True)
class Sealed:
    """What the statement's facts stand under: the log, how many facts it has, its root, and how late it speaks of; UTC
    nanoseconds.

    `is_whole` says that there are no movements but these, proven.
    """

    origin: str
    size: int
    root: bytes
    time_ns: int
    is_whole: bool


@dataclass(frozen=True)
class Between:
    """The time that is stated, from one instant on and before another; UTC nanoseconds, None where it is open."""

    from_ns: int | None = None
    until_ns: int | None = None


def as_camt053(made: Statement, names: Names, language: Language, between: Between, sealed: Sealed) -> bytes:
    """Writes it; raises NotStatable."""
    if not money.currency(made.ledger):
        raise NotStatable(f"the currency {made.ledger} has no code")
    document = ElementTree.Element("Document", xmlns=NAMESPACE)
    message = _under(document, "BkToCstmrStmt")
    head = _under(message, "GrpHdr")
    named = [_under(head, "MsgId")]
    _under(head, "CreDtTm", _instant(sealed.time_ns))
    stated = _under(message, "Stmt")
    named.append(_under(stated, "Id"))
    _under(stated, "CreDtTm", _instant(sealed.time_ns))
    _head(stated, made, between, sealed)
    for row in rows(made, names, language):
        _entry(stated, made, row)
    _under(stated, "AddtlStmtInf", _about(sealed))
    identifier = sha256(ElementTree.tostring(document, encoding="UTF-8")).hexdigest()[:32]
    for each in named:
        each.text = identifier
    written = ElementTree.tostring(document, encoding="UTF-8", xml_declaration=True)
    assert isinstance(written, bytes)
    return written


def _head(stated: ElementTree.Element, made: Statement, between: Between, sealed: Sealed) -> None:
    first_ns, end_ns = _ends(made, between, sealed)
    if between.from_ns is not None and between.until_ns is not None:
        time = _under(stated, "FrToDt")
        _under(time, "FrDtTm", _instant(between.from_ns))
        _under(time, "ToDtTm", _instant(between.until_ns))
    account = _under(stated, "Acct")
    _under(_under(_under(account, "Id"), "Othr"), "Id", made.account_id.hex)
    _under(account, "Ccy", money.currency(made.ledger))
    for code, minor, at_ns in (("OPBD", made.opening_minor, first_ns), ("CLBD", made.closing_minor, end_ns)):
        balance = _under(stated, "Bal")
        _under(_under(_under(balance, "Tp"), "CdOrPrtry"), "Cd", code)
        _amount(balance, made, minor)
        _under(_under(balance, "Dt"), "Dt", _day(at_ns).isoformat())
    totals = _under(stated, "TxsSummry")
    coming = [line for line in made.lines if line.change_minor > 0]
    _total(totals, "TtlNtries", made, len(made.lines), made.in_minor + made.out_minor)
    _total(totals, "TtlCdtNtries", made, len(coming), made.in_minor)
    _total(totals, "TtlDbtNtries", made, len(made.lines) - len(coming), made.out_minor)


def _entry(stated: ElementTree.Element, made: Statement, row: Row) -> None:
    move, is_credit = row.line.move, row.line.change_minor > 0
    entry = _under(stated, "Ntry")
    _under(entry, "NtryRef", str(move.fact.index))
    _amount(entry, made, row.line.change_minor)
    _under(_under(entry, "Sts"), "Cd", "BOOK")
    _under(_under(entry, "BookgDt"), "DtTm", _instant(move.time_ns))
    if day := value_date(move.fact):
        _under(_under(entry, "ValDt"), "Dt", day)
    _under(entry, "AcctSvcrRef", move.id.hex)
    kind = _under(_under(entry, "BkTxCd"), "Prtry")
    _under(kind, "Cd", str(move.code))
    _under(kind, "Issr", ISSUER)
    details = _under(_under(entry, "NtryDtls"), "TxDtls")
    references = _under(details, "Refs")
    _under(references, "AcctSvcrRef", move.id.hex)
    if move.subject_id:
        _under(references, "InstrId", move.subject_id.hex)
    _amount(details, made, row.line.change_minor)
    parties, side = _under(details, "RltdPties"), "Dbtr" if is_credit else "Cdtr"
    _under(_under(_under(parties, side), "Pty"), "Nm", visible(row.other)[:_NAME])
    _under(_under(_under(_under(parties, f"{side}Acct"), "Id"), "Othr"), "Id", row.other_id.hex)
    _under(entry, "AddtlNtryInf", visible(row.purpose)[:_TEXT])


def _amount(parent: ElementTree.Element, made: Statement, minor: int) -> None:
    """Writes an amount and on which side it is; nothing is a credit."""
    _under(parent, "Amt", _plain(made, abs(minor)), Ccy=money.currency(made.ledger))
    _under(parent, "CdtDbtInd", "DBIT" if minor < 0 else "CRDT")


def _total(parent: ElementTree.Element, name: str, made: Statement, count: int, minor: int) -> None:
    total = _under(parent, name)
    _under(total, "NbOfNtries", str(count))
    _under(total, "Sum", _plain(made, minor))


def _plain(made: Statement, minor: int) -> str:
    if minor >= _MOST_MINOR:
        raise NotStatable(f"{minor} has over 18 digits")
    return money.plain(minor, made.ledger)


def _about(sealed: Sealed) -> str:
    whole = "all movements, proven" if sealed.is_whole else "that there are no other movements is not proven"
    origin = visible(sealed.origin)[:200]
    return f"log {origin} size {sealed.size} root {sealed.root.hex()}: {whole}"


def _ends(made: Statement, between: Between, sealed: Sealed) -> tuple[int, int]:
    """Gives an instant of the first day and one of the last, which is none that the log does not speak of yet."""
    last = sealed.time_ns if between.until_ns is None else min(between.until_ns - 1, sealed.time_ns)
    first = made.lines[0].move.time_ns if made.lines else last
    return min(first if between.from_ns is None else between.from_ns, last), last


def _day(time_ns: int) -> date:
    try:
        return date(1970, 1, 1) + timedelta(time_ns // times.DAY_NS)
    except OverflowError:
        raise NotStatable(f"{time_ns} is no date") from None


def _instant(time_ns: int) -> str:
    """Gives a time to the millisecond (ISODateTime); never later than it was."""
    return f"{_day(time_ns).isoformat()}T{times.clock(time_ns)}Z"


def _under(parent: ElementTree.Element, name: str, text: str | None = None, **attributes: str) -> ElementTree.Element:
    made = ElementTree.SubElement(parent, name, attributes)
    made.text = text
    return made
