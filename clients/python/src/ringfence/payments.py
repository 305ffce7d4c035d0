"""Payments: instructions of a platform from intake to their end, and the bank's evidence."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

import grpc
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as pb
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2_grpc

from ringfence import addresses, particulars, sanctions
from ringfence.addresses import PostalAddress
from ringfence.ids import optional, to_bytes
from ringfence.particulars import Agent, ChargeBearer, Code, OtherAccount, StructuredRemittance
from ringfence.sanctions import ImportedList, ListPart, PaymentHits, SanctionsList
from ringfence.transport import Connection

_PAGE = 1_000
DECISION_NOT_TAKEN = frozenset(
    {"APPROVER_IS_MAKER", "OPERATOR_REQUIRED", "MADE_BY_ANOTHER", "NOT_HELD", "ALREADY_RELEASED"}
)
"""Reasons for which a decision on an instruction was not taken; others are the instruction's own."""


class InstructionStatus(IntEnum):
    """Where an instruction stands."""

    RECEIVED = 1
    VALIDATED = 2
    AUTHENTICATED = 3
    SCREENED = 4
    HELD = 5
    RESERVED = 6
    SENT = 7
    SETTLED = 8
    RECONCILED = 9
    REJECTED = 10
    CANCELLED = 11
    EXPIRED = 12
    FAILED = 13
    UNKNOWN = 14
    RECALL = 15
    RETURNED = 16
    REFUSED = 17

    @property
    def is_end(self) -> bool:
        """Whether the money has moved or never will; only a bank statement may still follow."""
        return self in _ENDS


_ENDS = frozenset(
    {
        InstructionStatus.SETTLED,
        InstructionStatus.RECONCILED,
        InstructionStatus.REJECTED,
        InstructionStatus.CANCELLED,
        InstructionStatus.EXPIRED,
        InstructionStatus.FAILED,
        InstructionStatus.RETURNED,
        InstructionStatus.REFUSED,
    }
)


class Decision(IntEnum):
    """What to do with a held instruction; one may also be cancelled before it is held."""

    APPROVE = 1
    REJECT = 2
    CANCEL = 3


class ListFormat(IntEnum):
    """Format of a sanctions list."""

    CSV = 1
    OFAC_SDN = 2
    UN_XML = 3
    BIS_DENIED_PERSONS = 4


@dataclass(frozen=True, kw_only=True)
class NewInstruction:
    """A payment that a platform orders for a client: inside the book if it knows the payee's IBAN, else by the bank.

    A payee's account without IBAN is `creditor_account`, with the bank that has it as `creditor_agent`; `creditor_iban`
    is empty then. What is read has names, accounts, amount and text; all else stands in `Instruction.carried`.
    """

    id: UUID
    end_to_end_id: str
    debtor_iban: str
    creditor_iban: str
    creditor_name: str
    amount_minor: int
    currency: str
    remittance: str = ""
    ultimate_debtor_name: str = ""
    ultimate_creditor_name: str = ""
    uetr: str = ""
    instruction_identification: str = ""
    charge_bearer: ChargeBearer | None = None
    purpose: Code | None = None
    structured_remittance: Sequence[StructuredRemittance] = ()
    creditor_address: PostalAddress | None = None
    creditor_agent: Agent | None = None
    creditor_account: OtherAccount | None = None


@dataclass(frozen=True)
class InstructionState:
    """How an instruction stands: the reason says why it was refused or waits (docs/errors.md)."""

    instruction_id: UUID
    status: InstructionStatus
    reason: str = ""
    iso_reason_code: str = ""


@dataclass(frozen=True)
class Instruction:
    """An instruction as read; times in UTC nanoseconds."""

    order: NewInstruction
    state: InstructionState
    submission_id: UUID
    transfer_id: UUID | None
    received_ns: int
    changed_ns: int
    maker_id: UUID | None
    approver_id: UUID | None
    uetr: str = ""
    debtor_account_id: UUID | None = None
    creditor_account_id: UUID | None = None
    """None where it leaves by a bank."""
    carried: Sequence[tuple[str, str]] = ()
    """What else the bank is told: paths of ISO 20022 elements, as `RmtInf/Strd#2/RfrdDocInf/Nb`, with their texts."""


@dataclass(frozen=True)
class FileAnswer:
    """The answer to a pain.001 file: a pain.002, and the instructions made of it; none when the file was refused."""

    status_report: bytes
    submission_id: UUID | None
    instruction_ids: list[UUID]


@dataclass(frozen=True)
class EvidenceAnswer:
    """What became of the entries of a bank's notification."""

    credited: int
    suspended: int
    duplicates: int
    confirmed: int


@dataclass(frozen=True)
class Changes:
    """States reached together; give `position` back to resume after them."""

    position: int
    states: list[InstructionState]


class Payments:
    """The payment-instruction service. `tenant_id` left out is the caller's own platform; writes are idempotent."""

    def __init__(self, channel: grpc.Channel, connection: Connection) -> None:
        self._connection = connection
        self._stub = payment_instruction_pb2_grpc.PaymentInstructionServiceStub(channel)

    def submit(self, submission_id: UUID, instructions: Sequence[NewInstruction]) -> list[InstructionState]:
        """Hands in a batch, 1 to 8,190; the same id with the same content gets the same answer."""
        request = pb.SubmitInstructionsRequest(
            submission_id=submission_id.bytes, instructions=[_order(each) for each in instructions]
        )
        return _states(self._connection.call(self._stub.SubmitInstructions, request).states)

    def submit_file(self, content: bytes) -> FileAnswer:
        """Hands in a pain.001 message (.03 or .09); the same bytes get the same answer."""
        reply = self._connection.call(self._stub.SubmitFile, pb.SubmitFileRequest(content=content))
        ids = [UUID(bytes=each) for each in reply.instruction_ids]
        return FileAnswer(reply.status_report, optional(reply.submission_id), ids)

    def submit_evidence(self, content: bytes) -> EvidenceAnswer:
        """Hands in a camt.054 notification, as the bank that wrote it."""
        reply = self._connection.call(self._stub.SubmitEvidence, pb.SubmitEvidenceRequest(content=content))
        return EvidenceAnswer(reply.credited, reply.suspended, reply.duplicates, reply.confirmed)

    def instructions(self, instruction_ids: Sequence[UUID], tenant_id: UUID | None = None) -> list[Instruction]:
        """Instructions by id, at most 1,000; unknown ids are left out."""
        request = pb.GetInstructionsRequest(tenant_id=_id(tenant_id), instruction_ids=to_bytes(instruction_ids))
        return [_instruction(each) for each in self._connection.call(self._stub.GetInstructions, request).instructions]

    def list_instructions(
        self,
        tenant_id: UUID | None = None,
        *,
        status: InstructionStatus | None = None,
        submission_id: UUID | None = None,
        newest_first: bool = False,
        from_ns: int = 0,
        until_ns: int = 0,
    ) -> Iterator[Instruction]:
        """All instructions in order of intake or the newest first, or those in one state or of one submission.

        Those taken in at or after `from_ns` and before `until_ns`, UTC nanoseconds, 0 for no bound; fetched page by
        page.
        """
        token = ""
        while True:
            request = pb.ListInstructionsRequest(
                tenant_id=_id(tenant_id),
                status=pb.InstructionStatus.ValueType(status or 0),
                page_size=_PAGE,
                page_token=token,
                submission_id=_id(submission_id),
                newest_first=newest_first,
                from_ns=from_ns,
                until_ns=until_ns,
            )
            page = self._connection.call(self._stub.ListInstructions, request)
            yield from map(_instruction, page.instructions)
            if not (token := page.next_page_token):
                return

    def decide(
        self, instruction_ids: Sequence[UUID], decision: Decision, note: str = "", tenant_id: UUID | None = None
    ) -> list[InstructionState]:
        """Approves, rejects or cancels instructions, at most 1,000; an approver is never the maker."""
        request = pb.DecideInstructionsRequest(
            tenant_id=_id(tenant_id),
            instruction_ids=to_bytes(instruction_ids),
            decision=pb.Decision.ValueType(decision),
            note=note,
        )
        return _states(self._connection.call(self._stub.DecideInstructions, request).states)

    def cancel(self, instruction_ids: Sequence[UUID], note: str = "") -> list[InstructionState]:
        """Withdraws one's own instructions, at most 1,000, before they are handed to the bank."""
        request = pb.CancelInstructionsRequest(instruction_ids=to_bytes(instruction_ids), note=note)
        return _states(self._connection.call(self._stub.CancelInstructions, request).states)

    def watch(
        self, after_position: int = 0, submission_id: UUID | None = None, *, seconds: float | None = None
    ) -> Iterator[Changes]:
        """Follows the states that the platform's instructions reach, across restarts of the service.

        Begins after a position, 0 for all that ever was, and ends after `seconds`, by default never.
        """

        def request_after(last: pb.WatchInstructionsResponse | None) -> pb.WatchInstructionsRequest:
            position = last.position if last is not None else after_position
            return pb.WatchInstructionsRequest(after_position=position, submission_id=_id(submission_id))

        for reply in self._connection.stream(self._stub.WatchInstructions, request_after, seconds):
            yield Changes(reply.position, _states(reply.states))

    def import_sanctions_list(
        self,
        list_name: str,
        list_format: ListFormat,
        content: bytes,
        published_ns: int,
        parts: Mapping[ListPart, bytes] | None = None,
        *,
        sha256: bytes = b"",
        part_sha256: Mapping[ListPart, bytes] | None = None,
    ) -> ImportedList:
        """Brings an edition of a list into force, as an operator.

        One that lacks much waits for a second person, and so does a publisher's file without an end mark: in a
        list's first edition always, later unless its SHA-256 is given as the publisher states it.
        """
        request = pb.ImportSanctionsListRequest(
            list_name=list_name,
            format=pb.SanctionsListFormat.ValueType(list_format),
            content=content,
            published_ns=published_ns,
            parts=sanctions.files(parts or {}, part_sha256 or {}),
            sha256=sha256,
        )
        return sanctions.imported(self._connection.call(self._stub.ImportSanctionsList, request))

    def confirm_sanctions_list(self, list_name: str, note: str) -> UUID:
        """Proposes that a quiet list is still its publisher's; once another operator confirms, its age counts anew."""
        request = pb.ConfirmSanctionsListRequest(list_name=list_name, note=note)
        return UUID(bytes=self._connection.call(self._stub.ConfirmSanctionsList, request).proposal_id)

    def retire_sanctions_list(self, list_name: str, note: str) -> UUID:
        """Proposes to use a list no more; another operator confirms."""
        request = pb.RetireSanctionsListRequest(list_name=list_name, note=note)
        return UUID(bytes=self._connection.call(self._stub.RetireSanctionsList, request).proposal_id)

    def sanctions_lists(self) -> list[SanctionsList]:
        """The lists in force, by name."""
        answer = self._connection.call(self._stub.ListSanctionsLists, pb.ListSanctionsListsRequest())
        return sanctions.lists(answer)

    def hits(self, tenant_id: UUID, instruction_id: UUID) -> PaymentHits:
        """Which entries of lists name somebody in a payment, as an operator; none of one that has ended."""
        request = pb.ShowHitsRequest(tenant_id=tenant_id.bytes, instruction_id=instruction_id.bytes)
        return sanctions.hits(self._connection.call(self._stub.ShowHits, request))

    def release_hits(self, tenant_id: UUID, instruction_ids: Sequence[UUID], note: str) -> UUID:
        """Proposes, as an operator, to let payments go on that a list has stopped; a second operator confirms.

        Returns the proposal's id.
        """
        request = pb.ReleaseHitsRequest(
            tenant_id=tenant_id.bytes, instruction_ids=[each.bytes for each in instruction_ids], note=note
        )
        return UUID(bytes=self._connection.call(self._stub.ReleaseHits, request).proposal_id)


def _id(identifier: UUID | None) -> bytes:
    return identifier.bytes if identifier else b""


def _order(new: NewInstruction) -> pb.NewInstruction:
    return pb.NewInstruction(
        id=new.id.bytes,
        end_to_end_id=new.end_to_end_id,
        debtor_iban=new.debtor_iban,
        creditor_iban=new.creditor_iban,
        creditor_name=new.creditor_name,
        amount_minor=new.amount_minor,
        currency=new.currency,
        remittance=new.remittance,
        ultimate_debtor_name=new.ultimate_debtor_name,
        ultimate_creditor_name=new.ultimate_creditor_name,
        uetr=new.uetr,
        instruction_identification=new.instruction_identification,
        charge_bearer=pb.ChargeBearer.ValueType(new.charge_bearer or 0),
        purpose=particulars.code(new.purpose),
        structured_remittance=map(particulars.remittance, new.structured_remittance),
        creditor_address=addresses.message(new.creditor_address),
        creditor_agent=particulars.agent(new.creditor_agent),
        creditor_account=particulars.account(new.creditor_account),
    )


def _states(states: Sequence[pb.InstructionState]) -> list[InstructionState]:
    return [state_of(each) for each in states]


def state_of(read: pb.InstructionState) -> InstructionState:
    """How an instruction stands, as read."""
    return InstructionState(
        UUID(bytes=read.instruction_id), InstructionStatus(read.status), read.reason, read.iso_reason_code
    )


def _instruction(read: pb.Instruction) -> Instruction:
    order = NewInstruction(
        id=UUID(bytes=read.order.id),
        end_to_end_id=read.order.end_to_end_id,
        debtor_iban=read.order.debtor_iban,
        creditor_iban=read.order.creditor_iban,
        creditor_name=read.order.creditor_name,
        amount_minor=read.order.amount_minor,
        currency=read.order.currency,
        remittance=read.order.remittance,
        instruction_identification=read.order.instruction_identification,
    )
    return Instruction(
        order,
        state_of(read.state),
        UUID(bytes=read.submission_id),
        optional(read.transfer_id),
        read.received_ns,
        read.changed_ns,
        optional(read.maker_id),
        optional(read.approver_id),
        read.uetr,
        optional(read.debtor_account_id),
        optional(read.creditor_account_id),
        [(each.path, each.text) for each in read.carried],
    )
