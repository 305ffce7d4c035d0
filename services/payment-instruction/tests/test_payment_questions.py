"""What a question to the tables costs: about a page, however many rows they have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from psycopg.rows import DictRow
from ringfence_kernel.projecting.projector import Projector
from ringfence_kernel.store import EventStore
from ringfence_local_stack.servers.database import Database
from ringfence_payment_instruction.modules import event_codec
from ringfence_payment_instruction.reads.adapters.instructions_model import InstructionsModel
from ringfence_payment_instruction.reads.adapters.instructions_reader import InstructionsReader
from ringfence_payment_instruction.reads.application.queries import Selection
from ringfence_payment_instruction.submissions.domain.status import Status
from ringfence_payment_instruction.submissions.domain.submission import stream_of

from .world import OTHER_TENANT, TENANT, an_id, migrate

SUBMISSIONS, ROWS = 200, 500
"""Of either tenant: 100,000 rows in all, each submission a microsecond after the one before."""
PAGE = 10
MOST_BLOCKS = 60
FILL = """
WITH made AS (
    SELECT s, p, s * 2 + p AS position,
        CASE WHEN s = %(named)s AND p = 1 THEN %(stream)s::uuid ELSE gen_random_uuid() END AS stream,
        (ARRAY[%(tenant)s, %(other)s]::uuid[])[p] AS tenant
    FROM generate_series(1, %(submissions)s / 2) s CROSS JOIN generate_series(1, 2) p
), times AS (INSERT INTO submission_times SELECT tenant, position * 1000, position FROM made)
, events AS (INSERT INTO tenant_events SELECT tenant, position FROM made)
INSERT INTO instructions
SELECT stream, i, tenant, stream, gen_random_uuid(), position, stream, stream, '', 1, 978,
    CASE WHEN i = 0 AND s = %(named)s THEN %(held)s ELSE %(settled)s END, '', 0
FROM made CROSS JOIN generate_series(0, %(rows)s - 1) i
"""


class ExplainedReader(InstructionsReader):
    """A reader that keeps how many blocks its questions touched and by which kinds of scan."""

    blocks = 0
    scans: frozenset[str] = frozenset()

    def _ask(self, question: str, arguments: dict[str, Any]) -> list[DictRow]:
        (row,) = super()._ask("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) " + question, arguments)
        plan = row["QUERY PLAN"][0]["Plan"]
        self.blocks += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        self.scans |= set(_kinds(plan))
        return super()._ask(question, arguments)


def _kinds(plan: dict[str, Any]) -> Iterator[str]:
    yield plan["Node Type"]
    for part in plan.get("Plans", ()):
        yield from _kinds(part)


@pytest.fixture(scope="module")
def reader(database: Callable[[str], Database]) -> Iterator[ExplainedReader]:
    """A reader of full tables, of which PostgreSQL knows nothing yet."""
    migrated = migrate(database("payment-instruction"))
    store = EventStore(migrated.app_conninfo, settle_seconds=5)
    with store.connection() as connection:
        connection.execute(
            FILL,
            {
                "tenant": TENANT.hex(), "other": OTHER_TENANT.hex(), "submissions": SUBMISSIONS, "rows": ROWS,
                "named": SUBMISSIONS // 4, "stream": stream_of(TENANT, an_id("s")).hex(),
                "held": int(Status.HELD), "settled": int(Status.SETTLED),
            },
        )  # fmt: skip
    yield ExplainedReader(store, event_codec(), Projector(store, event_codec(), InstructionsModel()))
    store.close()


MIDDLE = SUBMISSIONS // 2 * 1000
QUESTIONS: list[tuple[dict[str, Any], int]] = [
    ({}, PAGE),
    ({"status": Status.SETTLED}, PAGE),
    ({"status": Status.HELD}, 1),
    ({"status": Status.SENT}, 0),
    ({"submission_id": an_id("s")}, PAGE),
    ({"submission_id": an_id("s"), "status": Status.HELD}, 1),
    ({"submission_id": an_id("none")}, 0),
    ({"from_ns": MIDDLE}, PAGE),
    ({"until_ns": MIDDLE}, PAGE),
    ({"from_ns": MIDDLE, "until_ns": MIDDLE + 500}, 0),
    ({"from_ns": 2**62}, 0),
    ({"status": Status.SETTLED, "from_ns": MIDDLE}, PAGE),
    ({"status": Status.HELD, "until_ns": MIDDLE}, 0),
]


@pytest.mark.parametrize("analyzed", [False, True])
def test_no_question_reads_a_table_through(reader: ExplainedReader, analyzed: bool) -> None:
    """Every question, in both directions, touches few blocks and sorts nothing, with statistics and without."""
    if analyzed:
        with reader._store.connection() as connection:
            connection.execute("ANALYZE")
    for asked, count in QUESTIONS:
        for newest_first in (False, True):
            selection = Selection(newest_first=newest_first, **asked)
            page = reader.page(TENANT, selection, PAGE, None)
            assert len(page.refs) == count, asked
            _require_cheap(reader, asked)
            if page.next_after:
                reader.page(TENANT, selection, PAGE, page.next_after)
                _require_cheap(reader, asked)
    for submission in (None, an_id("s")):
        reader.events_after(TENANT, SUBMISSIONS - 2 * PAGE, submission, PAGE)
        _require_cheap(reader, submission)


def _require_cheap(reader: ExplainedReader, asked: object) -> None:
    assert not reader.scans & {"Seq Scan", "Sort", "Incremental Sort", "Bitmap Heap Scan", "Hash Join"}, asked
    assert reader.blocks <= MOST_BLOCKS, (asked, reader.blocks)
    reader.blocks, reader.scans = 0, frozenset()
