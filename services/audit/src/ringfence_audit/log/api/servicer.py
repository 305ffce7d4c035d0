"""The log's methods of AuditService: each checks the request, records the read, answers as of where the log stood."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.rpc import bounds
from ringfence_kernel.service.heavy import InThreads
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_protos.audit.v1 import audit_pb2

from ringfence_audit.log.api import mapping
from ringfence_audit.log.application.differences import Differences
from ringfence_audit.log.application.looks import Call, Looks
from ringfence_audit.log.application.ports import Marks
from ringfence_audit.log.application.queries import Queries
from ringfence_audit.log.application.seeing import current_sight
from ringfence_audit.log.application.sources import Comparison, Feed, compare
from ringfence_audit.log.application.texts import Texts
from ringfence_audit.log.domain.checkpoint import SourceHead
from ringfence_audit.log.domain.sight import Sight
from ringfence_audit.log.domain.state import GENESIS, LogPosition
from ringfence_audit.log.domain.texts import Opening, may_commit

Listed = Callable[[Sight, int, int, int], Awaitable[list[tuple[int, bytes]]]]


class LogServicer:
    """What a regulator reads of the log itself: each call that shows facts is a leaf before it is answered.

    Checkpoints, and proofs that one extends another, show none: to poll them leaves the log as it is.
    """

    def __init__(
        self,
        looks: Looks,
        queries: Queries,
        feeds: Mapping[str, Feed],
        marks: Marks,
        texts: Texts,
        heavily: InThreads,
        listed: Listed,
    ) -> None:
        """Serves these; `listed` gives the leaves that a reader of some platforms is shown."""
        self._looks = looks
        self._queries = queries
        self._feeds = feeds
        self._texts = texts
        self._heavily = heavily
        self._listed = listed
        self._differences = {source: Differences(feed, marks) for source, feed in feeds.items()}

    async def GetCheckpoint(
        self, request: audit_pb2.GetCheckpointRequest, context: Any
    ) -> audit_pb2.GetCheckpointResponse:
        """Answers the latest signed checkpoint; raises CheckpointPending before the first."""
        stood = await self._looks.standing()
        signed = stood.signed_head()
        # How far sources have come, of all platforms, is not for who is shown some of these.
        is_whole = current_sight().is_whole
        return audit_pb2.GetCheckpointResponse(
            checkpoint=signed.note,
            source_heads=[mapping.source_head(head) for head in signed.heads] if is_whole else [],
            state_receipt=await asyncio.to_thread(self._queries.state_receipt, signed) if is_whole else "",
            key_receipts=await asyncio.to_thread(self._queries.key_receipts, stood) if stood.rotations else [],
        )

    async def GetReceipt(self, request: audit_pb2.GetReceiptRequest, context: Any) -> audit_pb2.GetReceiptResponse:
        """Answers a leaf, its receipt and its texts; raises LeafUnknown, CheckpointPending, LogDamaged."""
        index = bounds.number("leaf_index", request.leaf_index, minimum=0, maximum=mapping.MAX_INDEX)
        read = partial(self._receipt, index, sight=current_sight(), reader=current_caller().subject)
        leaf, proof, openings = await self._looks.answered(
            Call(mapping.look(request.look), "GetReceipt", {"leaf_index": index}),
            self._looks.ahead(lambda stood: asyncio.to_thread(read, stood)),
            lambda shown: [(index, shown[0])],
        )
        return audit_pb2.GetReceiptResponse(leaf=leaf, proof=proof, openings=mapping.openings(openings))

    def _receipt(
        self, index: int, stood: LogPosition, sight: Sight, reader: bytes
    ) -> tuple[bytes, str, Sequence[Opening]]:
        if not sight.is_whole:
            self._queries.require_shown(index, stood, sight, reader)
        leaf, proof = self._queries.receipt(index, stood)
        return leaf, proof, self._texts.of_leaves([index] if may_commit(leaf) else []).get(index, [])

    async def GetConsistencyProof(
        self, request: audit_pb2.GetConsistencyProofRequest, context: Any
    ) -> audit_pb2.GetConsistencyProofResponse:
        """Answers the proof between two sizes; raises LeafUnknown where the log is shorter."""
        old, new = request.from_size, request.to_size
        if not old <= new <= mapping.MAX_INDEX:
            raise InvalidArgument("from_size must not exceed to_size", field="from_size")
        path = await asyncio.to_thread(self._queries.consistency_proof, old, new, await self._looks.standing())
        return audit_pb2.GetConsistencyProofResponse(path=path)

    async def ListLeaves(self, request: audit_pb2.ListLeavesRequest, context: Any) -> audit_pb2.ListLeavesResponse:
        """Answers leaves in order, empty at the end; raises LogDamaged where a stored event was changed."""
        first = bounds.number("from_index", request.from_index, minimum=0, maximum=mapping.MAX_INDEX)
        limit = bounds.page("limit", request.limit, default=1_000, maximum=10_000)
        look, query = mapping.look(request.look), {"from_index": first, "limit": limit}
        stood, sight = await self._looks.viewed(look, "ListLeaves", query), current_sight()
        if not sight.is_whole:
            found = await self._listed(sight, first, limit, stood.signed_head().size)
        else:
            found = await self._heavily(self._queries.list_leaves, first, limit, stood)
        await self._looks.called(look, stood, found)
        return audit_pb2.ListLeavesResponse(leaves=mapping.leaves(found))

    async def VerifySources(
        self, request: audit_pb2.VerifySourcesRequest, context: Any
    ) -> audit_pb2.VerifySourcesResponse:
        """Compares each source with what the log took over from it."""
        query = {"recompute": int(request.recompute)}
        stood = await self._looks.record_read(current_caller().subject, "VerifySources", query)
        logged = [stood.heads.get(name, SourceHead(name, 1, 0, GENESIS)) for name in sorted(self._feeds)]
        compared = await asyncio.gather(*(self._compare(head, recompute=request.recompute) for head in logged))
        return audit_pb2.VerifySourcesResponse(sources=[mapping.comparison(each) for each in compared])

    async def _compare(self, logged: SourceHead, *, recompute: bool) -> Comparison:
        first = self._differences[logged.source].first
        return await compare(self._feeds[logged.source], first, logged, recompute=recompute)
