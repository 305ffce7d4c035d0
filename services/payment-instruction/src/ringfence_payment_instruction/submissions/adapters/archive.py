"""What has left memory, read again from the table of known ids and from the event store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.rows import tuple_row
from ringfence_kernel.store import EventStore
from ringfence_kernel.store.arrays import Uuids
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.values.ids import ID_BYTES

from ringfence_payment_instruction.submissions.domain.events import SubmissionRefused
from ringfence_payment_instruction.submissions.domain.past import InstructionRef, Past, TooManyRows, replayed
from ringfence_payment_instruction.submissions.domain.submission import Submission

# How far the table has come, not where the feed stands: what is not there by then is not known to be unused.
LOOK_UP = """
SELECT coalesce(reached.position, 0), uuid_send(known.owner) || uuid_send(known.id), uuid_send(known.stream),
    known.instruction_index
FROM feed_head LEFT JOIN cursors reached ON reached.name = 'projection:known-ids' LEFT JOIN (
    unnest(%b::uuid[], %b::uuid[]) AS asked (owner, id) JOIN known_ids known USING (owner, id)
) ON true
"""
STREAMS_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class StoredArchive:
    """The Archive port over the service's own database."""

    store: EventStore
    codec: EventCodec

    def look_up(self, keys: Sequence[bytes]) -> Past:
        """Returns where keys were used first, as of one position of the feed."""
        wanted = [key for key in keys if len(key) == 2 * ID_BYTES]
        owners = Uuids([key[:ID_BYTES] for key in wanted])
        ids = Uuids([key[ID_BYTES:] for key in wanted])
        with self.store.connection() as connection, connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            rows = cursor.execute(LOOK_UP, (owners, ids)).fetchall()
        found = {key: InstructionRef(stream, index) for _, key, stream, index in rows if key is not None}
        return Past(rows[0][0], found)

    def load(
        self, streams: Sequence[bytes], most_rows: int | None = None
    ) -> tuple[dict[bytes, Submission], dict[bytes, SubmissionRefused]]:
        """Returns the submissions and the refused files of streams, as they stand now; raises TooManyRows."""
        submissions: dict[bytes, Submission] = {}
        refused: dict[bytes, SubmissionRefused] = {}
        for first in range(0, len(streams), STREAMS_AT_ONCE):
            part = replayed(self.store.replay_streams(self.codec, streams[first : first + STREAMS_AT_ONCE]))
            submissions |= part[0]
            refused |= part[1]
            if most_rows is not None and sum(map(len, submissions.values())) > most_rows:
                raise TooManyRows
        return submissions, refused

    def reopen(self, stream: bytes, version: int) -> Submission:
        """Returns a submission as it was before a version of its stream; raises LookupError where there is none."""
        earlier = (each for each in self.store.replay_streams(self.codec, [stream]) if each.version < version)
        return replayed(earlier)[0][stream]
