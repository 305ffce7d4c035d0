"""Reading a file of the bank by the message it holds."""

from __future__ import annotations

from ringfence_payment_instruction.iso20022.camt054 import NOTIFICATIONS, read_notification_file
from ringfence_payment_instruction.iso20022.document import MAX_FILE_BYTES, open_message
from ringfence_payment_instruction.iso20022.messages import NotificationFile, PaymentStatusReport
from ringfence_payment_instruction.iso20022.pacs002 import STATUS_REPORTS, read_payment_status_report


def read_bank_file(content: bytes, max_bytes: int = MAX_FILE_BYTES) -> PaymentStatusReport | NotificationFile:
    """Returns what a pacs.002 or a camt.054 says; raises FileRefused, and nothing else."""
    message = open_message(content, STATUS_REPORTS | NOTIFICATIONS, max_bytes)
    if message.name in STATUS_REPORTS:
        return read_payment_status_report(content, max_bytes)
    return read_notification_file(content, max_bytes)
