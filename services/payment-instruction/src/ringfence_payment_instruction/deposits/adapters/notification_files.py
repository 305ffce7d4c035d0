"""Notifications of a bank about its account (ISO 20022)."""

from __future__ import annotations

from datetime import date

from ringfence_payment_instruction.deposits.application.ports import Notification
from ringfence_payment_instruction.deposits.domain.evidence import BankEntry
from ringfence_payment_instruction.iso20022.camt054 import read_notification_file
from ringfence_payment_instruction.iso20022.messages import FileRefused
from ringfence_payment_instruction.iso20022.messages import Notification as StatementNotification
from ringfence_payment_instruction.submissions.domain.errors import EvidenceUnreadable

EPOCH = date(1970, 1, 1)


class Iso20022Notifications:
    """The NotificationFiles port."""

    def read(self, content: bytes) -> Notification:
        """Reads a camt.054; raises EvidenceUnreadable."""
        try:
            file = read_notification_file(content)
        except FileRefused as refused:
            raise EvidenceUnreadable(refused.text, iso_reason=refused.reason_code, detail=refused.reason) from None
        entries = tuple(entry for notification in file.notifications for entry in _entries_of(notification))
        return Notification(file.message_id, file.sha256, entries)


def _entries_of(notification: StatementNotification) -> list[BankEntry]:
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
            parties=entry.parties,
        )
        for entry in notification.entries
    ]
