"""Messages to the bank and its answers (ISO 20022)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from ringfence_payment_instruction.iso20022.bank_files import is_return, tells_of_account
from ringfence_payment_instruction.iso20022.messages import (
    Account,
    FileRefused,
    Originals,
    OutboundPayment,
    PaymentReturn,
    PaymentStatus,
    PaymentStatusReport,
)
from ringfence_payment_instruction.iso20022.pacs002 import read_payment_status_report
from ringfence_payment_instruction.iso20022.pacs004 import read_payment_returns
from ringfence_payment_instruction.iso20022.pacs008 import write_credit_transfers
from ringfence_payment_instruction.rail.application.ports import BankAnswers, OutgoingPayment
from ringfence_payment_instruction.rail.domain.replies import BankReply, Fate
from ringfence_payment_instruction.submissions.domain.errors import EvidenceUnreadable

EPOCH = date(1970, 1, 1)
# Final answers of a bank (ExternalPaymentTransactionStatus1Code); all others leave the payment under way.
# Cancelled (CANC) and blocked (BLCK) end a payment as a refusal does.
FATES = {
    "ACSC": Fate.SETTLED,
    "ACCC": Fate.SETTLED,
    "RJCT": Fate.FAILED,
    "CANC": Fate.FAILED,
    "BLCK": Fate.FAILED,
}


class Iso20022BankFiles:
    """The BankFiles port."""

    def write_payments(self, message_id: str, created_ns: int, payments: Sequence[OutgoingPayment]) -> bytes:
        """Writes a pacs.008."""
        return write_credit_transfers(message_id, created_ns, [_outbound(payment) for payment in payments])

    def read_answers(self, content: bytes) -> BankAnswers | None:
        """Reads a pacs.002 or pacs.004; returns None for a file that is neither. Raises EvidenceUnreadable."""
        if tells_of_account(content):
            return None
        try:
            if is_return(content):
                returned = read_payment_returns(content)
                return BankAnswers(returned.sha256, returned.message_id, tuple(map(_returned, returned.returns)))
            file = read_payment_status_report(content)
        except FileRefused as refused:
            raise EvidenceUnreadable(refused.text, iso_reason=refused.reason_code, detail=refused.reason) from None
        return BankAnswers(file.sha256, file.message_id, _replies(file))


def _outbound(payment: OutgoingPayment) -> OutboundPayment:
    return OutboundPayment(
        transaction_id=payment.transaction_id,
        end_to_end_id=payment.end_to_end_id,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        settlement_date=EPOCH + timedelta(days=payment.settlement_day),
        debtor_name=payment.debtor_name,
        debtor_account=Account(iban=payment.debtor_iban),
        creditor_name=payment.creditor_name,
        creditor_account=Account(iban=payment.creditor_iban or None),
        instruction_id=payment.instruction_identification or None,
        uetr=payment.uetr,
        remittance=payment.remittance or None,
        carried=payment.carried,
    )


def _replies(file: PaymentStatusReport) -> tuple[BankReply, ...]:
    """Returns the final answers of a pacs.002, those to whole messages last."""
    answers = [_reply(each) for each in file.statuses if each.status in FATES]
    answers += [_reply(each, of_message=True) for each in file.groups if each.status in FATES]
    return tuple(answers)


def _reply(status: PaymentStatus, *, of_message: bool = False) -> BankReply:
    answer = _named(FATES[status.status], status.originals)
    return replace(answer, reason=status.reason, remark=status.remark, of_message=of_message)


def _returned(each: PaymentReturn) -> BankReply:
    return replace(
        _named(Fate.RETURNED, each.originals),
        reason=each.reason,
        remark=each.remark,
        amount_minor=each.amount_minor,
        charges_minor=each.charges_minor,
        currency=each.currency,
    )


def _named(fate: Fate, named: Originals) -> BankReply:
    return BankReply(
        fate=fate,
        message_id=named.message_id,
        transaction_id=named.transaction_id,
        end_to_end_id=named.end_to_end_id,
        instruction_id=named.instruction_id,
        uetr=named.uetr,
    )
