"""The search of AuditService: checks the request, records the read, answers under the latest checkpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ringfence_kernel.projecting.projector import Projector
from ringfence_kernel.service.heavy import InThreads
from ringfence_protos.audit.v1 import audit_pb2

from ringfence_audit.index.api.mapping import AnswerInput, SearchInput
from ringfence_audit.index.application.answering import Answered, Answering
from ringfence_audit.index.application.limited import LimitedQueries
from ringfence_audit.index.application.queries import Found, Queries, SearchQuery
from ringfence_audit.index.domain.errors import SearchBehind
from ringfence_audit.log.api import mapping
from ringfence_audit.log.application.looks import Call, Looks
from ringfence_audit.log.application.seeing import current_sight
from ringfence_audit.log.application.texts import Texts
from ringfence_audit.log.domain.sight import Sight
from ringfence_audit.log.domain.state import LogPosition
from ringfence_audit.log.domain.texts import Opening

SEARCH_CATCH_UP_SECONDS = 5.0
TEXT_BYTES, OPENING_BYTES = 512 * 1024, 64
"""Of an answer's texts, beside the 3 MiB that it has itself: 64 for what stands around each."""
MOST_NOT_INDEXED = 65_536
"""Leaves that a search looks through rather than wait: a merge of large runs holds the index up for seconds."""


@dataclass(frozen=True, slots=True)
class _Searched:
    """What a search has found below a leaf, and where that was asked for what proves it."""

    found: Found
    until_leaf: int
    checkpoint: str = ""
    proof: Sequence[bytes] = ()


class SearchServicer:
    """What a regulator finds by ids and times; a search that is not malformed is a leaf before it is answered."""

    def __init__(
        self, looks: Looks, queries: Queries, limited: LimitedQueries, index: Projector, heavily: InThreads
    ) -> None:
        self._looks = looks
        self._queries = queries
        self._limited = limited
        self._index = index
        self._heavily = heavily

    async def Search(self, request: audit_pb2.SearchRequest, context: Any) -> audit_pb2.SearchResponse:
        """Finds facts under the latest checkpoint, so that each can be proven; raises SearchBehind."""
        asked = SearchInput.read(request)
        subject = [asked.subject] if asked.subject else []
        made = await self._looks.answered(
            Call(asked.look, "Search", asked.recorded(), subject, f"{asked.place[0]} {asked.page_size}"),
            lambda stood: self._answer(asked, stood, prove=request.prove),
            lambda made: made.found.leaves,
        )
        leaves = [audit_pb2.Leaf(index=index, content=content) for index, content in made.found.leaves]
        response = audit_pb2.SearchResponse(leaves=leaves, checkpoint=made.checkpoint, proof=made.proof)
        if made.found.next_leaf is not None:
            response.next_page_token = asked.question.token(made.found.next_leaf, made.until_leaf)
        return response

    async def _answer(self, asked: SearchInput, stood: LogPosition, *, prove: bool) -> _Searched:
        signed, sight = stood.signed_head(), current_sight()
        query = asked.query(signed.size)
        if not sight.is_whole:
            await self.caught_up(query.until_leaf)
            found = await self._heavily(self._limited.search, query, sight)
        else:
            found = await self._searched(query)
        if not prove:
            return _Searched(found, query.until_leaf)
        proof = await self._heavily(self._queries.proof, found.leaves, signed)
        return _Searched(found, query.until_leaf, signed.note, proof)

    async def _searched(self, query: SearchQuery) -> Found:
        if await self._heavily(self._queries.not_indexed, query.until_leaf) > MOST_NOT_INDEXED:
            await self.caught_up(query.until_leaf)
        return await self._heavily(self._queries.search, query)

    async def listed(self, sight: Sight, from_leaf: int, limit: int, until_leaf: int) -> list[tuple[int, bytes]]:
        """Gives the leaves that a reader of some platforms is shown, in order; raises SearchBehind."""
        await self.caught_up(until_leaf)
        return await self._heavily(self._limited.list_leaves, sight, from_leaf, limit, until_leaf)

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
    """All that the log has about a subject, proven to be all, and in words; it is a leaf before it is given."""

    def __init__(self, looks: Looks, answering: Answering, texts: Texts, heavily: InThreads) -> None:
        self._looks = looks
        self._answering = answering
        self._texts = texts
        self._heavily = heavily

    async def GetAnswer(self, request: audit_pb2.GetAnswerRequest, context: Any) -> audit_pb2.GetAnswerResponse:
        """Answers under the latest checkpoint; raises IndexPending, IndexMoved, IndexDamaged, LogDamaged."""
        asked = AnswerInput.read(request)
        found, openings = await self._looks.answered(
            Call(asked.look, "GetAnswer", asked.recorded(), [asked.subject]),
            self._looks.ahead(lambda stood: self._heavily(self._in_words, asked, stood)),
            lambda made: made[0].facts,
        )
        return audit_pb2.GetAnswerResponse(
            answer=found.content,
            next_leaf=found.next_leaf,
            openings=[
                audit_pb2.FactOpenings(leaf_index=index, openings=mapping.openings(each))
                for index, each in openings.items()
            ],
        )

    def _in_words(self, asked: AnswerInput, stood: LogPosition) -> tuple[Answered, Mapping[int, Sequence[Opening]]]:
        """Gives an answer that is cut where the texts of its facts would be too long for one reply."""
        signed = stood.signed_head()
        found = self._answering.answer(asked.subject, asked.from_leaf, asked.until_leaf, signed)
        openings, size = dict[int, Sequence[Opening]](), 0
        for index, each in sorted(self._texts.of_leaves(found.indexes).items()):
            size += sum(len(opening.content) + OPENING_BYTES for opening in each)
            if openings and size > TEXT_BYTES:
                cut = self._answering.answer(asked.subject, asked.from_leaf, index, signed)
                return replace(cut, next_leaf=index), openings
            openings[index] = each
        return found, openings
