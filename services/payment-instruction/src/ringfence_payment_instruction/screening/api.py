"""Bringing sanctions lists into force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.rpc import bounds
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as pb

from ringfence_payment_instruction.screening.application.importing import ListImport
from ringfence_payment_instruction.screening.application.releasing import HitReleases
from ringfence_payment_instruction.submissions.api import mapping

MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_LIST_NAME = 64
MAX_NOTE = 280
MAX_TIME_NS = 2**63 - 1


@dataclass(frozen=True, slots=True)
class ScreeningApi:
    """Imports sanctions lists, and lets go on what they have stopped."""

    lists: ListImport
    releases: HitReleases

    async def ReleaseHits(self, request: pb.ReleaseHitsRequest, context: Any) -> pb.ReleaseHitsResponse:
        """Proposes to let payments go on that a list has stopped."""
        tenant = bounds.identifier("tenant_id", request.tenant_id)
        ids = mapping.instruction_ids(request.instruction_ids)
        note = bounds.text("note", request.note, minimum=1, maximum=MAX_NOTE)
        proposal = await self.releases.propose(tenant, ids, note, current_caller())
        return pb.ReleaseHitsResponse(proposal_id=proposal)

    async def ImportSanctionsList(
        self, request: pb.ImportSanctionsListRequest, context: Any
    ) -> pb.ImportSanctionsListResponse:
        """Imports a sanctions list."""
        name = bounds.text("list_name", request.list_name, maximum=MAX_LIST_NAME)
        list_format = bounds.number("format", request.format, minimum=1, maximum=max(pb.SanctionsListFormat.values()))
        bounds.size("content", len(request.content), minimum=1, maximum=MAX_FILE_BYTES)
        published_ns = bounds.number("published_ns", request.published_ns, minimum=1, maximum=MAX_TIME_NS)
        caller = current_caller()
        names, bad_lines = await self.lists.import_list(caller, name, list_format, request.content, published_ns)
        return pb.ImportSanctionsListResponse(names=names, bad_lines=bad_lines)
