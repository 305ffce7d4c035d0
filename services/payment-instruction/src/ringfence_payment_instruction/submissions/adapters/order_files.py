"""ISO 20022 files as the application knows them: orders, replies and entries in, payments and reports out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta

from ringfence_payment_instruction.deposits.domain.evidence import BankEntry, BankReply
from ringfence_payment_instruction.iso20022.bank_files import read_bank_file
from ringfence_payment_instruction.iso20022.messages import (
    Account,
    CreditTransfer,
    CreditTransferFile,
    FileRefused,
    Notification,
    NotificationFile,
    OutboundPayment,
    PaymentInformation,
    PaymentStatusReport,
    StatusReason,
    StatusReport,
)
from ringfence_payment_instruction.iso20022.pacs008 import write_credit_transfers
from ringfence_payment_instruction.iso20022.pain001 import CONVERSION, read_credit_transfer_file
from ringfence_payment_instruction.iso20022.pain002 import write_status_report
from ringfence_payment_instruction.submissions.application.ports import (
    BankFile,
    FileRefusal,
    OrderFile,
    OutgoingPayment,
    RefusedFile,
    Verdict,
)
from ringfence_payment_instruction.submissions.domain.errors import EvidenceUnreadable
from ringfence_payment_instruction.submissions.domain.orders import Order

EPOCH = date(1970, 1, 1)
# Final answers of a bank (ExternalPaymentTransactionStatus1Code); all others leave the payment under way.
SETTLED = frozenset({"ACSC", "ACCC"})
REJECTED = frozenset({"RJCT"})


class Iso20022Files:
    """The PaymentFiles port."""

    def read_orders(self, content: bytes, identify: Callable[[str, int], bytes]) -> OrderFile | RefusedFile:
        """Reads a pain.001."""
        try:
            file = read_credit_transfer_file(content)
        except FileRefused as refused:
            refusal = FileRefusal(refused.reason, refused.reason_code, refused.text)
            return RefusedFile(refused.message_id, refused.message_name, refused.sha256, refusal)
        orders = tuple(
            _order(payment, transfer, identify(file.message_id, transfer.position))
            for payment in file.payments
            for transfer in payment.transactions
        )
        return OrderFile(file.message_id, file.message_name, file.sha256, orders, file)

    def report(self, file: OrderFile, verdicts: Sequence[Verdict], message_id: str, created_ns: int) -> bytes:
        """Writes the pain.002 of a file that was taken in."""
        original: CreditTransferFile = file.original
        statuses = [
            (each.iso_status, (StatusReason(each.iso_reason, each.text),) if each.iso_reason else ())
            for each in verdicts
        ]
        return write_status_report(StatusReport.of_file(original, message_id, created_ns, statuses))

    def report_refusal(self, file: RefusedFile, message_id: str, created_ns: int) -> bytes:
        """Writes the pain.002 of a file that was refused."""
        reason = StatusReason(file.refusal.iso_reason, file.refusal.text)
        report = StatusReport(message_id, created_ns, file.message_id, file.message_name, "RJCT", (reason,))
        return write_status_report(report)

    def write_payments(self, message_id: str, created_ns: int, payments: Sequence[OutgoingPayment]) -> bytes:
        """Writes a pacs.008."""
        return write_credit_transfers(message_id, created_ns, [_outbound(payment) for payment in payments])

    def read_bank_file(self, content: bytes) -> BankFile:
        """Reads a pacs.002 or camt.054; raises EvidenceUnreadable."""
        try:
            file = read_bank_file(content)
        except FileRefused as refused:
            raise EvidenceUnreadable(refused.text, iso_reason=refused.reason_code, detail=refused.reason) from None
        if isinstance(file, PaymentStatusReport):
            return BankFile(file.message_id, file.sha256, _replies(file), ())
        return BankFile(file.message_id, file.sha256, (), _entries(file))


def _order(payment: PaymentInformation, transfer: CreditTransfer, instruction_id: bytes) -> Order:
    return Order(
        instruction_id=instruction_id,
        end_to_end_id=transfer.end_to_end_id,
        debtor_iban=payment.debtor_iban or "",
        creditor_iban=transfer.creditor_iban or "",
        creditor_name=transfer.creditor_name or "",
        amount_minor=transfer.amount_minor,
        currency=transfer.currency,
        remittance=transfer.remittance or "",
        debtor_name=payment.debtor_name or "",
        creditor_agent_bic=transfer.creditor_agent_bic or "",
        execution_day=(payment.requested_execution_date - EPOCH).days,
        payment_method=payment.payment_method,
        needs_conversion=transfer.unpayable == CONVERSION,
    )


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
        creditor_account=Account(iban=payment.creditor_iban),
        creditor_agent_bic=payment.creditor_agent_bic or None,
        remittance=payment.remittance or None,
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


def _entries(file: NotificationFile) -> tuple[BankEntry, ...]:
    return tuple(entry for notification in file.notifications for entry in _entries_of(notification))


def _entries_of(notification: Notification) -> list[BankEntry]:
    account = notification.account_iban or notification.account_other or ""
    return [
        BankEntry(
            account_iban=account,
            reference=entry.reference,
            amount_minor=entry.amount_minor,
            currency=entry.currency,
            credit_debit=entry.credit_debit,
            reversal=entry.reversal,
            status=entry.status,
            value_day=((entry.value_date or entry.booking_date or EPOCH) - EPOCH).days,
            transaction_id=entry.transaction_id or "",
            debtor_name=entry.debtor_name or "",
            debtor_iban=entry.debtor_iban or "",
            creditor_name=entry.creditor_name or "",
            creditor_iban=entry.creditor_iban or "",
            remittance=entry.remittance or "",
        )
        for entry in notification.entries
    ]
