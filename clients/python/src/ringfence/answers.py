"""The bank's answers that fit no payment, or several, or say something else than before; for operators."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

import grpc
from ringfence_protos.payment_instruction.v1 import answers_pb2 as pb
from ringfence_protos.payment_instruction.v1 import answers_pb2_grpc

from ringfence.transport import Connection

_PAGE = 100


class PaymentFate(IntEnum):
    """What a bank's final answer says became of a payment."""

    SETTLED = 1
    FAILED = 2
    RETURNED = 3


class AnswerMisfit(IntEnum):
    """Why an answer changes nothing until two people have worked it off."""

    UNKNOWN = 1
    AMBIGUOUS = 2
    CONTRADICTS = 3
    OTHER_AMOUNT = 4


@dataclass(frozen=True, kw_only=True)
class AnsweredPayment:
    """A payment that an answer may be about."""

    tenant_id: UUID
    instruction_id: UUID


@dataclass(frozen=True, kw_only=True)
class AnswerException:
    """An answer that waits for people: what it says, which payments fit, and the ids and words of the bank.

    What has come back is `amount_minor`, in minor units of `currency`; 0 for what is no return. Texts are empty where
    the bank has said nothing; `remark` may be personal data.
    """

    id: UUID
    misfit: AnswerMisfit
    fate: PaymentFate
    iso_reason_code: str
    amount_minor: int
    currency: str
    taken_ns: int
    file_sha256: bytes
    position: int
    candidates: tuple[AnsweredPayment, ...]
    message_id: str
    transaction_id: str
    end_to_end_id: str
    instruction_id: str
    uetr: str
    remark: str


class Answers:
    """What operators do about the bank's answers."""

    def __init__(self, channel: grpc.Channel, connection: Connection) -> None:
        self._connection = connection
        self._stub = answers_pb2_grpc.AnswerServiceStub(channel)

    def exceptions(self) -> Iterator[AnswerException]:
        """What waits, the oldest first; fetched page by page."""
        token = ""
        while True:
            request = pb.ListAnswerExceptionsRequest(page_size=_PAGE, page_token=token)
            page = self._connection.call(self._stub.ListAnswerExceptions, request)
            yield from map(_exception, page.exceptions)
            if not (token := page.next_page_token):
                return

    def apply(self, exception_id: UUID, payment: AnsweredPayment, document_sha256: bytes, note: str) -> UUID:
        """Proposes that an answer is about a payment, which it then decides: returns what another confirms.

        `document_sha256` names what shows it, 32 bytes; `note` says why, 1 to 280 characters, no personal data.
        """
        request = pb.WorkOffAnswerRequest(
            exception_id=exception_id.bytes,
            outcome=pb.ANSWER_OUTCOME_APPLIED,
            tenant_id=payment.tenant_id.bytes,
            instruction_id=payment.instruction_id.bytes,
            document_sha256=document_sha256,
            note=note,
        )
        return UUID(bytes=self._connection.call(self._stub.WorkOffAnswer, request).proposal_id)

    def dismiss(self, exception_id: UUID, document_sha256: bytes, note: str) -> UUID:
        """Proposes that nothing follows from an answer; as `apply`."""
        request = pb.WorkOffAnswerRequest(
            exception_id=exception_id.bytes,
            outcome=pb.ANSWER_OUTCOME_DISMISSED,
            document_sha256=document_sha256,
            note=note,
        )
        return UUID(bytes=self._connection.call(self._stub.WorkOffAnswer, request).proposal_id)


def _exception(read: pb.AnswerException) -> AnswerException:
    return AnswerException(
        id=UUID(bytes=read.exception_id),
        misfit=AnswerMisfit(read.misfit),
        fate=PaymentFate(read.fate),
        iso_reason_code=read.iso_reason_code,
        amount_minor=read.amount_minor,
        currency=read.currency,
        taken_ns=read.taken_ns,
        file_sha256=read.file_sha256,
        position=read.position,
        candidates=tuple(
            AnsweredPayment(tenant_id=UUID(bytes=each.tenant_id), instruction_id=UUID(bytes=each.instruction_id))
            for each in read.candidates
        ),
        message_id=read.message_id,
        transaction_id=read.transaction_id,
        end_to_end_id=read.end_to_end_id,
        instruction_id=read.instruction_id,
        uetr=read.uetr,
        remark=read.remark,
    )
