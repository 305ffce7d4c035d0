"""What the bank says: pacs.002.001.10 about payments, camt.054.001.08 about movements on an account."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree

from ringfence_bank_simulator.requests import CREDIT_TRANSFER, DepositRequest, Payment, PaymentOrder
from ringfence_bank_simulator.rules import Verdict

STATUS_REPORT = "urn:iso:std:iso:20022:tech:xsd:pacs.002.001.10"
NOTIFICATION = "urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"
CREDIT, DEBIT = "CRDT", "DBIT"
_FAMILIES = {CREDIT: "RCDT", DEBIT: "ICDT"}  # received and issued credit transfers


class _Elements:
    """Makes elements of one namespace from texts and elements."""

    def __init__(self, namespace: str) -> None:
        self._prefix = f"{{{namespace}}}"
        self._namespaces = {None: namespace}

    def __call__(self, name: str, *content: str | etree._Element, **attributes: str) -> etree._Element:
        element = etree.Element(self._prefix + name, attributes, self._namespaces)  # type: ignore[arg-type]
        for part in content:
            if isinstance(part, str):
                element.text = part
            else:
                element.append(part)
        return element


@dataclass(frozen=True, slots=True)
class Movement:
    """Money booked on an account of the bank."""

    reference: str
    credit_debit: str
    amount: str
    currency: str
    day: str
    debtor_name: str
    debtor_iban: str | None
    creditor_name: str | None
    creditor_iban: str | None
    remittance: str | None
    end_to_end_id: str = "NOTPROVIDED"
    transaction_id: str | None = None


def derived_id(*parts: str) -> str:
    """Returns an id of 28 characters that is the same whenever it is derived from the same parts."""
    return "B" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:27].upper()


def status_report(order: PaymentOrder, verdicts: Sequence[tuple[Payment, Verdict]]) -> bytes:
    """Returns the pacs.002 with a status for each payment given."""
    e = _Elements(STATUS_REPORT)
    transactions = [
        e(
            "TxInfAndSts",
            *([e("OrgnlInstrId", payment.instruction_id)] if payment.instruction_id else []),
            e("OrgnlEndToEndId", payment.end_to_end_id),
            e("OrgnlTxId", payment.transaction_id),
            e("TxSts", verdict.status),
            *([e("StsRsnInf", e("Rsn", e("Cd", verdict.reason)))] if verdict.reason else []),
        )
        for payment, verdict in verdicts
    ]
    return _bytes(
        e(
            "Document",
            e(
                "FIToFIPmtStsRpt",
                e("GrpHdr", e("MsgId", derived_id("pacs.002", order.message_id)), e("CreDtTm", order.created_at)),
                e(
                    "OrgnlGrpInfAndSts",
                    e("OrgnlMsgId", order.message_id),
                    e("OrgnlMsgNmId", CREDIT_TRANSFER.rpartition(":")[2]),
                ),
                *transactions,
            ),
        )
    )


def debit_of(order: PaymentOrder, payment: Payment) -> Movement:
    """Returns the movement of a payment that settled."""
    return Movement(
        reference=derived_id("debit", order.message_id, payment.transaction_id),
        credit_debit=DEBIT,
        amount=payment.amount,
        currency=payment.currency,
        day=payment.day,
        debtor_name=payment.debtor_name,
        debtor_iban=payment.debtor_iban,
        creditor_name=payment.creditor_name,
        creditor_iban=payment.creditor_iban,
        remittance=payment.remittance,
        end_to_end_id=payment.end_to_end_id,
        transaction_id=payment.transaction_id,
    )


def credits_of(request: DepositRequest, arrived_ns: int) -> list[Movement]:
    """Returns the movements of deposits, booked on the day the request arrived (UTC)."""
    return [
        Movement(
            reference=derived_id("credit", request.message_id, str(number)),
            credit_debit=CREDIT,
            amount=deposit.amount,
            currency=deposit.currency,
            day=moment(arrived_ns)[:10],
            debtor_name=deposit.debtor_name,
            debtor_iban=deposit.debtor_iban,
            creditor_name=None,
            creditor_iban=deposit.creditor_iban,
            remittance=deposit.reference,
        )
        for number, deposit in enumerate(request.deposits)
    ]


def notification(message_id: str, created_at: str, movements: Mapping[str, Sequence[Movement]]) -> bytes:
    """Returns the camt.054 of movements by account IBAN."""
    e = _Elements(NOTIFICATION)
    accounts = [
        e(
            "Ntfctn",
            e("Id", derived_id("notification", message_id, iban)),
            e("Acct", e("Id", e("IBAN", iban))),
            *(_entry(e, movement) for movement in booked),
        )
        for iban, booked in movements.items()
    ]
    header = e("GrpHdr", e("MsgId", message_id), e("CreDtTm", created_at))
    return _bytes(e("Document", e("BkToCstmrDbtCdtNtfctn", header, *accounts)))


def _entry(e: _Elements, movement: Movement) -> etree._Element:
    ids = [e("EndToEndId", movement.end_to_end_id)]
    if movement.transaction_id:
        ids.append(e("TxId", movement.transaction_id))
    return e(
        "Ntry",
        e("Amt", movement.amount, Ccy=movement.currency),
        e("CdtDbtInd", movement.credit_debit),
        e("Sts", e("Cd", "BOOK")),
        e("BookgDt", e("Dt", movement.day)),
        e("ValDt", e("Dt", movement.day)),
        e("AcctSvcrRef", movement.reference),
        e(
            "BkTxCd",
            e("Domn", e("Cd", "PMNT"), e("Fmly", e("Cd", _FAMILIES[movement.credit_debit]), e("SubFmlyCd", "ESCT"))),
        ),
        e(
            "NtryDtls",
            e(
                "TxDtls",
                e("Refs", *ids),
                e("Amt", movement.amount, Ccy=movement.currency),
                e("CdtDbtInd", movement.credit_debit),
                e("RltdPties", *_parties(e, movement)),
                *([e("RmtInf", e("Ustrd", movement.remittance))] if movement.remittance else []),
            ),
        ),
    )


def _parties(e: _Elements, movement: Movement) -> list[etree._Element]:
    parties = [e("Dbtr", e("Pty", e("Nm", movement.debtor_name)))]
    if movement.debtor_iban:
        parties.append(e("DbtrAcct", e("Id", e("IBAN", movement.debtor_iban))))
    if movement.creditor_name:
        parties.append(e("Cdtr", e("Pty", e("Nm", movement.creditor_name))))
    if movement.creditor_iban:
        parties.append(e("CdtrAcct", e("Id", e("IBAN", movement.creditor_iban))))
    return parties


def moment(time_ns: int) -> str:
    """Returns UTC nanoseconds as an ISODateTime to the second."""
    return f"{datetime.fromtimestamp(time_ns // 1_000_000_000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _bytes(document: etree._Element) -> bytes:
    return etree.tostring(document, xml_declaration=True, encoding="UTF-8")
