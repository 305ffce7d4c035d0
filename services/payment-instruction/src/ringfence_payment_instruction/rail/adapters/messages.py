"""Rows of sealed messages in PostgreSQL: those that wait for the bank to have them, and those that came from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from ringfence_kernel.store import EventStore
from ringfence_kernel.store.recorder import Within

from ringfence_payment_instruction.rail.application.ports import Outcome, Sealed

# A message that was decided on twice, as after a restore, is the later one as long as the bank has neither.
PUT = """
INSERT INTO rail_outbox AS held (message_id, wrapped_key, envelope) VALUES (%s, %s, %b)
ON CONFLICT (message_id) DO UPDATE SET wrapped_key = excluded.wrapped_key, envelope = excluded.envelope
    WHERE held.delivered_at IS NULL
"""
# Also for one that was decided on before there was an outbox.
DELIVERED = """
INSERT INTO rail_outbox AS held (message_id, delivered_at, receipt)
SELECT message_id, clock_timestamp(), %s FROM unnest(%s::text[]) AS message_id
ON CONFLICT (message_id) DO UPDATE
    SET wrapped_key = NULL, envelope = NULL, delivered_at = excluded.delivered_at, receipt = excluded.receipt
    WHERE held.delivered_at IS NULL
"""
KEPT = "SELECT wrapped_key, envelope FROM rail_outbox WHERE message_id = %s"
KEEP = "INSERT INTO rail_received (file, wrapped_key, envelope) VALUES (%s, %s, %b) ON CONFLICT DO NOTHING"
OUTCOME = "SELECT outcome FROM rail_received WHERE file = %s"
UNDECIDED = "SELECT file FROM rail_received WHERE outcome IS NULL ORDER BY received_at, file"
LOAD = "SELECT wrapped_key, envelope FROM rail_received WHERE file = %s AND outcome IS NULL"
DECIDE = """
UPDATE rail_received SET wrapped_key = NULL, envelope = NULL, outcome = %s, decided_at = clock_timestamp()
WHERE file = %s AND outcome IS NULL
"""


@dataclass(frozen=True, slots=True)
class OutboxTable:
    """The Outbox port."""

    store: EventStore

    def put(self, message_id: str, sealed: Sealed) -> Within:
        """Returns what keeps a message, inside a commit."""

        def write(connection: psycopg.Connection[Any]) -> None:
            connection.execute(PUT, (message_id, sealed.wrapped_key, sealed.envelope))

        return write

    def load(self, message_id: str) -> Sealed | None:
        """Returns a message that waits, None once the bank has it; raises KeyError for one that was never kept."""
        with self.store.connection() as connection:
            row = connection.execute(KEPT, (message_id,)).fetchone()
        if row is None:
            raise KeyError(message_id)
        return None if row["envelope"] is None else Sealed(row["wrapped_key"], bytes(row["envelope"]))

    def delivered(self, message_ids: Sequence[str], receipt: str) -> Within:
        """Returns what records the receipt of messages, inside a commit."""
        ids = sorted(message_ids)

        def write(connection: psycopg.Connection[Any]) -> None:
            connection.execute(DELIVERED, (receipt, ids))

        return write


@dataclass(frozen=True, slots=True)
class ReceivedTable:
    """The Received port."""

    store: EventStore

    def outcome(self, file_id: bytes) -> Outcome | None:
        """Returns what became of a file; raises KeyError for one that is not kept."""
        with self.store.connection() as connection:
            row = connection.execute(OUTCOME, (UUID(bytes=file_id),)).fetchone()
        if row is None:
            raise KeyError(file_id.hex())
        return Outcome(row["outcome"]) if row["outcome"] else None

    def keep(self, file_id: bytes, sealed: Sealed) -> None:
        """Keeps a file; once kept, does nothing."""
        with self.store.connection() as connection:
            connection.execute(KEEP, (UUID(bytes=file_id), sealed.wrapped_key, sealed.envelope))

    def undecided(self) -> list[bytes]:
        """Returns the files on which nothing is decided, in order of arrival."""
        with self.store.connection() as connection:
            return [row["file"].bytes for row in connection.execute(UNDECIDED)]

    def load(self, file_id: bytes) -> Sealed:
        """Returns a file on which nothing is decided; raises KeyError."""
        with self.store.connection() as connection:
            row = connection.execute(LOAD, (UUID(bytes=file_id),)).fetchone()
        if row is None:
            raise KeyError(file_id.hex())
        return Sealed(row["wrapped_key"], bytes(row["envelope"]))

    def decide(self, file_id: bytes, outcome: Outcome) -> None:
        """Records what became of a file; the first decision stands."""
        with self.store.connection() as connection:
            connection.execute(DECIDE, (outcome.value, UUID(bytes=file_id)))
