"""Millions of settled instructions: a real submission's events, over and over under fresh ids."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from ringfence_kernel.store import NewEvent, StoredEvent, save_cursor
from ringfence_kernel.values.ids import ID_BYTES, external_id, show
from ringfence_local_stack.servers.database import Database

from bench.filling.patterns import Pattern, PatternMissing, append, opened, pattern, recorded, require_stream

FRESH = frozenset({"digest", "debtor_sealed", "creditor_sealed"})
SHOWN = "projection:instructions"
"""Cursor of the tables for lists, which follow the events: they are told that they show the copies already."""


@dataclass(frozen=True)
class Submitted:
    """A submission that was really handed in and has settled: its tenant, its id, and those of its instructions."""

    tenant: UUID
    submission_id: UUID
    instruction_ids: list[UUID]


def fill(database: Database, submitted: Submitted, copies: int) -> UUID:
    """Appends so many copies while payment-instruction is down; returns the id of the last instruction.

    Raises PatternMissing.
    """
    last = submitted.instruction_ids[-1]
    with opened(database) as store:
        patterns = _patterns([each for each, fields in recorded(store) if _is_of(fields, submitted)], submitted)

        def events() -> Iterator[NewEvent]:
            nonlocal last
            for _ in range(copies):
                ids = _fresh_ids(submitted)
                last = UUID(bytes=ids[submitted.instruction_ids[-1].bytes])
                now_ns = time.time_ns()
                for each in patterns:
                    yield each.copy(ids, now_ns)

        append(store, events())
        with store.connection() as connection:
            save_cursor(connection, SHOWN, store.head())
    return last


def _is_of(fields: dict[str, object], submitted: Submitted) -> bool:
    return fields.get("submission_id") == submitted.submission_id.bytes


def _patterns(events: list[StoredEvent], submitted: Submitted) -> list[Pattern]:
    ids = [submitted.submission_id.bytes, *(each.bytes for each in submitted.instruction_ids)]
    found = [pattern(each, FRESH, ids) for each in events]
    if not found or not {name for each in found for name in each.fresh} >= FRESH:
        raise PatternMissing("the submission was not recorded as it used to be")
    for each in found:
        require_stream(each.stored, _stream(submitted.tenant, submitted.submission_id.bytes))
    return found


def _fresh_ids(submitted: Submitted) -> dict[bytes, bytes]:
    """Returns fresh ids in the place of those of the submission, its instructions and its stream."""
    rows = len(submitted.instruction_ids)
    drawn = os.urandom(ID_BYTES * (rows + 1))
    fresh = [drawn[at : at + ID_BYTES] for at in range(0, len(drawn), ID_BYTES)]
    ids = dict(zip([each.bytes for each in submitted.instruction_ids], fresh, strict=False))
    ids[submitted.submission_id.bytes] = fresh[-1]
    ids[_stream(submitted.tenant, submitted.submission_id.bytes)] = _stream(submitted.tenant, fresh[-1])
    return ids


def _stream(tenant: UUID, submission_id: bytes) -> bytes:
    return external_id("submission", tenant.bytes, show(submission_id))
