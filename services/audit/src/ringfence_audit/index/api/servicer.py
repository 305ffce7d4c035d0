"""The search of AuditService: checks the request, records the read, answers under the latest checkpoint."""

from __future__ import annotations

import asyncio
from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.projecting.projector import Projector
from ringfence_kernel.service.heavy import InThreads
from ringfence_protos.audit.v1 import audit_pb2

from ringfence_audit.index.api.mapping import AnswerInput, SearchInput
from ringfence_audit.index.application.answering import Answering
from ringfence_audit.index.application.queries import Queries
from ringfence_audit.index.domain.errors import SearchBehind
from ringfence_audit.log.application.commands import RecordRead

SEARCH_CATCH_UP_SECONDS = 5.0
MOST_NOT_INDEXED = 65_536
"""Leaves that a search looks through rather than wait: a merge of large runs holds the index up for seconds."""


class SearchServicer:
    """What a regulator finds by ids and times; a search that is not malformed is a leaf before it is answered."""

    def __init__(self, record_read: RecordRead, queries: Queries, index: Projector, heavily: InThreads) -> None:
        self._record_read = record_read
        self._queries = queries
        self._index = index
        self._heavily = heavily

    async def Search(self, request: audit_pb2.SearchRequest, context: Any) -> audit_pb2.SearchResponse:
        """Finds facts under the latest checkpoint, so that each can be proven; raises SearchBehind."""
        asked = SearchInput.read(request)
        stood = await self._record_read(current_caller().subject, "Search", asked.recorded())
        query = asked.query(stood.signed_head().size)
        if await self._heavily(self._queries.not_indexed, query.until_leaf) > MOST_NOT_INDEXED:
            await self.caught_up(query.until_leaf)
        found = await self._heavily(self._queries.search, query)
        leaves = [audit_pb2.Leaf(index=index, content=content) for index, content in found.leaves]
        response = audit_pb2.SearchResponse(leaves=leaves)
        if found.next_leaf is not None:
            response.next_page_token = asked.question.token(found.next_leaf, query.until_leaf)
        return response

    async def caught_up(self, until_leaf: int) -> None:
        """Waits until every leaf below an index can be found; raises SearchBehind."""
        if not until_leaf:
            return
        position = await asyncio.to_thread(self._queries.position_of, until_leaf - 1)
        try:
            async with asyncio.timeout(SEARCH_CATCH_UP_SECONDS):
                await self._index.reached(position)
        except TimeoutError:
            raise SearchBehind(position=str(position)) from None


class AnswerServicer:
    """All that the log has about a subject, proven to be all; an answer is a leaf before it is given."""

    def __init__(self, record_read: RecordRead, answering: Answering, heavily: InThreads) -> None:
        self._record_read = record_read
        self._answering = answering
        self._heavily = heavily

    async def GetAnswer(self, request: audit_pb2.GetAnswerRequest, context: Any) -> audit_pb2.GetAnswerResponse:
        """Answers under the latest checkpoint; raises IndexPending, IndexMoved, IndexDamaged, LogDamaged."""
        asked = AnswerInput.read(request)
        stood = await self._record_read(current_caller().subject, "GetAnswer", asked.recorded())
        arguments = asked.subject, asked.from_leaf, asked.until_leaf, stood.signed_head()
        found = await self._heavily(self._answering.answer, *arguments)
        return audit_pb2.GetAnswerResponse(answer=found.content, next_leaf=found.next_leaf)
