"""What a platform orders by file: pain.001.001.09."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from ringfence_local_stack.scenario.messages.xml import amount, document, element, now, optional, today
from ringfence_local_stack.scenario.waiting import fresh


def order(
    amount_minor: int,
    creditor_iban: str,
    creditor_name: str,
    *,
    end_to_end_id: str = "",
    instruction_id: str = "",
    uetr: str = "",
    charges: str = "",
    purpose: str = "",
    ultimate_debtor: str = "",
    ultimate_creditor: str = "",
    remittance: str = "",
    invoice: str = "",
    currency: str = "EUR",
) -> Element:
    """One payment of an `order_file`; `charges` is a ChrgBr, `invoice` the number of a document that it pays."""
    ids = element(
        "PmtId",
        optional("InstrId", instruction_id),
        element("EndToEndId", end_to_end_id or fresh("E")),
        optional("UETR", uetr),
    )
    return element(
        "CdtTrfTxInf",
        ids,
        element("Amt", amount("InstdAmt", amount_minor, currency)),
        optional("ChrgBr", charges),
        optional("UltmtDbtr", optional("Nm", ultimate_debtor)),
        element("Cdtr", element("Nm", creditor_name)),
        _account("CdtrAcct", creditor_iban),
        optional("UltmtCdtr", optional("Nm", ultimate_creditor)),
        optional("Purp", optional("Cd", purpose)),
        optional("RmtInf", optional("Ustrd", remittance), _invoice(invoice)),
    )


def order_file(
    debtor_iban: str,
    orders: Sequence[Element],
    *,
    message_id: str = "",
    debtor_name: str = "A Debtor",
    execution_day: str = "",
) -> bytes:
    """A pain.001 with one payment block; left out, the message id is a new one and the day of execution today."""
    header = element(
        "GrpHdr",
        element("MsgId", message_id or fresh("P")),
        element("CreDtTm", now()),
        element("NbOfTxs", str(len(orders))),
        element("InitgPty", element("Nm", "A Platform")),
    )
    no_agent = element("FinInstnId", element("Othr", element("Id", "NOTPROVIDED")))
    block = element(
        "PmtInf",
        element("PmtInfId", "1"),
        element("PmtMtd", "TRF"),
        element("ReqdExctnDt", element("Dt", execution_day or today())),
        element("Dbtr", element("Nm", debtor_name)),
        _account("DbtrAcct", debtor_iban),
        element("DbtrAgt", no_agent),
        *orders,
    )
    return document("pain.001.001.09", element("CstmrCdtTrfInitn", header, block))


def _account(name: str, iban: str) -> Element:
    return element(name, element("Id", element("IBAN", iban)))


def _invoice(number: str) -> Element | None:
    if not number:
        return None
    kind = element("Tp", element("CdOrPrtry", element("Cd", "CINV")))
    return element("Strd", element("RfrdDocInf", kind, element("Nb", number)))
