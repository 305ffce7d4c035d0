"""The values of ISO 20022 messages that the service works with; nothing here knows XML.

Amounts are integer minor units with the alphabetic ISO 4217 code, dates are `date`, texts as the message gives them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from ringfence_payment_instruction.iso20022.refusal import FileRefused as FileRefused

REJECTED = "RJCT"
PARTIALLY_ACCEPTED = "PART"
# From the least to the most advanced; a group is as far as its least advanced transaction.
_PROGRESS = ("CANC", "RCVD", "PDNG", "PATC", "ACTC", "ACCP", "ACFC", "ACWC", "ACSP", "ACSC", "ACCC")


@dataclass(frozen=True, slots=True)
class Account:
    """An account as a message names it: an IBAN in capitals, another identification, or neither."""

    iban: str | None = None
    other: str | None = None


# A party or agent that a message names beside debtor and creditor: the element that names it, and its name.
NamedParty = tuple[str, str]


@dataclass(frozen=True, slots=True)
class StatusReason:
    """An ISO 20022 external status reason code (1 to 4 characters) with a text for people."""

    code: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class CreditTransfer:
    """One CdtTrfTxInf of a pain.001.

    `position` counts from 1 through the whole file and identifies the transaction within it, since EndToEndId may
    repeat. `unpayable` says why a transaction that the standard allows cannot be executed here; it is for the
    transaction alone to be rejected, the file stands. `carried` is what else is said for it, at all levels, by path
    (see `carried`), and `not_carried` the first element that has no place in a message to the bank, or stands at two
    levels.
    """

    position: int
    end_to_end_id: str
    instruction_id: str | None
    uetr: str | None
    amount_minor: int
    currency: str
    creditor_name: str | None
    creditor_account: Account
    creditor_agent_bic: str | None
    remittance: str | None
    purpose: str | None
    unpayable: StatusReason | None
    parties: tuple[NamedParty, ...] = ()
    carried: tuple[tuple[str, str], ...] = ()
    not_carried: str = ""

    @property
    def creditor_iban(self) -> str | None:
        """The creditor's IBAN, None where the account is named otherwise or not at all."""
        return self.creditor_account.iban


@dataclass(frozen=True, slots=True)
class PaymentInformation:
    """One PmtInf of a pain.001: a debtor account and the transfers from it."""

    payment_information_id: str
    payment_method: str
    debtor_name: str | None
    debtor_account: Account
    debtor_agent_bic: str | None
    requested_execution_date: date
    transactions: tuple[CreditTransfer, ...]

    @property
    def debtor_iban(self) -> str | None:
        """The debtor's IBAN, None where the account is named otherwise or not at all."""
        return self.debtor_account.iban


@dataclass(frozen=True, slots=True)
class CreditTransferFile:
    """A pain.001 that is valid, agrees with its own totals, and has right check digits in every IBAN."""

    message_id: str
    message_name: str
    created_at: datetime
    number_of_transactions: int
    control_sum: str | None
    initiating_party: str | None
    payments: tuple[PaymentInformation, ...]
    sha256: bytes


@dataclass(frozen=True, slots=True)
class TransactionStatus:
    """The status of one transaction (ExternalPaymentTransactionStatus1Code)."""

    end_to_end_id: str
    status: str
    reasons: tuple[StatusReason, ...] = ()
    instruction_id: str | None = None
    uetr: str | None = None


@dataclass(frozen=True, slots=True)
class PaymentInformationStatus:
    """The status of one PmtInf and of its transactions."""

    payment_information_id: str
    status: str | None
    transactions: tuple[TransactionStatus, ...] = ()


@dataclass(frozen=True, slots=True)
class StatusReport:
    """A pain.002 to be written: our message id (at most 35 characters), the file it answers, and the statuses."""

    message_id: str
    created_at_ns: int
    original_message_id: str
    original_message_name: str
    group_status: str
    reasons: tuple[StatusReason, ...] = ()
    original_number_of_transactions: int | None = None
    original_control_sum: str | None = None
    payments: tuple[PaymentInformationStatus, ...] = ()

    @classmethod
    def of_refusal(cls, refusal: FileRefused, message_id: str, created_at_ns: int) -> StatusReport:
        """Returns the answer to a file that is refused whole."""
        return cls(
            message_id,
            created_at_ns,
            refusal.message_id,
            refusal.message_name,
            REJECTED,
            (StatusReason(refusal.reason_code, refusal.text),),
        )

    @classmethod
    def of_file(
        cls,
        file: CreditTransferFile,
        message_id: str,
        created_at_ns: int,
        statuses: Sequence[tuple[str, tuple[StatusReason, ...]]],
    ) -> StatusReport:
        """Returns the answer to a file from one (status, reasons) per transaction, in the order of the file."""
        payments = tuple(_payment_status(payment, statuses) for payment in file.payments)
        return cls(
            message_id,
            created_at_ns,
            file.message_id,
            file.message_name,
            joint_status([status for status, _ in statuses]),
            (),
            file.number_of_transactions,
            file.control_sum,
            payments,
        )


def _payment_status(
    payment: PaymentInformation, statuses: Sequence[tuple[str, tuple[StatusReason, ...]]]
) -> PaymentInformationStatus:
    transactions = tuple(
        TransactionStatus(transfer.end_to_end_id, status, reasons, transfer.instruction_id, transfer.uetr)
        for transfer in payment.transactions
        for status, reasons in [statuses[transfer.position - 1]]
    )
    joint = joint_status([transaction.status for transaction in transactions])
    return PaymentInformationStatus(payment.payment_information_id, joint, transactions)


def joint_status(statuses: Sequence[str]) -> str:
    """Returns the status of a group: the common one, PART where some are rejected, else that of the least advanced."""
    distinct = set(statuses)
    if len(distinct) == 1:
        return statuses[0]
    return PARTIALLY_ACCEPTED if REJECTED in distinct else min(distinct, key=_PROGRESS.index)


@dataclass(frozen=True, slots=True)
class OutboundPayment:
    """One credit transfer for a pacs.008; ids have at most 35 characters.

    `carried` is all that is said beside these, by path (see `carried`).
    """

    transaction_id: str
    end_to_end_id: str
    amount_minor: int
    currency: str
    settlement_date: date
    debtor_name: str
    debtor_account: Account
    creditor_name: str
    creditor_account: Account
    instruction_id: str | None = None
    uetr: str | None = None
    remittance: str | None = None
    carried: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Originals:
    """How a bank names a payment of ours: any of the ids that the payment or its message had; empty for none."""

    message_id: str = ""
    transaction_id: str = ""
    end_to_end_id: str = ""
    instruction_id: str = ""
    uetr: str = ""


@dataclass(frozen=True, slots=True)
class PaymentStatus:
    """The bank's status of one payment (TxInfAndSts), or of all payments of a message (OrgnlGrpInfAndSts).

    `reason` is an external status reason code, empty for none; `remark` is whatever the bank says in its own words.
    """

    originals: Originals
    status: str
    reason: str = ""
    remark: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class PaymentStatusReport:
    """A pacs.002. A status of `groups` holds for the payments of its message that have none in `statuses`."""

    message_id: str
    message_name: str
    sha256: bytes
    groups: tuple[PaymentStatus, ...]
    statuses: tuple[PaymentStatus, ...]


@dataclass(frozen=True, slots=True)
class PaymentReturn:
    """A payment of ours whose money comes back (TxInf of a pacs.004).

    Of it `amount_minor` comes back and `charges_minor` were kept by banks, both minor units of `currency`. `reason` is
    an external return reason code, empty for none; `remark` is whatever the bank says in its own words.
    """

    originals: Originals
    amount_minor: int
    charges_minor: int
    currency: str
    reason: str = ""
    remark: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class PaymentReturnFile:
    """A pacs.004 that agrees with its own totals."""

    message_id: str
    message_name: str
    sha256: bytes
    returns: tuple[PaymentReturn, ...]
