"""The books' methods of AuditService: record the read, answer what the log's leaves come to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.projecting.projector import Projector
from ringfence_kernel.rpc import bounds
from ringfence_kernel.sealing.bounded_cache import BoundedCache
from ringfence_kernel.service.heavy import InThreads
from ringfence_kernel.values.ids import new_id
from ringfence_protos.audit.v1 import audit_pb2

from ringfence_audit.books.application.ports import Closed, Closings, Custody, Past, PastBooks
from ringfence_audit.books.application.proving import Proving
from ringfence_audit.books.domain.errors import BooksBehind, BooksUnknown
from ringfence_audit.books.domain.figures import Books
from ringfence_audit.log.api.mapping import look
from ringfence_audit.log.application.looks import Looks
from ringfence_audit.log.application.seeing import current_sight
from ringfence_audit.log.domain.leaf import Value

CATCH_UP_SECONDS = 5.0
SHOWN_AGAIN_SECONDS, MOST_SHOWN = 10.0, 8
"""All books as a page had them are shown again to the next for so long, of so many choices of books: each costs a fold
of up to a million leaves."""
MAX_LEDGER, MAX_NS = 999, (1 << 63) - 1
Keys = tuple[tuple[bytes, int], ...]


class BooksServicer:
    """What regulators and auditors ask of books; each question is a leaf before it is answered."""

    def __init__(
        self,
        looks: Looks,
        closings: Closings,
        past: Past,
        proving: Proving,
        custody: Custody,
        projector: Projector,
        heavily: InThreads,
        folding: asyncio.Lock,
    ) -> None:
        """Serves these; the projector is that of the books' tables, and one fold at a time is made under `folding`."""
        self._looks, self._closings, self._past = looks, closings, past
        self._proving, self._custody, self._projector, self._heavily = proving, custody, projector, heavily
        self._folding = folding
        self._shown: BoundedCache[Keys, tuple[float, int, list[Books]]] = BoundedCache(MOST_SHOWN)

    async def GetBooks(self, request: audit_pb2.GetBooksRequest, context: Any) -> audit_pb2.GetBooksResponse:
        """Computes books; see the proto. Raises CheckpointPending, BooksBehind, BooksUnknown."""
        tenant, ledger = _platform(request)
        until_ns = bounds.number("at_ns", request.at_ns, minimum=0, maximum=MAX_NS) or MAX_NS
        account = bounds.optional_identifier("account_id", request.account_id)
        query: dict[str, Value | None] = {"tenant_id": tenant, "ledger": ledger, "account_id": account}
        query["at_ns"] = request.at_ns or None
        stood = await self._looks.viewed(look(request.look), "GetBooks", query)
        size, seen = stood.signed_head().size, _seen(tenant)
        await self._caught_up(size)
        closed = await self._heavily(self._closings.last, seen, ledger, size, until_ns)
        async with self._folding:
            past = await self._heavily(self._past.books, seen, ledger, account, size, until_ns)
            proof = await self._heavily(self._proving.of, account, closed, stood) if account else b""
        if not past.books.accounts:
            raise BooksUnknown
        return _answered(past, closed, proof)

    async def every(self, keys: Sequence[tuple[bytes, int]], context: Any) -> tuple[int, list[Books]]:
        """Computes the books of platforms and currencies as they stand, for a page, and over how many leaves they are.

        They may be as they stood some seconds ago. Raises CheckpointPending, BooksBehind.
        """
        stood = await self._looks.record_read(current_caller().subject, "GetBooks", {})
        size = stood.signed_head().size
        await self._caught_up(size)
        asked = tuple(keys)
        async with self._folding:
            shown = self._shown.get(asked)
            if shown is None or shown[1] > size or time.monotonic() - shown[0] > SHOWN_AGAIN_SECONDS:
                shown = time.monotonic(), size, await self._heavily(self._past.every, asked, size)
                self._shown.put(asked, shown)
        return shown[1:]

    async def DemandBooks(self, request: audit_pb2.DemandBooksRequest, context: Any) -> audit_pb2.DemandBooksResponse:
        """Has custody close books; see the proto. Raises BooksUnknown, CustodyAway."""
        tenant, ledger = _platform(request)
        demand = bounds.identifier("demand_id", request.demand_id)
        query: dict[str, Value | None] = {"tenant_id": tenant, "ledger": ledger, "demand_id": demand}
        await self._looks.record_read(current_caller().subject, "DemandBooks", query)
        return audit_pb2.DemandBooksResponse(position=await self._custody.close(_seen(tenant), ledger, demand))

    async def _caught_up(self, size: int) -> None:
        """Waits until the tables show all leaves below an index."""
        position = await asyncio.to_thread(self._closings.position_below, size)
        try:
            async with asyncio.timeout(CATCH_UP_SECONDS):
                await self._projector.reached(position)
        except TimeoutError:
            raise BooksBehind(position=str(position)) from None


def _platform(request: audit_pb2.GetBooksRequest | audit_pb2.DemandBooksRequest) -> tuple[bytes, int]:
    tenant = bounds.identifier("tenant_id", request.tenant_id)
    return tenant, bounds.number("ledger", request.ledger, minimum=1, maximum=MAX_LEDGER)


def _seen(tenant: bytes) -> bytes:
    """Gives the platform, or one that there is not in place of one that the caller is not shown: it costs the same."""
    return tenant if current_sight().covers(tenant) else new_id()


def _answered(past: PastBooks, closed: Closed | None, proof: bytes) -> audit_pb2.GetBooksResponse:
    books = past.books
    answer = audit_pb2.GetBooksResponse(
        size=past.size,
        accounts=books.accounts,
        balances_root=books.balances_root,
        classes=[
            audit_pb2.ClassTotals(account_class=name, totals=books.totals[name].packed())
            for name in sorted(books.totals)
        ],
        is_covered=books.is_covered,
        balances_minor=past.balances or (),
        balance_proof=proof,
    )
    if closed is not None:
        answer.closing.CopyFrom(_closing(closed))
    return answer


def _closing(closed: Closed) -> audit_pb2.BooksClosing:
    position, root = closed.stated.get("as_of_position"), closed.stated.get("balances_root")
    return audit_pb2.BooksClosing(
        leaf_index=closed.leaf,
        position=position + 1 if isinstance(position, int) else 0,
        closed_ns=closed.closed_ns,
        is_same=closed.is_same,
        balances_root=root if isinstance(root, bytes) else b"",
    )
