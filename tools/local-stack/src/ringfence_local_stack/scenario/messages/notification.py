"""What a bank tells about movements on an account: camt.054.001.08."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from ringfence_local_stack.scenario.messages.xml import amount, document, element, now, optional, today
from ringfence_local_stack.scenario.waiting import fresh

_NAME = "camt.054.001.08"
_NO_ID = "NOTPROVIDED"


def entry(
    amount_minor: int,
    creditor_iban: str,
    *,
    reference: str = "",
    payer: str = "A Payer",
    payer_iban: str = "",
    ultimate_payer: str = "",
    holder: str = "",
    remittance: str = "",
    currency: str = "EUR",
    incoming: bool = True,
    reversal: bool = False,
    booked_on: str = "",
    transaction_id: str = "",
) -> Element:
    """A booked movement with the details of one transaction; `reference` is the bank's own, left out where empty.

    `holder` is whom the bank names as the holder of the creditor's IBAN.
    """
    details = element(
        "TxDtls",
        element("Refs", element("EndToEndId", _NO_ID), optional("TxId", transaction_id)),
        element(
            "RltdPties",
            element("Dbtr", element("Pty", element("Nm", payer))),
            element("DbtrAcct", element("Id", element("IBAN", payer_iban))) if payer_iban else None,
            element("UltmtDbtr", element("Pty", element("Nm", ultimate_payer))) if ultimate_payer else None,
            element("Cdtr", element("Pty", element("Nm", holder))) if holder else None,
            element("CdtrAcct", element("Id", element("IBAN", creditor_iban))),
        ),
        element("RmtInf", element("Ustrd", remittance)) if remittance else None,
    )
    return _movement(amount_minor, currency, incoming, reversal, booked_on, reference, element("NtryDtls", details))


def batch(
    amount_minor: int,
    reference: str,
    shares: Sequence[Element] = (),
    *,
    currency: str = "EUR",
    booked_on: str = "",
) -> Element:
    """A movement that stands for several incoming payments, with their `share`s, or as a sum alone."""
    details = list(shares) or [element("Btch", element("NbOfTxs", "2"))]
    return _movement(amount_minor, currency, True, False, booked_on, reference, element("NtryDtls", *details))


def share(amount_minor: int, creditor_iban: str, *, payer: str = "A Payer", currency: str = "EUR") -> Element:
    """One payment of a `batch`."""
    return element(
        "TxDtls",
        element("Refs", element("EndToEndId", _NO_ID)),
        amount("Amt", amount_minor, currency),
        element("CdtDbtInd", "CRDT"),
        element(
            "RltdPties",
            element("Dbtr", element("Pty", element("Nm", payer))),
            element("CdtrAcct", element("Id", element("IBAN", creditor_iban))),
        ),
    )


def notification(
    account_iban: str, entries: Sequence[Element], *, message_id: str = "", copy: str = "", currency: str = ""
) -> bytes:
    """A camt.054 of movements on one account; `copy` is a CpyDplctInd, ids are new ones where left out."""
    told = element(
        "Ntfctn",
        element("Id", fresh("N")),
        optional("CpyDplctInd", copy),
        element("Acct", element("Id", element("IBAN", account_iban)), optional("Ccy", currency)),
        *entries,
    )
    header = element("GrpHdr", element("MsgId", message_id or fresh("M")), element("CreDtTm", now()))
    return document(_NAME, element("BkToCstmrDbtCdtNtfctn", header, told))


def _movement(
    amount_minor: int,
    currency: str,
    incoming: bool,
    reversal: bool,
    booked_on: str,
    reference: str,
    details: Element,
) -> Element:
    day = element("Dt", booked_on or today())
    family = element("Fmly", element("Cd", "RCDT" if incoming else "ICDT"), element("SubFmlyCd", "ESCT"))
    return element(
        "Ntry",
        amount("Amt", amount_minor, currency),
        element("CdtDbtInd", "CRDT" if incoming else "DBIT"),
        element("RvslInd", "true") if reversal else None,
        element("Sts", element("Cd", "BOOK")),
        element("BookgDt", day),
        element("ValDt", day),
        optional("AcctSvcrRef", reference),
        element("BkTxCd", element("Domn", element("Cd", "PMNT"), family)),
        details,
    )
