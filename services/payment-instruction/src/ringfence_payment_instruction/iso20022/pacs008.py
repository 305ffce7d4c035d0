"""Writing pacs.008.001.08 (FIToFICustomerCreditTransfer) for the bank."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import cast

from ringfence_kernel.values import money

from ringfence_payment_instruction.iso20022.carried import Carried, nodes
from ringfence_payment_instruction.iso20022.messages import Account, OutboundPayment
from ringfence_payment_instruction.iso20022.refusal import NOT_PROVIDED
from ringfence_payment_instruction.iso20022.writer import (
    MAX_NAME_LENGTH,
    Amount,
    Node,
    identification,
    limited,
    moment,
    write_message,
)

CREDIT_TRANSFER = "pacs.008.001.08"
_CLEARING_SYSTEM = "CLRG"
_CONTROL_SUM_DIGITS = 18
_SHARED_CHARGES = "SHAR"
_BEFORE_DEBTOR = (
    "IntrmyAgt1", "IntrmyAgt1Acct", "IntrmyAgt2", "IntrmyAgt2Acct", "IntrmyAgt3", "IntrmyAgt3Acct", "UltmtDbtr",
    "InitgPty",
)  # fmt: skip
_AFTER_CREDITOR = ("UltmtCdtr", "InstrForCdtrAgt", "Purp", "RgltryRptg", "Tax", "RltdRmtInf")


def write_credit_transfers(
    message_id: str,
    created_at_ns: int,
    payments: Sequence[OutboundPayment],
    instructing_agent_bic: str | None = None,
) -> bytes:
    """Returns the bytes of a pacs.008 with its count and control sum, valid by the XSD.

    Names and remittance are cut to 140 characters; an agent that is not named is written as NOTPROVIDED. Raises
    ValueError for no payments, or an identification of more than 35 characters.
    """
    if not payments:
        raise ValueError("a pacs.008 holds at least one payment")
    total = sum(
        (Decimal(money.from_minor(each.amount_minor, money.currency(each.currency))) for each in payments), Decimal(0)
    )
    header: list[Node | None] = [
        ("MsgId", identification(message_id)),
        ("CreDtTm", moment(created_at_ns)),
        ("NbOfTxs", str(len(payments))),
        ("CtrlSum", f"{total:f}") if len(total.as_tuple().digits) <= _CONTROL_SUM_DIGITS else None,
        ("SttlmInf", [("SttlmMtd", _CLEARING_SYSTEM)]),
        ("InstgAgt", [("FinInstnId", [("BICFI", instructing_agent_bic)])]) if instructing_agent_bic else None,
    ]
    transfers = (("CdtTrfTxInf", _transfer(payment)) for payment in payments)
    return write_message(CREDIT_TRANSFER, ("FIToFICstmrCdtTrf", [("GrpHdr", header), *transfers]))


def _transfer(payment: OutboundPayment) -> list[Node | None]:
    instruction_id = payment.instruction_id
    ids: list[Node | None] = [
        ("InstrId", None if instruction_id is None else identification(instruction_id)),
        ("EndToEndId", identification(payment.end_to_end_id)),
        ("TxId", identification(payment.transaction_id)),
        ("UETR", payment.uetr),
    ]
    told = payment.carried
    free_text: Node = ("Ustrd", limited(payment.remittance, MAX_NAME_LENGTH))
    return [
        ("PmtId", ids),
        *nodes(told, "PmtTpInf"),
        ("IntrBkSttlmAmt", Amount(payment.amount_minor, payment.currency)),
        ("IntrBkSttlmDt", payment.settlement_date.isoformat()),
        *(nodes(told, "ChrgBr") or [("ChrgBr", _SHARED_CHARGES)]),
        *_all(told, *_BEFORE_DEBTOR),
        ("Dbtr", [_name(payment.debtor_name), *_inside(told, "Dbtr")]),
        _account("DbtrAcct", payment.debtor_account, told),
        *(nodes(told, "DbtrAgt") or [_unnamed("DbtrAgt")]),
        *_all(told, "DbtrAgtAcct"),
        *(nodes(told, "CdtrAgt") or [_unnamed("CdtrAgt")]),
        *_all(told, "CdtrAgtAcct"),
        ("Cdtr", [_name(payment.creditor_name), *_inside(told, "Cdtr")]),
        _account("CdtrAcct", payment.creditor_account, told),
        *_all(told, *_AFTER_CREDITOR),
        ("RmtInf", [free_text, *_inside(told, "RmtInf")]),
    ]


def _all(told: Carried, *names: str) -> list[Node]:
    return [node for name in names for node in nodes(told, name)]


def _inside(told: Carried, name: str) -> list[Node | None]:
    """Returns what is inside an element of which more than that is written."""
    return [node for _, content in nodes(told, name) for node in cast("list[Node | None]", content)]


def _account(name: str, value: Account, told: Carried) -> Node | None:
    """Returns an account with its IBAN, or with what else identifies it, and what else is said of it."""
    if not value.iban:
        return next(iter(nodes(told, name)), None)
    return (name, [("Id", [("IBAN", value.iban)]), *_inside(told, name)])


def _name(party_name: str) -> Node:
    return ("Nm", limited(party_name, MAX_NAME_LENGTH) or NOT_PROVIDED)


def _unnamed(agent: str) -> Node:
    return (agent, [("FinInstnId", [("Othr", [("Id", NOT_PROVIDED)])])])
