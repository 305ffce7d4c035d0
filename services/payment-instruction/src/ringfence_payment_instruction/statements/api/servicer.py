"""StatementService: files of banks in parts, and what people decide about them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.rpc import bounds
from ringfence_kernel.rpc.page_tokens import Question
from ringfence_protos.payment_instruction.v1 import events_pb2
from ringfence_protos.payment_instruction.v1 import statements_pb2 as pb
from ringfence_protos.payment_instruction.v1.statements_pb2_grpc import StatementServiceServicer

from ringfence_payment_instruction.statements.application.decisions import StatementDecisions, Why
from ringfence_payment_instruction.statements.application.receiving import StatementReceiving
from ringfence_payment_instruction.statements.domain.by_people import Candidate, InDoubt
from ringfence_payment_instruction.statements.domain.events import BROUGHT_FORWARD, VOIDED
from ringfence_payment_instruction.statements.domain.exceptions import OpenException
from ringfence_payment_instruction.statements.domain.movements import Chain
from ringfence_payment_instruction.statements.domain.statement import Statement
from ringfence_payment_instruction.statements.domain.told import EPOCH, ReferenceKind
from ringfence_payment_instruction.submissions.api import mapping

MAX_FILE_BYTES = 128 * 1024 * 1024
MAX_PART_BYTES = 1024 * 1024
MAX_PAGE, DEFAULT_PAGE = 1_000, 100
MAX_NOTE, DIGEST_BYTES = 280, 32
_KINDS = {each: pb.ReferenceKind.Value(f"REFERENCE_KIND_{each.name}") for each in ReferenceKind}


@dataclass(frozen=True, slots=True)
class StatementServicer(StatementServiceServicer):
    """Serves what banks and operators ask."""

    receiving: StatementReceiving
    decisions: StatementDecisions

    async def SubmitStatement(
        self, requests: AsyncIterator[pb.SubmitStatementRequest], context: Any
    ) -> pb.SubmitStatementResponse:
        """Takes in a file; no more of it is read than a file may have."""
        content = bytearray()
        async for each in requests:
            bounds.size("content", len(each.content), minimum=1, maximum=MAX_PART_BYTES)
            content += each.content
            bounds.size("content", len(content), maximum=MAX_FILE_BYTES)
        counts = await self.receiving.hand_in(current_caller(), bytes(content))
        return pb.SubmitStatementResponse(
            credited=counts.credited,
            suspended=counts.suspended,
            duplicates=counts.duplicates,
            confirmed=counts.confirmed,
            held=counts.held,
            excepted=counts.excepted,
            staged=counts.staged,
        )

    async def ListStatementExceptions(
        self, request: pb.ListStatementExceptionsRequest, context: Any
    ) -> pb.ListStatementExceptionsResponse:
        """Shows a page of exceptions."""
        tenant, mirror = _account(request)
        most = bounds.page("page_size", request.page_size, default=DEFAULT_PAGE, maximum=MAX_PAGE)
        question = Question(request, tenant_id=tenant)
        (after,) = question.place()
        found = await self.decisions.list_exceptions(tenant, mirror, after, most + 1)
        last = found[most - 1].position if len(found) > most else 0
        return pb.ListStatementExceptionsResponse(
            exceptions=[_exception(each) for each in found[:most]], next_page_token=question.token(last)
        )

    async def ShowStatementException(
        self, request: pb.ShowStatementExceptionRequest, context: Any
    ) -> pb.ShowStatementExceptionResponse:
        """Shows what an exception says beside what was known."""
        tenant, mirror = _account(request)
        found = await self.decisions.show_exception(tenant, mirror, bounds.identifier("telling_id", request.telling_id))
        return pb.ShowStatementExceptionResponse(
            exception=_exception(found.exception),
            telling=_telling(found.statement) if found.statement else None,
            chain=_chain(found.last) if found.last else None,
            booked_minor=found.booked_minor,
        )

    async def ListHeldEntries(self, request: pb.ListHeldEntriesRequest, context: Any) -> pb.ListHeldEntriesResponse:
        """Shows a page of entries in doubt."""
        tenant, mirror = _account(request)
        most = bounds.page("page_size", request.page_size, default=DEFAULT_PAGE, maximum=MAX_PAGE)
        question = Question(request, integers=2, tenant_id=tenant)
        after = b"".join([each.to_bytes(8) for each in question.place()])
        found = await self.decisions.list_doubts(tenant, mirror, after, most + 1)
        last = found[most - 1][0].id if len(found) > most else bytes(16)
        at = int.from_bytes(last[:8]), int.from_bytes(last[8:])
        return pb.ListHeldEntriesResponse(
            entries=[_held(*each) for each in found[:most]], next_page_token=question.token(*at)
        )

    async def WorkOffException(self, request: pb.WorkOffExceptionRequest, context: Any) -> pb.WorkOffExceptionResponse:
        """Proposes to work an exception off."""
        tenant, mirror = _account(request)
        telling = bounds.identifier("telling_id", request.telling_id)
        outcome = bounds.number("outcome", request.outcome, minimum=BROUGHT_FORWARD, maximum=VOIDED)
        if outcome == events_pb2.EXCEPTION_OUTCOME_REPLACED:
            bounds.number("outcome", 0, minimum=BROUGHT_FORWARD, maximum=VOIDED)
        proposal = await self.decisions.work_off(tenant, mirror, telling, outcome, _why(request), current_caller())
        return pb.WorkOffExceptionResponse(proposal_id=proposal)

    async def DecideHeldEntry(self, request: pb.DecideHeldEntryRequest, context: Any) -> pb.DecideHeldEntryResponse:
        """Proposes what an entry in doubt is."""
        tenant, mirror = _account(request)
        entry = bounds.identifier("entry_id", request.entry_id)
        movement = bounds.optional_identifier("movement_id", request.movement_id) or bytes(16)
        proposal = await self.decisions.decide(tenant, mirror, entry, movement, _why(request), current_caller())
        return pb.DecideHeldEntryResponse(proposal_id=proposal)


def _account(request: Any) -> tuple[bytes, bytes]:
    return mapping.tenant(request.tenant_id), bounds.identifier("mirror_id", request.mirror_id)


def _why(request: Any) -> Why:
    bounds.size("document_sha256", len(request.document_sha256), minimum=DIGEST_BYTES, maximum=DIGEST_BYTES)
    return Why(request.document_sha256, bounds.text("note", request.note, minimum=1, maximum=MAX_NOTE))


def _exception(found: OpenException) -> pb.StatementException:
    return pb.StatementException(
        telling_id=found.telling,
        kind=events_pb2.FaultKind.ValueType(found.kind),
        text=found.text,
        digest=found.digest,
        first_day=found.first_day,
        last_day=found.last_day,
        recorded_at_ns=found.recorded_ns,
    )


def _telling(found: Statement) -> pb.TellingHeading:
    heading = found.heading
    stated = [each.currency for each in (heading.opening, heading.closing) if each]
    said = {heading.currency, *stated, *(each.currency for each in found.entries)} - {""}
    shown = pb.TellingHeading(
        format=heading.format,
        account=str(heading.account),
        currency=", ".join(sorted(said)),
        first_day=(heading.first_day - EPOCH).days if heading.first_day else 0,
        last_day=(heading.last_day - EPOCH).days if heading.last_day else 0,
        moved_minor=found.moved_minor,
        entries=len(found.entries),
        electronic_sequence=heading.electronic_sequence or 0,
        legal_sequence=heading.legal_sequence or 0,
    )
    if heading.opening is not None:
        shown.opening_minor = heading.opening.amount_minor
    if heading.closing is not None:
        shown.closing_minor = heading.closing.amount_minor
    return shown


def _chain(last: Chain) -> pb.KnownChain:
    return pb.KnownChain(
        last_day=last.last_day,
        closing_minor=last.closing_minor,
        electronic_sequence=last.electronic_sequence,
        legal_sequence=last.legal_sequence,
    )


def _held(found: InDoubt, beside: Sequence[Candidate]) -> pb.HeldEntry:
    return pb.HeldEntry(
        entry_id=found.id,
        doubt=events_pb2.EntryDoubt.ValueType(found.doubt),
        day=found.told.day,
        amount_minor=found.told.amount_minor,
        incoming=found.told.incoming,
        reversal=found.told.reversal,
        movement_ids=found.movements,
        candidates=map(_candidate, beside),
    )


def _candidate(found: Candidate) -> pb.HeldCandidate:
    told = found.told
    return pb.HeldCandidate(
        movement_id=found.id,
        day=told.day,
        amount_minor=told.amount_minor,
        incoming=told.incoming,
        reversal=told.reversal,
        shared=[_KINDS[each] for each in found.shared],
        differing=[_KINDS[each] for each in found.differing],
        transactions=told.transactions,
    )
