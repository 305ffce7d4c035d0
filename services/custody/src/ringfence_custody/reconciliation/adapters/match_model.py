"""Fills the tables of matches and statements with the events, and answers from them before decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from psycopg.rows import tuple_row
from ringfence_kernel.store import EventStore
from ringfence_kernel.store.arrays import Uuids
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.store.recorder import Insertion
from ringfence_kernel.values.columns import split_ids, unpack
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.inline import InlineModel

from ringfence_custody.reconciliation.application.ports import BreakStep, MatchedAmounts, MatchedPair, MatchLines
from ringfence_custody.reconciliation.domain.breaks import Status, begun, gone_on
from ringfence_custody.reconciliation.domain.events import (
    BreakDetected,
    BreakReopened,
    BreakStepped,
    LinesMatched,
    MatchUndone,
    StatementNoted,
)
from ringfence_custody.reconciliation.domain.lines import LINE, Records
from ringfence_custody.reconciliation.domain.mirror import Statement

MATCHED = (
    "INSERT INTO matches (book, mirror, match, movement, transfer, amount_minor, position, day, version, stage,"
    " confidence) SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::uuid[], %b::uuid[], %b::bigint[],"
    " %b::bigint[], %b::int[], %b::int[], %b::smallint[], %b::smallint[]) ON CONFLICT DO NOTHING"
)
UNDONE = "INSERT INTO matches_undone SELECT * FROM unnest(%b::uuid[]) ON CONFLICT DO NOTHING"
NOTED = (
    "INSERT INTO noted_statements (book, mirror, telling, position, opening_minor, closing_minor, noted_ns, first_day,"
    " last_day) SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::bigint[], %b::bigint[], %b::bigint[],"
    " %b::bigint[], %b::int[], %b::int[]) ON CONFLICT DO NOTHING"
)
# How far the tables have come, not where the feed stands: what is not there by then is not known to be new.
REACHED = "SELECT coalesce((SELECT position FROM cursors WHERE name = 'projection:matches'), 0)"
AMOUNTS = """
SELECT uuid_send(movement), sum(amount_minor)::bigint FROM (
    SELECT DISTINCT match, movement, amount_minor FROM matches found
    WHERE movement = ANY(%b::uuid[]) AND book = %b AND mirror = %b
        AND NOT EXISTS (SELECT FROM matches_undone undone WHERE undone.match = found.match)
) AS once GROUP BY movement
"""
POSITION = """
SELECT position FROM matches found WHERE match = %b AND book = %b AND mirror = %b
    AND NOT EXISTS (SELECT FROM matches_undone undone WHERE undone.match = found.match) LIMIT 1
"""
PAGE = """
SELECT uuid_send(match), uuid_send(movement), uuid_send(transfer), stage, version, confidence, day, amount_minor,
    EXISTS (SELECT FROM matches_undone undone WHERE undone.match = found.match)
FROM matches found
WHERE book = %b AND mirror = %b AND day = %b AND (match, movement, transfer) > (%b, %b, %b)
ORDER BY match, movement, transfer LIMIT %b
"""
STATEMENT = """
SELECT uuid_send(telling), first_day, last_day, opening_minor, closing_minor, noted_ns FROM noted_statements
WHERE book = %b AND mirror = %b AND first_day <= %b AND last_day >= %b ORDER BY position DESC LIMIT 1
"""


class MatchesModel(InlineModel):
    """One row per pair, undone match and statement."""

    name = "matches"
    tables: Sequence[str] = ("matches", "matches_undone", "noted_statements")

    def insertions(self, recorded: Sequence[Recorded]) -> list[Insertion]:
        """Returns what writes the rows of these events."""
        undone = [each.event.match for each in recorded if isinstance(each.event, MatchUndone)]
        return [
            *(_matched(each.event, each.position) for each in recorded if isinstance(each.event, LinesMatched)),
            *([Insertion(UNDONE, [Uuids(undone)])] if undone else []),
            *(_noted(each) for each in recorded if isinstance(each.event, StatementNoted)),
        ]


def _matched(event: LinesMatched, position: int) -> Insertion:
    lines, count = np.frombuffer(event.movements, LINE), len(event.stages)
    columns: list[object] = [
        Uuids([event.book] * count),
        Uuids([event.mirror] * count),
        *(Uuids(split_ids(each)) for each in (event.match_ids, event.movement_ids, event.transfer_ids)),
        lines["amount_minor"].tolist(),
        [position] * count,
        lines["day"].tolist(),
        list(unpack("I", event.versions)),
        list(event.stages),
        list(event.confidences),
    ]
    return Insertion(MATCHED, columns)


def _noted(recorded: Recorded) -> Insertion:
    event: StatementNoted = recorded.event
    ids = [Uuids([each]) for each in (event.book, event.mirror, event.telling)]
    balances = [recorded.position, event.opening_minor, event.closing_minor, recorded.recorded_at_ns]
    return Insertion(NOTED, [*ids, *([each] for each in (*balances, event.first_day, event.last_day))])


@dataclass(frozen=True, slots=True)
class StoredMatches:
    """The Matches port over the tables and the event store."""

    store: EventStore
    codec: EventCodec

    def amounts(self, book: bytes, mirror: bytes, movements: Sequence[bytes]) -> MatchedAmounts:
        """Returns the amounts of movements that are matched."""
        with self.store.connection() as connection, connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            reached = cursor.execute(REACHED).fetchall()
            rows = cursor.execute(AMOUNTS, (Uuids(movements), UUID(bytes=book), UUID(bytes=mirror))).fetchall()
        return MatchedAmounts(reached[0][0], dict(rows))

    def lines(self, book: bytes, mirror: bytes, match: bytes) -> MatchLines:
        """Returns the lines of a match."""
        keys = UUID(bytes=match), UUID(bytes=book), UUID(bytes=mirror)
        with self.store.connection() as connection, connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            reached = cursor.execute(REACHED).fetchall()
            found = cursor.execute(POSITION, keys).fetchone()
        if found is None:
            return MatchLines(reached[0][0], b"", b"")
        (stored,) = self.store.read(found[0] - 1, 1)
        event, _ = self.codec.decode(stored.topic, stored.state)
        if not isinstance(event, LinesMatched):
            raise AssertionError("the position is that of the match")
        rows = [row for row, each in enumerate(split_ids(event.match_ids)) if each == match]
        sides = (np.frombuffer(each, LINE)[rows] for each in (event.movements, event.transfers))
        return MatchLines(reached[0][0], *(_once(each) for each in sides))

    def page(self, book: bytes, mirror: bytes, day: int, after: bytes, limit: int) -> list[MatchedPair]:
        """Returns pairs of a booking day in order of their match; `after` names the pair before, 48 bytes."""
        start = [UUID(bytes=each) for each in split_ids(after.ljust(48, b"\0"))]
        asked = (UUID(bytes=book), UUID(bytes=mirror), day, *start, limit)
        with self.store.connection() as connection, connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            return [MatchedPair(*row) for row in cursor.execute(PAGE, asked).fetchall()]

    def statement(self, book: bytes, mirror: bytes, day: int) -> Statement | None:
        """Returns the newest statement that covers a day."""
        asked = (UUID(bytes=book), UUID(bytes=mirror), day, day)
        with self.store.connection() as connection, connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            row = cursor.execute(STATEMENT, asked).fetchone()
        return None if row is None else Statement(*row)

    def break_life(self, identifier: bytes) -> list[BreakStep]:
        """Returns a break as each of its steps left it, the first step first."""
        life: list[BreakStep] = []
        # Any id may be asked for, a book's too, whose events are millions.
        for each in self.store.replay_begun_by(self.codec, identifier, BreakDetected):
            now_ns = each.recorded_at_ns
            if isinstance(each.event, BreakDetected):
                life.append(BreakStep(begun(identifier, each.event, Status.DETECTED, "", now_ns)))
            elif isinstance(each.event, BreakReopened):
                reopened = begun(identifier, each.event, Status.REOPENED, each.event.note, now_ns)
                life.append(BreakStep(reopened, each.event.actor))
            elif isinstance(each.event, BreakStepped) and life:
                life.append(BreakStep(gone_on(life[-1].now, each.event, now_ns), each.event.actor))
        return life


def _once(lines: Records) -> bytes:
    """Returns lines without repetitions and without the one of zeros."""
    kept = lines[np.sort(np.unique(lines["id"], axis=0, return_index=True)[1])]
    return bytes(kept[kept["id"].any(axis=1)].tobytes())
