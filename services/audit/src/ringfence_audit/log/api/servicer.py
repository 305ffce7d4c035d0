"""AuditService: checks the request, records the read, answers as of where the log stood then."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ringfence_kernel.projecting.projector import Projector
from ringfence_kernel.rpc import bounds
from ringfence_kernel.rpc.caller import current_caller
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_protos.audit.v1 import audit_pb2, audit_pb2_grpc

from ringfence_audit.log.api import mapping
from ringfence_audit.log.application.commands import Keeper, Standing
from ringfence_audit.log.application.queries import Queries, signed_head
from ringfence_audit.log.application.sources import Feed, compare
from ringfence_audit.log.domain.checkpoint import SourceHead
from ringfence_audit.log.domain.errors import SearchBehind
from ringfence_audit.log.domain.leaf import Value
from ringfence_audit.log.domain.state import GENESIS

SEARCH_CATCH_UP_SECONDS = 5.0


class AuditServicer(audit_pb2_grpc.AuditServiceServicer):
    """The regulator's read API: every call that is not malformed is a leaf of the log before it is answered."""

    def __init__(self, keeper: Keeper, queries: Queries, search: Projector, feeds: Mapping[str, Feed]) -> None:
        self._keeper = keeper
        self._queries = queries
        self._search = search
        self._feeds = feeds

    async def GetCheckpoint(
        self, request: audit_pb2.GetCheckpointRequest, context: Any
    ) -> audit_pb2.GetCheckpointResponse:
        """Answers the latest signed checkpoint; raises CheckpointPending before the first."""
        signed = signed_head(await self._record("GetCheckpoint", {}))
        return audit_pb2.GetCheckpointResponse(
            checkpoint=signed.note, source_heads=[mapping.source_head(head) for head in signed.heads]
        )

    async def Search(self, request: audit_pb2.SearchRequest, context: Any) -> audit_pb2.SearchResponse:
        """Finds facts under the latest checkpoint, so that each can be proven; raises SearchBehind."""
        asked = mapping.SearchInput.read(request)
        signed = signed_head(await self._record("Search", asked.recorded()))
        query = asked.query(signed.size)
        if query.until_leaf:
            await self._caught_up(query.until_leaf - 1)
        found = await asyncio.to_thread(self._queries.search, query)
        response = audit_pb2.SearchResponse(leaves=mapping.leaves(found.leaves))
        if found.next_leaf is not None:
            response.next_page_token = mapping.PageToken(asked.digest, found.next_leaf, query.until_leaf).text()
        return response

    async def GetReceipt(self, request: audit_pb2.GetReceiptRequest, context: Any) -> audit_pb2.GetReceiptResponse:
        """Answers a leaf and its receipt; raises LeafUnknown, CheckpointPending, LogDamaged."""
        index = bounds.number("leaf_index", request.leaf_index, minimum=0, maximum=mapping.MAX_INDEX)
        standing = await self._record("GetReceipt", {"leaf_index": index})
        leaf, proof = await asyncio.to_thread(self._queries.receipt, index, standing)
        return audit_pb2.GetReceiptResponse(leaf=leaf, proof=proof)

    async def GetConsistencyProof(
        self, request: audit_pb2.GetConsistencyProofRequest, context: Any
    ) -> audit_pb2.GetConsistencyProofResponse:
        """Answers the proof between two sizes; raises LeafUnknown where the log is shorter."""
        old, new = request.from_size, request.to_size
        if not old <= new <= mapping.MAX_INDEX:
            raise InvalidArgument("from_size must not exceed to_size", field="from_size")
        standing = await self._record("GetConsistencyProof", {"from_size": old, "to_size": new})
        path = await asyncio.to_thread(self._queries.consistency_proof, old, new, standing)
        return audit_pb2.GetConsistencyProofResponse(path=path)

    async def ListLeaves(self, request: audit_pb2.ListLeavesRequest, context: Any) -> audit_pb2.ListLeavesResponse:
        """Answers leaves in order, empty at the end; raises LogDamaged where a stored event was changed."""
        first = bounds.number("from_index", request.from_index, minimum=0, maximum=mapping.MAX_INDEX)
        limit = bounds.page("limit", request.limit, default=1_000, maximum=10_000)
        standing = await self._record("ListLeaves", {"from_index": first, "limit": limit})
        found = await asyncio.to_thread(self._queries.list_leaves, first, limit, standing)
        return audit_pb2.ListLeavesResponse(leaves=mapping.leaves(found))

    async def VerifySources(
        self, request: audit_pb2.VerifySourcesRequest, context: Any
    ) -> audit_pb2.VerifySourcesResponse:
        """Compares each source with what the log took over from it."""
        standing = await self._record("VerifySources", {"recompute": int(request.recompute)})
        logged = [standing.heads.get(name, SourceHead(name, 1, 0, GENESIS)) for name in sorted(self._feeds)]
        compared = await asyncio.gather(
            *(compare(self._feeds[head.source], head, recompute=request.recompute) for head in logged)
        )
        return audit_pb2.VerifySourcesResponse(sources=[mapping.comparison(each) for each in compared])

    async def _record(self, method: str, query: Mapping[str, Value | None]) -> Standing:
        return await self._keeper.record_read(current_caller().subject, method, query)

    async def _caught_up(self, index: int) -> None:
        position = await asyncio.to_thread(self._queries.position_of, index)
        try:
            async with asyncio.timeout(SEARCH_CATCH_UP_SECONDS):
                await self._search.reached(position)
        except TimeoutError:
            raise SearchBehind(position=str(position)) from None
