"""Reads the tables for listing and following instructions."""

from __future__ import annotations

import asyncio
from uuid import UUID

from psycopg.rows import DictRow
from ringfence_kernel.projecting.projector import Projector
from ringfence_kernel.store import EventStore
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.values.recorded import Recorded

from ringfence_payment_instruction.reads.application.queries import Page
from ringfence_payment_instruction.submissions.domain.past import InstructionRef

_PAGE = """
SELECT stream, instruction_index, received_position FROM instructions
WHERE tenant = %(tenant)s AND (received_position, instruction_index) > (%(position)s, %(index)s)
    AND (%(status)s = 0 OR status = %(status)s)
    AND (%(submission)s::uuid IS NULL OR submission_id = %(submission)s::uuid)
ORDER BY received_position, instruction_index LIMIT %(limit)s
"""
_EVENTS = """
SELECT e.notification_id, e.originator_id, e.originator_version, e.topic, e.state
FROM tenant_events t JOIN stored_events e ON e.notification_id = t.position
WHERE t.tenant = %(tenant)s AND t.position > %(position)s
    AND (%(submission)s::uuid IS NULL OR t.submission_id = %(submission)s::uuid)
ORDER BY t.position LIMIT %(limit)s
"""


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

    def page(
        self, tenant: bytes, *, status: int, submission_id: bytes | None, size: int, after: tuple[int, int] | None
    ) -> Page:
        """Returns instructions in the order in which they were received."""
        position, index = after or (0, -1)
        arguments = {
            "tenant": UUID(bytes=tenant),
            "status": status,
            "submission": UUID(bytes=submission_id) if submission_id else None,
            "position": position,
            "index": index,
            "limit": size + 1,
        }
        with self._store.connection() as connection:
            rows = connection.execute(_PAGE, arguments).fetchall()
        refs = [InstructionRef(row["stream"].bytes, row["instruction_index"]) for row in rows[:size]]
        last = rows[size - 1] if len(rows) > size else None
        return Page(refs, (last["received_position"], last["instruction_index"]) if last else None)

    def events_after(self, tenant: bytes, position: int, submission_id: bytes | None, limit: int) -> list[Recorded]:
        """Returns a tenant's events after a position, in order."""
        arguments = {
            "tenant": UUID(bytes=tenant),
            "position": position,
            "submission": UUID(bytes=submission_id) if submission_id else None,
            "limit": limit,
        }
        with self._store.connection() as connection, connection.cursor(binary=True) as cursor:
            rows = cursor.execute(_EVENTS, arguments).fetchall()
        return [self._recorded(row) for row in rows]

    def _recorded(self, row: DictRow) -> Recorded:
        event, envelope = self._codec.decode(row["topic"], bytes(row["state"]))
        return Recorded(
            row["notification_id"],
            row["originator_id"].bytes,
            row["originator_version"],
            event,
            envelope.recorded_at_ns,
            envelope.traceparent,
        )
