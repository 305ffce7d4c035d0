"""What a bank answers to payments: pacs.002.001.10."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from ringfence_local_stack.scenario.messages.xml import document, element, now, optional
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


def _reason(code: str) -> Element | None:
    return element("StsRsnInf", element("Rsn", element("Cd", code))) if code else None
