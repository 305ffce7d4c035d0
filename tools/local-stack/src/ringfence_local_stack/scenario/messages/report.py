"""What a bank answers to payments: pacs.002.001.10, and pacs.004.001.09 where their money comes back."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from ringfence_local_stack.scenario.messages.xml import amount, document, element, now, optional
from ringfence_local_stack.scenario.waiting import fresh


def report_row(status: str, *, transaction_id: str = "", end_to_end_id: str = "", reason: str = "") -> Element:
    """The status of one payment, for instance RJCT with reason AC04; it is named by whichever ids are given."""
    return element(
        "TxInfAndSts",
        optional("OrgnlEndToEndId", end_to_end_id),
        optional("OrgnlTxId", transaction_id),
        element("TxSts", status),
        _reason(reason),
    )


def status_report(
    original_message_id: str, rows: Sequence[Element] = (), *, status: str = "", reason: str = ""
) -> bytes:
    """A pacs.002 about one pacs.008: a status for the whole message, or rows for its payments."""
    original = element(
        "OrgnlGrpInfAndSts",
        element("OrgnlMsgId", original_message_id),
        element("OrgnlMsgNmId", "pacs.008.001.08"),
        optional("GrpSts", status),
        _reason(reason),
    )
    header = element("GrpHdr", element("MsgId", fresh("S")), element("CreDtTm", now()))
    return document("pacs.002.001.10", element("FIToFIPmtStsRpt", header, original, *rows))


def return_row(amount_minor: int, currency: str = "EUR", *, transaction_id: str, reason: str = "AC04") -> Element:
    """A payment whose money comes back, all or a part of it."""
    return element(
        "TxInf",
        element("RtrId", fresh("R")),
        element("OrgnlTxId", transaction_id),
        amount("RtrdIntrBkSttlmAmt", amount_minor, currency),
        element("RtrRsnInf", element("Rsn", element("Cd", reason))),
    )


def payment_return(original_message_id: str, rows: Sequence[Element]) -> bytes:
    """A pacs.004 about payments of one pacs.008."""
    header = element(
        "GrpHdr",
        element("MsgId", fresh("S")),
        element("CreDtTm", now()),
        element("NbOfTxs", str(len(rows))),
        element("SttlmInf", element("SttlmMtd", "CLRG")),
    )
    original = element(
        "OrgnlGrpInf", element("OrgnlMsgId", original_message_id), element("OrgnlMsgNmId", "pacs.008.001.08")
    )
    return document("pacs.004.001.09", element("PmtRtr", header, original, *rows))


def _reason(code: str) -> Element | None:
    return element("StsRsnInf", element("Rsn", element("Cd", code))) if code else None
