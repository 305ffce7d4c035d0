"""The table of payments of the last days: filled with the events, and asked before payments go on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from psycopg.rows import tuple_row
from ringfence_kernel.store import EventStore
from ringfence_kernel.store.arrays import Uuids
from ringfence_kernel.store.recorder import Insertion
from ringfence_kernel.values.columns import split_ids
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.inline import InlineModel

from ringfence_payment_instruction.limits.application.ports import MOST_EACH, Question
from ringfence_payment_instruction.submissions.domain.events import InstructionsReceived
from ringfence_payment_instruction.submissions.domain.past import InstructionRef
from ringfence_payment_instruction.submissions.domain.tallies import day_of

KEPT_DAYS = 31
"""The longest that a payment may be looked back for."""
EVENTS_BETWEEN_CLEARINGS = 1_000
INSERT = "INSERT INTO recent_payments SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::int[], %b::bigint[], %b::int[])"
CLEAR = "DELETE FROM recent_payments WHERE day < %b::int"
LOOK_UP = """
SELECT uuid_send(asked.fingerprint), uuid_send(recent.stream), recent.instruction_index
FROM unnest(%b::uuid[]) AS asked (fingerprint) CROSS JOIN LATERAL (
    SELECT stream, instruction_index FROM recent_payments
    WHERE fingerprint = asked.fingerprint AND position < %b::bigint AND day >= %b::int
    ORDER BY position DESC LIMIT %b::int
) recent
"""


class RecentPaymentsModel(InlineModel):
    """One row per payment ordered; which rows are cleared depends on events alone, so that a rebuild has the same."""

    name = "recent-payments"
    tables: Sequence[str] = ("recent_payments",)

    def insertions(self, recorded: Sequence[Recorded]) -> list[Insertion]:
        """Returns what writes the payments that these events bring, and now and then what clears old ones."""
        rows = [row for each in recorded for row in _rows(each)]
        found = []
        if rows:
            prints, streams, *numbers = zip(*rows, strict=True)
            found.append(Insertion(INSERT, [Uuids(prints), Uuids(streams), *map(list, numbers)]))
        clearing = [each for each in recorded if each.position % EVENTS_BETWEEN_CLEARINGS == 0]
        if clearing:
            found.append(Insertion(CLEAR, [day_of(clearing[-1].recorded_at_ns) - KEPT_DAYS]))
        return found


def _rows(recorded: Recorded) -> Iterator[tuple[bytes, bytes, int, int, int]]:
    event = recorded.event
    if isinstance(event, InstructionsReceived):
        day = day_of(recorded.recorded_at_ns)
        for index, fingerprint in enumerate(split_ids(event.fingerprints), start=event.first_index):
            yield fingerprint, recorded.stream, index, recorded.position, day


@dataclass(frozen=True, slots=True)
class StoredRecentPayments:
    """The RecentPayments port over the table."""

    store: EventStore

    def look_up(self, question: Question) -> dict[bytes, list[InstructionRef]]:
        """Returns where each fingerprint was ordered last; those that were not are left out."""
        parameters = (
            Uuids(list(dict.fromkeys(question.fingerprints))),
            question.before_position,
            question.from_day,
            MOST_EACH,
        )
        with self.store.connection() as connection, connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            rows = cursor.execute(LOOK_UP, parameters).fetchall()
        found: dict[bytes, list[InstructionRef]] = {}
        for fingerprint, stream, index in rows:
            found.setdefault(fingerprint, []).append(InstructionRef(stream, index))
        return found
