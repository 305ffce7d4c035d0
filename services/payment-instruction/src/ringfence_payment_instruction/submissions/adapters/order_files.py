"""Payment initiations as the application knows them: orders in, reports out (ISO 20022)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from ringfence_payment_instruction.iso20022.aside import SMALL_BYTES, read_checked, refusal_of
from ringfence_payment_instruction.iso20022.messages import (
    CreditTransfer,
    CreditTransferFile,
    FileRefused,
    PaymentInformation,
    StatusReason,
    StatusReport,
)
from ringfence_payment_instruction.iso20022.pain001 import CONVERSION
from ringfence_payment_instruction.iso20022.pain002 import write_status_report
from ringfence_payment_instruction.submissions.application.ports import (
    FileRefusal,
    OrderFile,
    RefusedFile,
    TransactionStatus,
)
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.orders import Order

EPOCH = date(1970, 1, 1)


class Iso20022Orders:
    """The OrderFiles port."""

    def __init__(self, aside: Callable[[bytes], bytes] = refusal_of) -> None:
        """Takes what looks at a file of any size before it is read here: `refusal_of`, in a process aside."""
        self._aside = aside

    def is_small(self, content: bytes) -> bool:
        """Tells whether the bytes are few."""
        return len(content) <= SMALL_BYTES

    def read_orders(self, content: bytes, identify: Callable[[str, int], bytes]) -> OrderFile | RefusedFile:
        """Reads a pain.001."""
        try:
            file = read_checked(content, self._aside)
        except FileRefused as refused:
            refusal = FileRefusal(refused.reason, refused.reason_code, refused.text)
            return RefusedFile(refused.message_id, refused.message_name, refused.sha256, refusal)
        orders = tuple(
            _order(payment, transfer, identify(file.message_id, transfer.position))
            for payment in file.payments
            for transfer in payment.transactions
        )
        return OrderFile(file.message_id, file.message_name, file.sha256, orders, file)

    def report(self, file: OrderFile, statuses: Sequence[TransactionStatus], message_id: str, created_ns: int) -> bytes:
        """Writes the pain.002 of a file that was taken in."""
        original: CreditTransferFile = file.original
        rows = [
            (each.iso_status, (StatusReason(each.iso_reason, each.text),) if each.iso_reason else ())
            for each in statuses
        ]
        return write_status_report(StatusReport.of_file(original, message_id, created_ns, rows))

    def report_refusal(self, file: RefusedFile, message_id: str, created_ns: int) -> bytes:
        """Writes the pain.002 of a file that was refused."""
        reason = StatusReason(file.refusal.iso_reason, file.refusal.text)
        report = StatusReport(message_id, created_ns, file.message_id, file.message_name, "RJCT", (reason,))
        return write_status_report(report)


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
        parties=transfer.parties,
        carried=transfer.carried,
        uetr=transfer.uetr or "",
        instruction_identification=transfer.instruction_id or "",
        refusal=reasons.INFORMATION_NOT_CARRIED if transfer.not_carried else "",
        refused_element=transfer.not_carried,
    )
