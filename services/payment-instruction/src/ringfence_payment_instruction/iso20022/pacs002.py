"""Reading pacs.002 (FIToFIPaymentStatusReport): what the bank says about payments sent to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ringfence_payment_instruction.iso20022.document import MAX_FILE_BYTES, open_message
from ringfence_payment_instruction.iso20022.elements import Node
from ringfence_payment_instruction.iso20022.messages import Originals, PaymentStatus, PaymentStatusReport
from ringfence_payment_instruction.iso20022.originals import explained, originals

# The elements read here are the same in all of them.
STATUS_REPORTS = frozenset(f"pacs.002.001.{version}" for version in ("03", "08", "10", "11", "12", "14"))


def read_payment_status_report(content: bytes, max_bytes: int = MAX_FILE_BYTES) -> PaymentStatusReport:
    """Returns the statuses of a pacs.002; raises FileRefused, and nothing else.

    A transaction without a status of its own has that of its group. In a report over several original messages each
    transaction names its own; a report that states no status at all is refused.
    """
    message = open_message(content, STATUS_REPORTS, max_bytes)
    with message.identified():
        body = Node.body_of(message, "FIToFIPmtStsRpt")
        groups: dict[str, PaymentStatus] = {}
        for node in body.all("OrgnlGrpInfAndSts"):
            group = _group(node)
            if groups.setdefault(group.originals.message_id, group) is not group:
                raise node.invalid("a group is stated twice")
        statuses = tuple(_status(node, groups) for node in body.all("TxInfAndSts"))
        stated = tuple(each for each in groups.values() if each.status)
        if not statuses and not stated:
            raise body.invalid("neither GrpSts nor TxInfAndSts is given")
        return PaymentStatusReport(
            message_id=body.required_text("GrpHdr", "MsgId"),
            message_name=message.name,
            sha256=message.sha256,
            groups=stated,
            statuses=statuses,
        )


def _group(node: Node) -> PaymentStatus:
    message_id = node.required_text("OrgnlMsgId")
    reason, remark = explained(node, "StsRsnInf")
    return PaymentStatus(Originals(message_id=message_id), node.code("GrpSts") or "", reason, remark)


def _status(node: Node, groups: Mapping[str, PaymentStatus]) -> PaymentStatus:
    found = originals(node, next(iter(groups)) if len(groups) == 1 else "")
    group = groups.get(found.message_id)
    if len(groups) > 1 and group is None:
        raise node.invalid("OrgnlGrpInf does not name one of the groups")
    own = node.code("TxSts")
    status = own or (group.status if group else "")
    if not status:
        raise node.invalid("TxSts is missing")
    reason, remark = explained(node, "StsRsnInf")
    answer = PaymentStatus(found, status, reason, remark)
    if group is not None and own is None and not reason:
        return replace(answer, reason=group.reason)
    return answer
