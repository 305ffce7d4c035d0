"""Reading pacs.004 (PaymentReturn): money of payments of ours that comes back."""

from __future__ import annotations

from collections.abc import Sequence

from ringfence_kernel.values import money

from ringfence_payment_instruction.iso20022.document import MAX_FILE_BYTES, XML_SPACES, open_message
from ringfence_payment_instruction.iso20022.elements import Node
from ringfence_payment_instruction.iso20022.messages import PaymentReturn, PaymentReturnFile
from ringfence_payment_instruction.iso20022.originals import explained, originals

# The elements read here are the same in all of them.
RETURNS = frozenset(f"pacs.004.001.{version:02}" for version in range(2, 15))


def read_payment_returns(content: bytes, max_bytes: int = MAX_FILE_BYTES) -> PaymentReturnFile:
    """Returns what comes back by a pacs.004; raises FileRefused, and nothing else.

    Refused is a file whose count or total is not that of its transactions, and one that returns a group without naming
    what comes back of each payment.
    """
    message = open_message(content, RETURNS, max_bytes)
    with message.identified():
        body = Node.body_of(message, "PmtRtr")
        header, group = body.only("GrpHdr"), body.maybe("OrgnlGrpInf")
        original = (group.text("OrgnlMsgId") if group else None) or ""
        returns = tuple(_return(node, original) for node in body.all("TxInf"))
        if not returns:
            raise body.invalid("TxInf is missing")
        _require_totals(header, returns)
        return PaymentReturnFile(header.required_text("MsgId"), message.name, message.sha256, returns)


def _return(node: Node, original: str) -> PaymentReturn:
    amount_minor, currency = _amount(node, "RtrdIntrBkSttlmAmt")
    charges = [_amount(each, "Amt") for each in node.all("ChrgsInf")]
    reason, remark = explained(node, "RtrRsnInf")
    return PaymentReturn(
        originals=originals(node, original),
        amount_minor=amount_minor,
        # Charges in another currency explain nothing of the amount.
        charges_minor=sum(charge for charge, charged_in in charges if charged_in == currency),
        currency=currency,
        reason=reason,
        remark=remark,
    )


def _require_totals(header: Node, returns: Sequence[PaymentReturn]) -> None:
    stated = header.required_text("NbOfTxs")
    if stated.strip() != str(len(returns)):
        raise header.refused("COUNT_MISMATCH", f"NbOfTxs is not the count, {len(returns)}")
    if header.maybe("TtlRtrdIntrBkSttlmAmt") is None:
        return
    total_minor, currency = _amount(header, "TtlRtrdIntrBkSttlmAmt")
    if {each.currency for each in returns} != {currency} or total_minor != sum(each.amount_minor for each in returns):
        raise header.refused("CONTROL_SUM_MISMATCH", "TtlRtrdIntrBkSttlmAmt is not the sum of the transactions")


def _amount(node: Node, name: str) -> tuple[int, str]:
    found = node.only(name)
    code = found.element.get("Ccy", "")
    try:
        return money.to_minor((found.element.text or "").strip(XML_SPACES), money.currency(code)), code
    except money.CurrencyUnknown:
        raise found.refused("CURRENCY_NOT_SUPPORTED", "no ISO 4217 currency") from None
    except money.AmountInvalid:
        raise found.refused("AMOUNT_INVALID", "no amount in its currency") from None
