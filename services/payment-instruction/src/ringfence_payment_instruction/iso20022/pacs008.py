"""Writing pacs.008.001.08 (FIToFICustomerCreditTransfer) for the bank."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ringfence_kernel.values import money

from ringfence_payment_instruction.iso20022.document import MAX_ID_LENGTH
from ringfence_payment_instruction.iso20022.messages import OutboundPayment
from ringfence_payment_instruction.iso20022.refusal import NOT_PROVIDED
from ringfence_payment_instruction.iso20022.writer import (
    MAX_NAME_LENGTH,
    Amount,
    Node,
    account,
    identification,
    limited,
    moment,
    write_message,
)

CREDIT_TRANSFER = "pacs.008.001.08"
_CLEARING_SYSTEM = "CLRG"
_CODE_LENGTH = 4
_CONTROL_SUM_DIGITS = 18
_SHARED_CHARGES = "SHAR"


def write_credit_transfers(
    message_id: str,
    created_at_ns: int,
    payments: Sequence[OutboundPayment],
    instructing_agent_bic: str | None = None,
) -> bytes:
    """Returns the bytes of a pacs.008 with its count and control sum, valid by the XSD.

    Names and remittance are cut to 140 characters; an agent without BIC is written as NOTPROVIDED. Raises ValueError
    for no payments, or an identification of more than 35 characters.
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
        ("InstgAgt", _agent(instructing_agent_bic)) if instructing_agent_bic else None,
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
    return [
        ("PmtId", ids),
        ("IntrBkSttlmAmt", Amount(payment.amount_minor, payment.currency)),
        ("IntrBkSttlmDt", payment.settlement_date.isoformat()),
        ("ChrgBr", _SHARED_CHARGES),
        _party("Dbtr", payment.debtor_name),
        account("DbtrAcct", payment.debtor_account),
        ("DbtrAgt", _agent(payment.debtor_agent_bic)),
        ("CdtrAgt", _agent(payment.creditor_agent_bic)),
        _party("Cdtr", payment.creditor_name),
        account("CdtrAcct", payment.creditor_account),
        ("Purp", [_purpose(payment.purpose)]) if payment.purpose else None,
        ("RmtInf", [("Ustrd", limited(payment.remittance, MAX_NAME_LENGTH))]),
    ]


def _party(name: str, party_name: str) -> Node:
    return (name, [("Nm", limited(party_name, MAX_NAME_LENGTH) or NOT_PROVIDED)])


def _purpose(purpose: str) -> Node:
    return ("Cd" if len(purpose) <= _CODE_LENGTH else "Prtry", limited(purpose, MAX_ID_LENGTH))


def _agent(bic: str | None) -> list[Node]:
    other: Node = ("Othr", [("Id", NOT_PROVIDED)])
    return [("FinInstnId", [("BICFI", bic) if bic else other])]
