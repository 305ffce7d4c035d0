"""What the bank tells of accounts: camt.054.001.08 (notifications) and camt.053.001.08 (statements)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from lxml import etree

from ringfence_bank_simulator.booked import CREDIT, DEBIT, Movement, Transaction, decimal_text
from ringfence_bank_simulator.elements import Elements, written
from ringfence_bank_simulator.tellings import Balances, Entry, Telling

NOTIFICATION = "urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"
STATEMENT = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
_FAMILIES = {CREDIT: "RCDT", DEBIT: "ICDT"}  # received and issued credit transfers


def notification(message_id: str, created_at: str, tellings: Sequence[Telling]) -> bytes:
    """Returns the camt.054 of tellings without balances."""
    e = Elements(NOTIFICATION)
    accounts = [
        e("Ntfctn", e("Id", telling.id), *_copy(e, telling), _account(e, telling), *_entries(e, telling.entries))
        for telling in tellings
    ]
    header = e("GrpHdr", e("MsgId", message_id), e("CreDtTm", created_at))
    return written(e("Document", e("BkToCstmrDbtCdtNtfctn", header, *accounts)))


def statement(message_id: str, telling: Telling, balances: Balances) -> bytes:
    """Returns the camt.053 of one telling: a page of a statement, or all of it."""
    e = Elements(STATEMENT)
    pages = e("StmtPgntn", e("PgNb", str(telling.page)), e("LastPgInd", "true" if telling.is_last_page else "false"))
    days = e("FrToDt", e("FrDtTm", f"{balances.first_day}T00:00:00Z"), e("ToDtTm", f"{balances.last_day}T23:59:59Z"))
    body = e(
        "Stmt",
        e("Id", telling.id),
        pages,
        *([e("ElctrncSeqNb", str(telling.sequence))] if telling.sequence else []),
        e("CreDtTm", telling.created_at),
        days,
        *_copy(e, telling),
        _account(e, telling, currency=True),
        _balance(e, "OPBD", balances.opening, telling.currency, balances.first_day, telling.page > 1),
        _balance(e, "CLBD", balances.closing, telling.currency, balances.last_day, not telling.is_last_page),
        *_entries(e, telling.entries),
    )
    header = e("GrpHdr", e("MsgId", message_id), e("CreDtTm", telling.created_at))
    return written(e("Document", e("BkToCstmrStmt", header, body)))


def _copy(e: Elements, telling: Telling) -> list[etree._Element]:
    return [e("CpyDplctInd", "DUPL")] if telling.is_duplicate else []


def _account(e: Elements, telling: Telling, *, currency: bool = False) -> etree._Element:
    return e("Acct", e("Id", e("IBAN", telling.account)), *([e("Ccy", telling.currency)] if currency else []))


def _balance(e: Elements, code: str, amount: Decimal, currency: str, day: str, is_intermediate: bool) -> etree._Element:
    subtype = [e("SubTp", e("Cd", "INTM"))] if is_intermediate else []
    return e(
        "Bal",
        e("Tp", e("CdOrPrtry", e("Cd", code)), *subtype),
        e("Amt", decimal_text(abs(amount)), Ccy=currency),
        e("CdtDbtInd", CREDIT if amount >= 0 else DEBIT),
        e("Dt", e("Dt", day)),
    )


def _entries(e: Elements, entries: Iterable[Entry]) -> list[etree._Element]:
    return [_entry(e, each) for each in entries]


def _entry(e: Elements, entry: Entry) -> etree._Element:
    movement = entry.movement
    details = [_details(e, movement, each) for each in movement.transactions] if entry.is_detailed else []
    return e(
        "Ntry",
        e("Amt", movement.amount, Ccy=movement.currency),
        e("CdtDbtInd", movement.credit_debit),
        *([e("RvslInd", "true")] if movement.reversal else []),
        e("Sts", e("Cd", "BOOK")),
        e("BookgDt", e("Dt", movement.day)),
        e("ValDt", e("Dt", movement.day)),
        e("AcctSvcrRef", movement.reference),
        e(
            "BkTxCd",
            e("Domn", e("Cd", "PMNT"), e("Fmly", e("Cd", _FAMILIES[movement.credit_debit]), e("SubFmlyCd", "ESCT"))),
        ),
        *([e("NtryDtls", *details)] if details else []),
    )


def _details(e: Elements, movement: Movement, transaction: Transaction) -> etree._Element:
    ids = [e("EndToEndId", transaction.end_to_end_id)]
    if transaction.transaction_id:
        ids.append(e("TxId", transaction.transaction_id))
    if len(movement.transactions) > 1:
        ids.insert(0, e("AcctSvcrRef", transaction.reference))
    return e(
        "TxDtls",
        e("Refs", *ids),
        e("Amt", transaction.amount, Ccy=movement.currency),
        e("CdtDbtInd", movement.credit_debit),
        e("RltdPties", *_parties(e, transaction)),
        *([e("RmtInf", e("Ustrd", transaction.remittance))] if transaction.remittance else []),
    )


def _parties(e: Elements, transaction: Transaction) -> list[etree._Element]:
    parties = [e("Dbtr", e("Pty", e("Nm", transaction.debtor_name)))]
    if transaction.debtor_iban:
        parties.append(e("DbtrAcct", e("Id", e("IBAN", transaction.debtor_iban))))
    if transaction.creditor_name:
        parties.append(e("Cdtr", e("Pty", e("Nm", transaction.creditor_name))))
    if transaction.creditor_iban:
        parties.append(e("CdtrAcct", e("Id", e("IBAN", transaction.creditor_iban))))
    return parties
