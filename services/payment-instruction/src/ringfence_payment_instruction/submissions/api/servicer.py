"""PaymentInstructionService: checks bounds, maps, calls one handler, maps back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from ringfence_kernel.rpc import bounds
from ringfence_kernel.rpc.caller import current_caller
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as pb
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2_grpc

from ringfence_payment_instruction.approvals.application import Decisions, tenant_for
from ringfence_payment_instruction.deposits.application.receiving import EvidenceIntake
from ringfence_payment_instruction.rail.application.inbox import read_notification
from ringfence_payment_instruction.reads.application.queries import Queries
from ringfence_payment_instruction.screening.application.importing import ListImport
from ringfence_payment_instruction.submissions.api import mapping
from ringfence_payment_instruction.submissions.application.receiving import Intake
from ringfence_payment_instruction.submissions.domain.submission import MAX_INSTRUCTIONS

MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_IDS = 1_000
MAX_NOTE = 280
MAX_LIST_NAME = 64
MAX_POSITION = 2**63 - 1


@dataclass(frozen=True, slots=True)
class PaymentInstructionServicer(payment_instruction_pb2_grpc.PaymentInstructionServiceServicer):
    """Serves the proto over the application's handlers."""

    intake: Intake
    evidence: EvidenceIntake
    decisions: Decisions
    lists: ListImport
    queries: Queries

    async def SubmitInstructions(
        self, request: pb.SubmitInstructionsRequest, context: Any
    ) -> pb.SubmitInstructionsResponse:
        """Takes in a batch."""
        submission_id = bounds.identifier("submission_id", request.submission_id)
        bounds.size("instructions", len(request.instructions), minimum=1, maximum=MAX_INSTRUCTIONS)
        orders = [mapping.order(each) for each in request.instructions]
        submitter = mapping.submitter(current_caller())
        views = await self.intake.submit_batch(submitter, submission_id, orders)
        return pb.SubmitInstructionsResponse(states=mapping.states(views))

    async def SubmitFile(self, request: pb.SubmitFileRequest, context: Any) -> pb.SubmitFileResponse:
        """Takes in a pain.001."""
        bounds.size("content", len(request.content), minimum=1, maximum=MAX_FILE_BYTES)
        answer = await self.intake.submit_file(mapping.submitter(current_caller()), request.content)
        return pb.SubmitFileResponse(
            status_report=answer.status_report,
            submission_id=answer.submission_id,
            instruction_ids=answer.instruction_ids,
        )

    async def SubmitEvidence(self, request: pb.SubmitEvidenceRequest, context: Any) -> pb.SubmitEvidenceResponse:
        """Takes in a camt.054."""
        bounds.size("content", len(request.content), minimum=1, maximum=MAX_FILE_BYTES)
        file = await read_notification(self.intake.files, request.content)
        counts = await self.evidence.hand_in(mapping.submitter(current_caller()), file)
        return pb.SubmitEvidenceResponse(
            credited=counts.credited,
            suspended=counts.suspended,
            duplicates=counts.duplicates,
            confirmed=counts.confirmed,
        )

    async def GetInstructions(self, request: pb.GetInstructionsRequest, context: Any) -> pb.GetInstructionsResponse:
        """Returns instructions by id."""
        tenant = _tenant(request.tenant_id)
        views = await self.queries.get(tenant, _identifiers(request.instruction_ids))
        return pb.GetInstructionsResponse(instructions=map(mapping.instruction, views))

    async def ListInstructions(self, request: pb.ListInstructionsRequest, context: Any) -> pb.ListInstructionsResponse:
        """Returns a page of instructions."""
        tenant = _tenant(request.tenant_id)
        views, after = await self.queries.page(
            tenant,
            status=bounds.number("status", request.status, minimum=0, maximum=max(pb.InstructionStatus.values())),
            submission_id=bounds.optional_identifier("submission_id", request.submission_id),
            size=bounds.page("page_size", request.page_size, default=100, maximum=1_000),
            after=mapping.page_start(request.page_token),
        )
        return pb.ListInstructionsResponse(
            instructions=map(mapping.instruction, views), next_page_token=mapping.page_token(after)
        )

    async def DecideInstructions(
        self, request: pb.DecideInstructionsRequest, context: Any
    ) -> pb.DecideInstructionsResponse:
        """Approves, rejects or cancels."""
        tenant = _tenant(request.tenant_id)
        if request.decision not in mapping.DIRECTIVES:
            raise InvalidArgument("decision must be given", field="decision")
        ids = _identifiers(request.instruction_ids)
        note = bounds.text("note", request.note, minimum=0, maximum=MAX_NOTE)
        decider = mapping.submitter(current_caller())
        views = await self.decisions.decide(decider, tenant, ids, mapping.DIRECTIVES[request.decision], note)
        return pb.DecideInstructionsResponse(states=mapping.states(views))

    async def WatchInstructions(
        self, request: pb.WatchInstructionsRequest, context: Any
    ) -> AsyncIterator[pb.WatchInstructionsResponse]:
        """Streams the states that the tenant's instructions reach."""
        tenant = _tenant(b"")
        after = bounds.number("after_position", request.after_position, minimum=0, maximum=MAX_POSITION)
        submission_id = bounds.optional_identifier("submission_id", request.submission_id)
        async for change in self.queries.watch(tenant, after, submission_id):
            yield pb.WatchInstructionsResponse(position=change.position, states=mapping.states(change.states))

    async def ImportSanctionsList(
        self, request: pb.ImportSanctionsListRequest, context: Any
    ) -> pb.ImportSanctionsListResponse:
        """Imports a sanctions list."""
        name = bounds.text("list_name", request.list_name, maximum=MAX_LIST_NAME)
        list_format = bounds.number("format", request.format, minimum=1, maximum=max(pb.SanctionsListFormat.values()))
        bounds.size("content", len(request.content), minimum=1, maximum=MAX_FILE_BYTES)
        published_ns = bounds.number("published_ns", request.published_ns, minimum=1, maximum=MAX_POSITION)
        caller = mapping.submitter(current_caller())
        names, bad_lines = await self.lists.import_list(caller, name, list_format, request.content, published_ns)
        return pb.ImportSanctionsListResponse(names=names, bad_lines=bad_lines)


def _tenant(wanted: bytes) -> bytes:
    """Returns the tenant that the caller may ask about: permission comes before existence."""
    return tenant_for(mapping.submitter(current_caller()), bounds.optional_identifier("tenant_id", wanted))


def _identifiers(values: Any) -> list[bytes]:
    bounds.size("instruction_ids", len(values), minimum=1, maximum=MAX_IDS)
    return [bounds.identifier("instruction_ids", value) for value in values]
