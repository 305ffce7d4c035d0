"""Reads the tables for listing and following instructions."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from ringfence_kernel.projecting.plans import PREDICTABLE
from ringfence_kernel.projecting.projector import Projector
from ringfence_kernel.store import EventStore
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.values.recorded import Recorded

from ringfence_payment_instruction.reads.adapters import instructions_sql as sql
from ringfence_payment_instruction.reads.application.queries import Page, Selection
from ringfence_payment_instruction.reads.domain import InstructionsBehind
from ringfence_payment_instruction.submissions.domain.past import InstructionRef
from ringfence_payment_instruction.submissions.domain.submission import stream_of

BEHIND_SECONDS = 5.0


class InstructionsReader:
    """The Reader port over the tables."""

    def __init__(self, store: EventStore, codec: EventCodec, projector: Projector) -> None:
        """Reads the service's own database, which `projector` keeps up to date."""
        self._store, self._codec, self._projector = store, codec, projector

    @property
    def position(self) -> int:
        """How far the tables have come."""
        return self._projector.position

    async def moved(self, position: int, seconds: float) -> None:
        """Returns once the tables are beyond a position, or after so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._projector.reached(position + 1)
        except TimeoutError:
            pass

    async def reached(self, position: int) -> None:
        """Waits until the tables show everything up to a position; raises InstructionsBehind."""
        try:
            async with asyncio.timeout(BEHIND_SECONDS):
                await self._projector.reached(position)
        except TimeoutError:
            raise InstructionsBehind from None

    def page(self, tenant: bytes, selection: Selection, size: int, after: tuple[int, int] | None) -> Page:
        """Returns instructions in the order in which they were received, or the reverse."""
        order = sql.DOWN if selection.newest_first else sql.UP
        low, high = self._bounds(tenant, selection, after)
        arguments = {
            "tenant": UUID(bytes=tenant),
            "status": selection.status,
            "stream": _stream(tenant, selection.submission_id),
            "low_position": low[0], "low_index": low[1], "high_position": high[0], "high_index": high[1],
            "first": after[1] + 1 if after and not selection.newest_first else 0,
            "last": after[1] - 1 if after and selection.newest_first else sql.END,
            "limit": size + 1,
        }  # fmt: skip
        rows = self._ask(_question(selection).format(order=order), arguments)
        refs = [InstructionRef(row["stream"].bytes, row["instruction_index"]) for row in rows[:size]]
        last = rows[size - 1] if len(rows) > size else None
        return Page(refs, (last["received_position"], last["instruction_index"]) if last else None)

    def _bounds(
        self, tenant: bytes, selection: Selection, after: tuple[int, int] | None
    ) -> tuple[tuple[int, int], tuple[int, int]]:
        """Returns the places before and after what may be shown."""
        low = self._instruction_at(tenant, selection.from_ns) if selection.from_ns else (0, -1)
        high = self._instruction_at(tenant, selection.until_ns) if selection.until_ns else (sql.END, -1)
        if after and selection.newest_first:
            return low, min(high, after)
        return max(low, after) if after else low, high

    def _instruction_at(self, tenant: bytes, time_ns: int) -> tuple[int, int]:
        """Returns the place before everything that was taken in at a time or later."""
        rows = self._ask(sql.POSITION_AT, {"tenant": UUID(bytes=tenant), "time_ns": time_ns})
        return rows[0]["position"] if rows else sql.END, -1

    def events_after(self, tenant: bytes, position: int, submission_id: bytes | None, limit: int) -> list[Recorded]:
        """Returns a tenant's events after a position, in order."""
        arguments = {
            "tenant": UUID(bytes=tenant),
            "position": position,
            "stream": _stream(tenant, submission_id),
            "limit": limit,
        }
        rows = self._ask(sql.EVENTS_OF_SUBMISSION if submission_id else sql.EVENTS, arguments)
        return [self._recorded(row) for row in rows]

    def _ask(self, question: str, arguments: dict[str, Any]) -> list[DictRow]:
        """Returns the rows that answer a question."""
        with self._store.connection() as connection, connection.transaction():
            connection.execute(PREDICTABLE)
            return connection.execute(question.encode(), arguments, binary=True).fetchall()

    def _recorded(self, row: DictRow) -> Recorded:
        stream, version = row["originator_id"].bytes, row["originator_version"]
        return self._codec.recorded(row["notification_id"], stream, version, row["topic"], bytes(row["state"]))


def _question(selection: Selection) -> str:
    if selection.submission_id:
        return sql.BY_SUBMISSION
    return sql.BY_STATUS if selection.status else sql.ALL


def _stream(tenant: bytes, submission_id: bytes | None) -> UUID | None:
    return UUID(bytes=stream_of(tenant, submission_id)) if submission_id else None
