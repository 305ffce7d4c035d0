"""The search of AuditService, with the texts that the facts found commit to."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from ringfence_protos.audit.v1 import audit_pb2

from ringfence_audit.log.api import mapping
from ringfence_audit.log.application.texts import Texts


class Search(Protocol):
    """Finds leaves."""

    async def Search(self, request: audit_pb2.SearchRequest, context: Any) -> audit_pb2.SearchResponse:
        """Answers leaves without their texts."""


class OpenedSearch:
    """What a regulator finds, in words: the search has recorded the read before it comes here."""

    def __init__(self, search: Search, texts: Texts) -> None:
        self._search, self._texts = search, texts

    async def Search(self, request: audit_pb2.SearchRequest, context: Any) -> audit_pb2.SearchResponse:
        """Finds facts; raises as the search does."""
        response = await self._search.Search(request, context)
        texts = await asyncio.to_thread(self._texts.of_leaves, [leaf.index for leaf in response.leaves])
        for leaf in response.leaves:
            leaf.openings.extend(mapping.openings(texts.get(leaf.index, [])))
        return response
