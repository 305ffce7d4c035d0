"""What runs take on disk, and giving back what merges leave."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from ringfence_kernel.store import EventStore

from ringfence_audit.index.domain.ranges import LEVELS
from ringfence_audit.index.domain.runs import POSTING_BYTES

SPARE_BYTES = 4 << 20
"""That files may have beside twice what runs need: of less, nothing is made of it."""
WASTEFUL = (
    "SELECT level FROM unnest(%b::smallint[]) AS merged (level) WHERE"
    " pg_total_relation_size(format('public.index_chunks_%%s', level)::regclass) > %b + 2 * %b *"
    " (SELECT coalesce(sum(postings), 0) FROM index_runs WHERE index_runs.level = merged.level) ORDER BY level"
)


class StoredRunFiles:
    """The files of runs that are merged into larger ones; those of the largest stay as they are."""

    def __init__(self, store: EventStore, spare_bytes: int = SPARE_BYTES) -> None:
        self._store = store
        self._spare_bytes = spare_bytes

    def wasteful(self) -> Sequence[int]:
        """Gives the levels whose files have more than twice what their runs need."""
        asked = list(range(LEVELS - 1)), self._spare_bytes, POSTING_BYTES
        with self._store.connection() as connection:
            return [row["level"] for row in connection.execute(WASTEFUL, asked)]

    def compact(self, level: int) -> bool:
        """Writes the runs of a level into new files; False where others hold them. Raises StoreUnavailable."""
        with self._store.connection() as connection:
            try:
                connection.execute("SELECT compact_chunks(%b)", (level,))
            except psycopg.errors.LockNotAvailable:
                return False
        return True
