"""Bringing sanctions lists into force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.rpc import bounds
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as pb

from ringfence_payment_instruction.screening.application.importing import ListImport

MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_LIST_NAME = 64
MAX_TIME_NS = 2**63 - 1


@dataclass(frozen=True, slots=True)
class ScreeningApi:
    """Imports sanctions lists."""

    lists: ListImport

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
