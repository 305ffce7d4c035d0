"""Messages to the bank and its answers (ISO 20022)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from ringfence_payment_instruction.iso20022.bank_files import is_status_report
from ringfence_payment_instruction.iso20022.messages import Account, FileRefused, OutboundPayment, PaymentStatusReport
from ringfence_payment_instruction.iso20022.pacs002 import read_payment_status_report
from ringfence_payment_instruction.iso20022.pacs008 import write_credit_transfers
from ringfence_payment_instruction.rail.application.ports import BankAnswers, OutgoingPayment
from ringfence_payment_instruction.rail.domain.replies import BankReply
from ringfence_payment_instruction.submissions.domain.errors import EvidenceUnreadable

EPOCH = date(1970, 1, 1)
# Final answers of a bank (ExternalPaymentTransactionStatus1Code); all others leave the payment under way.
SETTLED = frozenset({"ACSC", "ACCC"})
REJECTED = frozenset({"RJCT"})


class Iso20022BankFiles:
    """The BankFiles port."""

    def write_payments(self, message_id: str, created_ns: int, payments: Sequence[OutgoingPayment]) -> bytes:
        """Writes a pacs.008."""
        return write_credit_transfers(message_id, created_ns, [_outbound(payment) for payment in payments])

    def read_answers(self, content: bytes) -> BankAnswers | None:
        """Reads a pacs.002; returns None for a file that is none. Raises EvidenceUnreadable."""
        try:
            if not is_status_report(content):
                return None
            file = read_payment_status_report(content)
        except FileRefused as refused:
            raise EvidenceUnreadable(refused.text, iso_reason=refused.reason_code, detail=refused.reason) from None
        return BankAnswers(file.sha256, _replies(file))


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
    """Returns the final answers of a pacs.002."""
    if not file.statuses:
        status, message_id = file.group_status or "", file.original_message_id or ""
        rows = [(message_id, "", status, file.group_reason or "")]
    else:
        rows = [
            (
                each.original_message_id or file.original_message_id or "",
                each.original_transaction_id or "",
                each.status,
                each.reason or "",
            )
            for each in file.statuses
            if each.original_transaction_id
        ]
    return tuple(
        BankReply(message_id, transaction_id, status in SETTLED, reason)
        for message_id, transaction_id, status, reason in rows
        if status in SETTLED | REJECTED
    )
