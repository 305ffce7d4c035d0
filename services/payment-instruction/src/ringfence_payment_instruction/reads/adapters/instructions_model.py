"""Fills the tables for listing and following instructions: no personal data, all rebuilt from events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import DictRow
from ringfence_kernel.store.arrays import Uuids
from ringfence_kernel.values.columns import split_ids, unpack
from ringfence_kernel.values.recorded import Recorded

from ringfence_payment_instruction.submissions.domain.events import (
    InstructionsAdvanced,
    InstructionsReceived,
    SubmissionReceived,
)
from ringfence_payment_instruction.submissions.domain.status import Status

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


class InstructionsModel:
    """Fills the tables; a page of events is collapsed, so that an instruction is written once per page."""

    name = "instructions"
    tables: Sequence[str] = ("instructions", "submission_times", "tenant_events")

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
        _insert_times(connection, recorded)
        _insert_events(connection, recorded)


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
            Uuids([stream for stream, _ in changed]),
            [index for _, index in changed],
            [status for status, _, _ in changed.values()],
            [reason for _, reason, _ in changed.values()],
            [at_ns for _, _, at_ns in changed.values()],
        ),
    )


def _insert_times(connection: psycopg.Connection[DictRow], recorded: Sequence[Recorded]) -> None:
    rows = [
        (UUID(bytes=each.event.tenant), each.recorded_at_ns, each.position)
        for each in recorded
        if isinstance(each.event, SubmissionReceived)
    ]
    if rows:
        connection.execute(
            "INSERT INTO submission_times SELECT * FROM unnest(%b::uuid[], %b::bigint[], %b::bigint[])", _columns(rows)
        )


def _insert_events(connection: psycopg.Connection[DictRow], recorded: Sequence[Recorded]) -> None:
    """Writes where a tenant's events are; those of nobody's own, such as a list's, are in no tenant's feed."""
    tenants = [(getattr(each.event, "tenant", b""), each.position) for each in recorded]
    rows = [(UUID(bytes=tenant), position) for tenant, position in tenants if tenant]
    if rows:
        connection.execute("INSERT INTO tenant_events SELECT * FROM unnest(%b::uuid[], %b::bigint[])", _columns(rows))


def _columns(rows: Sequence[tuple[Any, ...]]) -> tuple[list[Any], ...]:
    return tuple(list(column) for column in zip(*rows, strict=True))
