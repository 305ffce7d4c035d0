"""The register of reads of AuditService: checks the request, records the read, answers under the latest checkpoint."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.rpc import bounds
from ringfence_kernel.rpc.page_tokens import Question
from ringfence_kernel.service.heavy import InThreads
from ringfence_protos.audit.v1 import audit_pb2

from ringfence_audit.log.api import mapping
from ringfence_audit.log.application.looks import Looks
from ringfence_audit.log.application.seeing import current_sight
from ringfence_audit.log.domain.leaf import Value
from ringfence_audit.reads.application.register import Asked, Register, Shown

CaughtUp = Callable[[int], Awaitable[None]]


class ReadsServicer:
    """Who has read what; to look at that is a read too."""

    def __init__(self, looks: Looks, register: Register, caught_up: CaughtUp, heavily: InThreads) -> None:
        """Serves these; `caught_up` waits until the index has all leaves below one."""
        self._looks, self._register = looks, register
        self._caught_up, self._heavily = caught_up, heavily

    async def ListReads(self, request: audit_pb2.ListReadsRequest, context: Any) -> audit_pb2.ListReadsResponse:
        """Answers reads, the newest first; raises SearchBehind."""
        tenant = bounds.optional_identifier("tenant_id", request.tenant_id)
        reader = bounds.optional_identifier("reader_id", request.reader_id)
        page_size = bounds.page("page_size", request.page_size, default=100, maximum=1_000)
        asked = audit_pb2.ListReadsRequest()
        asked.CopyFrom(request)
        asked.ClearField("look")  # a page goes on in another look too
        question = Question(asked)
        (before,) = question.place()
        caller = current_caller().subject
        query: dict[str, Value | None] = {"tenant_id": tenant, "reader_id": reader}
        look = mapping.look(request.look)
        stood = await self._looks.viewed(look, "ListReads", query, f"{before} {page_size}")
        size = stood.signed_head().size
        await self._caught_up(size)
        before = min(before or size, size)
        page = await self._heavily(
            self._register.page, Asked(caller, current_sight(), tenant, reader, before, page_size)
        )
        reads = [_read(each, caller) for each in page.reads]
        if tenant is None:
            await self._looks.called(look, stood, ids={each.reader_id for each in reads})
        return audit_pb2.ListReadsResponse(reads=reads, next_page_token=question.token(page.next_before))


def _read(shown: Shown, caller: bytes) -> audit_pb2.Read:
    read = shown.read
    return audit_pb2.Read(
        leaf_index=read.index,
        time_ns=read.time_ns,
        reader_id=read.reader,
        method=read.method,
        page=read.page,
        query=[audit_pb2.ReadQuery(name=name, value=_shown(value)) for name, value in read.query.items()],
        grant_id=read.grant,
        case_reference=shown.case_reference,
        is_own=read.reader == caller,
        reason=shown.reason,
    )


def _shown(value: Value) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
