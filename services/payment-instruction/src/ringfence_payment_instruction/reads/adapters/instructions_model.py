"""The tables for listing and following instructions: no personal data, all rebuilt from events."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import DictRow
from ringfence_kernel.projecting.projector import Projector
from ringfence_kernel.store import EventStore, Migration, event_store_migrations
from ringfence_kernel.store.codec import EventCodec, Recorded
from ringfence_kernel.values.columns import split_ids, unpack
from ringfence_kernel.values.ids import ID_BYTES

from ringfence_payment_instruction.reads.application.queries import Page
from ringfence_payment_instruction.submissions.domain.events import InstructionsAdvanced, InstructionsReceived
from ringfence_payment_instruction.submissions.domain.state import InstructionRef
from ringfence_payment_instruction.submissions.domain.status import Status

TABLES = """
-- One row per instruction; `received_position` and `instruction_index` are the order of intake.
CREATE TABLE instructions (
    stream uuid NOT NULL,
    instruction_index int NOT NULL,
    tenant uuid NOT NULL,
    submission_id uuid NOT NULL,
    instruction_id uuid NOT NULL,
    received_position bigint NOT NULL,
    debtor_account uuid NOT NULL,
    creditor_account uuid NOT NULL,
    creditor_blind_index bytea NOT NULL,
    amount_minor numeric(20) NOT NULL,
    ledger int NOT NULL,
    status smallint NOT NULL,
    reason text NOT NULL,
    changed_at_ns bigint NOT NULL,
    PRIMARY KEY (stream, instruction_index)
);
CREATE INDEX instructions_of_tenant ON instructions (tenant, received_position, instruction_index);
CREATE INDEX instructions_by_status ON instructions (tenant, status, received_position, instruction_index);

-- Which events are about which tenant, so that a tenant's followers skip everybody else's.
CREATE TABLE tenant_events (
    tenant uuid NOT NULL,
    position bigint NOT NULL,
    submission_id uuid,
    PRIMARY KEY (tenant, position)
);

REVOKE ALL ON instructions, tenant_events FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON instructions, tenant_events TO {application_role};
"""

_INSERT = (
    "COPY instructions (stream, instruction_index, tenant, submission_id, instruction_id, received_position,"
    " debtor_account, creditor_account, creditor_blind_index, amount_minor, ledger, status, reason, changed_at_ns)"
    " FROM STDIN"
)
_UPDATE = """
UPDATE instructions AS i SET status = u.status, reason = u.reason, changed_at_ns = u.changed_at_ns
FROM unnest(%b::uuid[], %b::int[], %b::smallint[], %b::text[], %b::bigint[])
    AS u (stream, instruction_index, status, reason, changed_at_ns)
WHERE i.stream = u.stream AND i.instruction_index = u.instruction_index
"""
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


def migrations() -> list[Migration]:
    """Returns the migrations of this service's database."""
    return [*event_store_migrations(), Migration(100, "instructions", TABLES)]


class InstructionsModel:
    """Fills the tables; a page of events is collapsed, so that an instruction is written once per page."""

    name = "instructions"
    tables: Sequence[str] = ("instructions", "tenant_events")

    def project(self, connection: psycopg.Connection[DictRow], recorded: Sequence[Recorded]) -> None:
        """Writes the rows of these events."""
        fresh: dict[tuple[bytes, int], list[Any]] = {}
        changed: dict[tuple[bytes, int], tuple[int, str, int]] = {}
        for each in recorded:
            if isinstance(each.event, InstructionsReceived):
                fresh |= _received(each)
            elif isinstance(each.event, InstructionsAdvanced):
                changed |= _advanced(each)
        for key, (status, reason, changed_at_ns) in list(changed.items()):
            if key in fresh:
                fresh[key][-3:] = [status, reason, changed_at_ns]
                del changed[key]
        _copy(connection, fresh)
        _update(connection, changed)
        _index(connection, recorded)


def _received(recorded: Recorded) -> dict[tuple[bytes, int], list[Any]]:
    event: InstructionsReceived = recorded.event
    stream, tenant, submission = UUID(bytes=recorded.stream), UUID(bytes=event.tenant), UUID(bytes=event.submission_id)
    columns = zip(
        split_ids(event.instruction_ids),
        split_ids(event.debtor_accounts),
        split_ids(event.creditor_accounts),
        split_ids(event.creditor_indexes),
        unpack("Q", event.amounts_minor),
        unpack("H", event.ledgers),
        strict=True,
    )
    at_ns = recorded.recorded_at_ns
    return {
        (recorded.stream, index): [
            stream, index, tenant, submission, UUID(bytes=instruction_id), recorded.position,
            UUID(bytes=debtor), UUID(bytes=creditor), blind_index, amount, ledger, int(Status.RECEIVED), "", at_ns,
        ]
        for index, (instruction_id, debtor, creditor, blind_index, amount, ledger) in enumerate(
            columns, start=event.first_index
        )
    }  # fmt: skip


def _advanced(recorded: Recorded) -> dict[tuple[bytes, int], tuple[int, str, int]]:
    event: InstructionsAdvanced = recorded.event
    rows = event.reason_rows or bytes(len(event.statuses))
    return {
        (recorded.stream, index): (status, event.reasons[row], recorded.recorded_at_ns)
        for index, status, row in zip(unpack("I", event.indexes), event.statuses, rows, strict=True)
    }


def _copy(connection: psycopg.Connection[DictRow], fresh: dict[tuple[bytes, int], list[Any]]) -> None:
    if not fresh:
        return
    with connection.cursor() as cursor, cursor.copy(_INSERT) as copy:
        for row in fresh.values():
            copy.write_row(row)


def _update(connection: psycopg.Connection[DictRow], changed: dict[tuple[bytes, int], tuple[int, str, int]]) -> None:
    if not changed:
        return
    connection.execute(
        _UPDATE,
        (
            [UUID(bytes=stream) for stream, _ in changed],
            [index for _, index in changed],
            [status for status, _, _ in changed.values()],
            [reason for _, reason, _ in changed.values()],
            [at_ns for _, _, at_ns in changed.values()],
        ),
    )


def _index(connection: psycopg.Connection[DictRow], recorded: Sequence[Recorded]) -> None:
    rows = [
        (UUID(bytes=each.event.tenant), each.position, _submission(each.event))
        for each in recorded
        if hasattr(each.event, "tenant")
    ]
    if rows:
        connection.execute(
            "INSERT INTO tenant_events SELECT * FROM unnest(%b::uuid[], %b::bigint[], %b::uuid[])",
            tuple(list(column) for column in zip(*rows, strict=True)),
        )


def _submission(event: Any) -> UUID | None:
    submission_id: bytes = getattr(event, "submission_id", b"")
    return UUID(bytes=submission_id) if len(submission_id) == ID_BYTES else None


class InstructionsReader:
    """The ReadModel port over the tables."""

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
        """Returns places in order of intake."""
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
        places = [InstructionRef(row["stream"].bytes, row["instruction_index"]) for row in rows[:size]]
        last = rows[size - 1] if len(rows) > size else None
        return Page(places, (last["received_position"], last["instruction_index"]) if last else None)

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
