"""Writing pain.002 (CustomerPaymentStatusReport): .10 answers pain.001.001.09, .03 answers everything else."""

from __future__ import annotations

from collections.abc import Iterable

from ringfence_payment_instruction.iso20022.messages import (
    PaymentInformationStatus,
    StatusReason,
    StatusReport,
    TransactionStatus,
)
from ringfence_payment_instruction.iso20022.writer import Node, identification, limited, moment, write_message

_FIRST_VERSION = "pain.002.001.03"
_VERSIONS = {"pain.001.001.09": "pain.002.001.10"}
_ADDITIONAL_INFORMATION_LENGTH = 105
# What a group may not be said to be: neither enumeration nor external group status code has these.
_GROUP_STATUS = {"ACFC": "ACCP", "CANC": "RJCT", "PATC": "PDNG"}
# .03 enumerates its codes; each newer one is answered by the nearest it has.
_FIRST_GROUP_STATUS = _GROUP_STATUS | {"ACCC": "ACSC"}
_FIRST_TRANSACTION_STATUS = _FIRST_GROUP_STATUS | {"RCVD": "PDNG"}


def write_status_report(report: StatusReport) -> bytes:
    """Returns the bytes of a pain.002, valid by the XSD of its version.

    Raises ValueError when an identification cannot stand in the message (longer than 35 characters).
    """
    name = _VERSIONS.get(report.original_message_name, _FIRST_VERSION)
    first = name == _FIRST_VERSION
    count = report.original_number_of_transactions
    group: list[Node | None] = [
        ("OrgnlMsgId", identification(report.original_message_id)),
        ("OrgnlMsgNmId", identification(report.original_message_name)),
        ("OrgnlNbOfTxs", None if count is None else str(count)),
        ("OrgnlCtrlSum", report.original_control_sum),
        ("GrpSts", _group_status(report.group_status, first)),
        *_reasons(report.reasons),
    ]
    header: list[Node | None] = [
        ("MsgId", identification(report.message_id)),
        ("CreDtTm", moment(report.created_at_ns)),
    ]
    payments = (_payment(payment, first) for payment in report.payments)
    return write_message(name, ("CstmrPmtStsRpt", [("GrpHdr", header), ("OrgnlGrpInfAndSts", group), *payments]))


def _payment(payment: PaymentInformationStatus, first: bool) -> Node:
    status = None if payment.status is None else _group_status(payment.status, first)
    outline: list[Node | None] = [
        ("OrgnlPmtInfId", identification(payment.payment_information_id)),
        ("PmtInfSts", status),
        *(_transaction(transaction, first) for transaction in payment.transactions),
    ]
    return ("OrgnlPmtInfAndSts", outline)


def _transaction(transaction: TransactionStatus, first: bool) -> Node:
    status = _FIRST_TRANSACTION_STATUS.get(transaction.status, transaction.status) if first else transaction.status
    instruction_id = transaction.instruction_id
    outline: list[Node | None] = [
        ("OrgnlInstrId", None if instruction_id is None else identification(instruction_id)),
        ("OrgnlEndToEndId", identification(transaction.end_to_end_id)),
        None if first else ("OrgnlUETR", transaction.uetr),
        ("TxSts", status),
        *_reasons(transaction.reasons),
    ]
    return ("TxInfAndSts", outline)


def _group_status(status: str, first: bool) -> str:
    return (_FIRST_GROUP_STATUS if first else _GROUP_STATUS).get(status, status)


def _reasons(reasons: Iterable[StatusReason]) -> Iterable[Node]:
    for reason in reasons:
        text, step = reason.text, _ADDITIONAL_INFORMATION_LENGTH
        pieces = [limited(text[start : start + step], step) for start in range(0, len(text), step)]
        yield ("StsRsnInf", [("Rsn", [("Cd", reason.code)]), *(("AddtlInf", piece) for piece in pieces)])
