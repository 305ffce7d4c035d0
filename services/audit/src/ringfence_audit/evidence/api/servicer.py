"""The proof's method of AuditService: records the read, answers what was found as of where the log stood."""

from __future__ import annotations

import asyncio
from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.projecting.projector import Projector
from ringfence_kernel.rpc import bounds
from ringfence_kernel.rpc.page_tokens import Question
from ringfence_kernel.service.heavy import InThreads
from ringfence_protos.audit.v1 import audit_pb2

from ringfence_audit.evidence.application.ports import Findings, Found
from ringfence_audit.evidence.domain.bookings import Flaw
from ringfence_audit.evidence.domain.errors import ProofBehind
from ringfence_audit.evidence.domain.state import State
from ringfence_audit.log.application.commands import RecordRead
from ringfence_audit.log.application.seeing import current_sight
from ringfence_audit.log.domain.sight import Sight

PROOF_CATCH_UP_SECONDS = 5.0


class EvidenceServicer:
    """What a regulator reads of transfers that the bank's word does not justify."""

    def __init__(
        self, record_read: RecordRead, findings: Findings, state: State, proof: Projector, heavily: InThreads
    ) -> None:
        self._record_read = record_read
        self._findings = findings
        self._state = state
        self._proof = proof
        self._heavily = heavily

    async def ListUnprovenTransfers(
        self, request: audit_pb2.ListUnprovenTransfersRequest, context: Any
    ) -> audit_pb2.ListUnprovenTransfersResponse:
        """Answers the findings in order of the log; raises ProofBehind."""
        tenant = bounds.optional_identifier("tenant_id", request.tenant_id)
        limit = bounds.page("page_size", request.page_size, default=100, maximum=1_000)
        question = Question(request, integers=2)
        place = question.place()
        judged, sight = self._state.judged, current_sight()
        stood = await self._record_read(current_caller().subject, "ListUnprovenTransfers", {"tenant_id": tenant})
        await self._caught_up()
        seen = sight.platforms
        wanted = seen if tenant is None else {tenant} if sight.covers(tenant) else set()
        found = await self._heavily(self._findings.find, wanted, place, limit)
        counts = await self._heavily(self._findings.counts, seen)
        if not sight.is_whole:
            judged = stood.size if counts.first_open is None else counts.first_open
        response = audit_pb2.ListUnprovenTransfersResponse(
            transfers=[_unproven(each, sight) for each in found], judged_leaves=judged, open=counts.open
        )
        if len(found) == limit:
            response.next_page_token = question.token(found[-1].booking.leaf, found[-1].booking.move)
        return response

    async def _caught_up(self) -> None:
        """Waits until the tables show all that was committed before the read."""
        position = (await asyncio.to_thread(self._proof.store.head)).position
        try:
            async with asyncio.timeout(PROOF_CATCH_UP_SECONDS):
                await self._proof.reached(position)
        except TimeoutError:
            raise ProofBehind(position=str(position)) from None


def _unproven(found: Found, sight: Sight) -> audit_pb2.UnprovenTransfer:
    booking, flaw = found.booking, found.flaw
    if flaw is Flaw.OTHER_TENANT and not sight.is_whole:
        flaw = Flaw.ENTRY_UNKNOWN  # of its own platforms there is none
    return audit_pb2.UnprovenTransfer(
        leaf_index=booking.leaf,
        flaw=flaw.value,  # type: ignore[arg-type]
        move=booking.move.value,  # type: ignore[arg-type]
        tenant_id=booking.tenant,
        transfer_id=booking.transfer,
        amount_minor=booking.amount_minor,
        ledger=booking.ledger,
        time_ns=booking.time_ns,
        evidence_sha256=booking.file or b"",
        entry_id=booking.entry or b"",
        feed_id=booking.feed or b"",
    )
