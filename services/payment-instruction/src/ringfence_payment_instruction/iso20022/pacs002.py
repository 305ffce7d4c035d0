"""Reading pacs.002 (FIToFIPaymentStatusReport): what the bank says about payments sent to it."""

from __future__ import annotations

from ringfence_payment_instruction.iso20022.document import MAX_FILE_BYTES, open_message
from ringfence_payment_instruction.iso20022.elements import Node
from ringfence_payment_instruction.iso20022.messages import PaymentStatus, PaymentStatusReport

# The elements read here are the same in all of them.
STATUS_REPORTS = frozenset(f"pacs.002.001.{version}" for version in ("03", "08", "10", "11", "12", "14"))


def read_payment_status_report(content: bytes, max_bytes: int = MAX_FILE_BYTES) -> PaymentStatusReport:
    """Returns the statuses of a pacs.002; raises FileRefused, and nothing else.

    A transaction without a status of its own has that of its group. A report over several original messages is
    refused, and so is one that states no status at all.
    """
    message = open_message(content, STATUS_REPORTS, max_bytes)
    with message.identified():
        body = Node.body_of(message, "FIToFIPmtStsRpt")
        group = body.maybe("OrgnlGrpInfAndSts")
        group_status = group.code("GrpSts") if group else None
        original = group.required_text("OrgnlMsgId") if group else None
        statuses = tuple(_status(node, original, group_status) for node in body.all("TxInfAndSts"))
        if not statuses and group_status is None:
            raise body.invalid("neither GrpSts nor TxInfAndSts is given")
        return PaymentStatusReport(
            message_id=body.required_text("GrpHdr", "MsgId"),
            message_name=message.name,
            sha256=message.sha256,
            original_message_id=original,
            group_status=group_status,
            group_reason=_reason(group) if group else None,
            statuses=statuses,
        )


def _status(node: Node, original: str | None, group_status: str | None) -> PaymentStatus:
    status = node.code("TxSts") or group_status
    if status is None:
        raise node.invalid("TxSts is missing")
    return PaymentStatus(
        original_message_id=node.text("OrgnlGrpInf", "OrgnlMsgId") or original,
        original_end_to_end_id=node.text("OrgnlEndToEndId"),
        original_transaction_id=node.text("OrgnlTxId"),
        status=status,
        reason=_reason(node),
    )


def _reason(node: Node) -> str | None:
    """Returns the code of the first reason, or the bank's own word for it."""
    for information in node.all("StsRsnInf"):
        if reason := information.maybe("Rsn"):
            return reason.code("Cd") or reason.text("Prtry")
    return None
