"""What the bank says of a payment: pacs.002.001.10; and what it books for what it is asked."""

from __future__ import annotations

from collections.abc import Sequence

from ringfence_bank_simulator.booked import (
    CREDIT,
    DEBIT,
    TURNED,
    Movement,
    Transaction,
    derived_id,
    derived_reference,
)
from ringfence_bank_simulator.elements import Elements, written
from ringfence_bank_simulator.requests import (
    CREDIT_TRANSFER,
    DebitRequest,
    DepositRequest,
    Payment,
    PaymentOrder,
)
from ringfence_bank_simulator.rules import Verdict

STATUS_REPORT = "urn:iso:std:iso:20022:tech:xsd:pacs.002.001.10"
OWN_NAME = "Simulated Bank"


def status_report(order: PaymentOrder, verdicts: Sequence[tuple[Payment, Verdict]]) -> bytes:
    """Returns the pacs.002 with a status for each payment given."""
    e = Elements(STATUS_REPORT)
    transactions = [
        e(
            "TxInfAndSts",
            *([e("OrgnlInstrId", payment.instruction_id)] if payment.instruction_id else []),
            e("OrgnlEndToEndId", payment.end_to_end_id),
            e("OrgnlTxId", payment.transaction_id),
            e("TxSts", verdict.status),
            *([e("StsRsnInf", e("Rsn", e("Cd", verdict.reason)))] if verdict.reason else []),
        )
        for payment, verdict in verdicts
    ]
    return written(
        e(
            "Document",
            e(
                "FIToFIPmtStsRpt",
                e("GrpHdr", e("MsgId", derived_id("pacs.002", order.message_id)), e("CreDtTm", order.created_at)),
                e(
                    "OrgnlGrpInfAndSts",
                    e("OrgnlMsgId", order.message_id),
                    e("OrgnlMsgNmId", CREDIT_TRANSFER.rpartition(":")[2]),
                ),
                *transactions,
            ),
        )
    )


def debit_of(account: str, order: PaymentOrder, payment: Payment) -> Movement:
    """Returns the movement of a payment that settled."""
    reference = derived_reference("debit", order.message_id, payment.transaction_id)
    transaction = Transaction(
        reference=reference,
        amount=payment.amount,
        debtor_name=payment.debtor_name,
        debtor_iban=payment.debtor_iban,
        creditor_name=payment.creditor_name,
        creditor_iban=payment.creditor_iban,
        remittance=payment.remittance,
        end_to_end_id=payment.end_to_end_id,
        transaction_id=payment.transaction_id,
    )
    return Movement(account, reference, DEBIT, payment.currency, payment.day, (transaction,))


def credits_of(request: DepositRequest, day: str) -> list[Movement]:
    """Returns the movements of deposits, booked on a day: one, or each by itself."""
    transactions = [
        Transaction(
            reference=derived_reference("credit", request.message_id, str(number)),
            amount=deposit.amount,
            debtor_name=deposit.debtor_name,
            debtor_iban=deposit.debtor_iban,
            creditor_iban=deposit.creditor_iban,
            remittance=deposit.reference,
        )
        for number, deposit in enumerate(request.deposits)
    ]
    account = request.account_iban
    if request.as_one:
        reference = derived_reference("credit", request.message_id)
        return [Movement(account, reference, CREDIT, request.deposits[0].currency, day, tuple(transactions))]
    return [
        Movement(account, transaction.reference, CREDIT, deposit.currency, day, (transaction,))
        for transaction, deposit in zip(transactions, request.deposits, strict=True)
    ]


def charge_of(request: DebitRequest, day: str) -> Movement:
    """Returns the movement of what the bank takes for itself."""
    reference = derived_reference("charge", request.message_id)
    transaction = Transaction(
        reference, request.amount, debtor_name=OWN_NAME, creditor_name=OWN_NAME, remittance=request.text or None
    )
    return Movement(request.account_iban, reference, DEBIT, request.currency, day, (transaction,))


def reversal_of(request: DebitRequest, reversed_movement: Movement, day: str) -> Movement:
    """Returns the movement that undoes another, under a reference of its own."""
    return Movement(
        account=reversed_movement.account,
        reference=derived_reference("reversal", request.message_id),
        credit_debit=TURNED[reversed_movement.credit_debit],
        currency=reversed_movement.currency,
        day=day,
        transactions=reversed_movement.transactions,
        reversal=True,
    )
