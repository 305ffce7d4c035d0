"""What stands around the entries of a camt message."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from ringfence_payment_instruction.iso20022.elements import Node
from ringfence_payment_instruction.statements.adapters import camt_values as values
from ringfence_payment_instruction.statements.domain.statement import CREDIT, Balance, Heading, Kind, Page

_OPENING, _PREVIOUS, _CLOSING = "OPBD", "PRCD", "CLBD"
_PAGES = ("StmtPgntn", "RptPgntn", "NtfctnPgntn")


def heading(node: Node, group_header: Node | None, kind: Kind, message_name: str) -> Heading:
    """Returns the heading of a Stmt, Rpt or Ntfctn; raises FileRefused."""
    if group_header is None:
        raise node.invalid("GrpHdr is missing before it")
    account = node.only("Acct")
    balances = [each for each in (_balance(found) for found in node.all("Bal")) if each is not None]
    opening, closing = _first(balances, _OPENING) or _first(balances, _PREVIOUS), _last(balances, _CLOSING)
    period = node.maybe("FrToDt")
    return Heading(
        kind=kind,
        format=message_name,
        message_id=group_header.required_text("MsgId"),
        id=node.required_text("Id"),
        account=values.account(account),
        currency=account.text("Ccy") or next((each.currency for _, each in balances), ""),
        created=values.day(node, "CreDtTm") or values.day(group_header, "CreDtTm"),
        first_day=_either(period, "FrDtTm", "FrDt"),
        last_day=_either(period, "ToDtTm", "ToDt"),
        page=next((page for name in _PAGES if (page := _page(node, name))), None) or _page(group_header, "MsgPgntn"),
        electronic_sequence=values.number(node, "ElctrncSeqNb"),
        legal_sequence=values.number(node, "LglSeqNb"),
        copy=node.text("CpyDplctInd") or group_header.text("AddtlInf", "CpyDplctInd") or "",
        opening=opening,
        closing=closing,
    )


def _either(node: Node | None, *names: str) -> date | None:
    found = (values.day(node, name) for name in names) if node else iter(())
    return next((each for each in found if each), None)


def _page(node: Node, name: str) -> Page | None:
    found = node.maybe(name)
    if found is None:
        return None
    page = values.number(found, "PgNb")
    if not page:
        raise found.invalid("PgNb is no page's number")
    return Page(page, values.truth(found, "LastPgInd"))


def _balance(node: Node) -> tuple[str, Balance] | None:
    """Returns a booked balance with its code, None for any other."""
    kind = node.only("Tp")
    choice = kind.maybe("CdOrPrtry")
    code = choice.text("Cd") if choice else None
    if code not in (_OPENING, _PREVIOUS, _CLOSING):
        return None
    amount, currency = values.amount(node)
    signed = amount if values.direction(node) == CREDIT else -amount
    subtype = kind.maybe("SubTp")
    intermediate = subtype is not None and values.code_or_proprietary(subtype) == "INTM"
    return code, Balance(signed, currency, node.date("Dt"), intermediate)


def _first(balances: Iterable[tuple[str, Balance]], code: str) -> Balance | None:
    found = [each for kind, each in balances if kind == code]
    return min(found, key=_day, default=None)


def _last(balances: Iterable[tuple[str, Balance]], code: str) -> Balance | None:
    found = [each for kind, each in balances if kind == code]
    return max(found, key=_day, default=None)


def _day(balance: Balance) -> date:
    return balance.day or date.min
