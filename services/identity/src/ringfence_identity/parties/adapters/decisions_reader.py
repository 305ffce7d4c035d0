"""Reads the table of KYC decisions."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import tuple_row
from ringfence_kernel.store import EventStore
from ringfence_kernel.values.ids import ID_BYTES
from ringfence_kernel.writing.recent import LookedUp

from ringfence_identity.parties.domain.kyc import KycState
from ringfence_identity.parties.domain.state import Decided

# How far the table has come, not where the feed stands: what is not there by then is not known to be new.
LOOK_UP = """
SELECT coalesce(reached.position, 0), uuid_send(made.tenant) || uuid_send(made.decision),
    uuid_send(made.party), made.moved_to
FROM feed_head LEFT JOIN cursors reached ON reached.name = 'projection:kyc-decisions' LEFT JOIN (
    unnest(%b::uuid[], %b::uuid[]) AS asked (tenant, decision) JOIN kyc_decisions made USING (tenant, decision)
) ON true
"""


@dataclass(frozen=True, slots=True)
class DecisionsReader:
    """Tells what decisions were about."""

    store: EventStore

    def read(self, keys: Sequence[bytes]) -> LookedUp[Decided]:
        """Returns what is known by keys, up to where the table has come; blocks, raises StoreUnavailable."""
        tenants = [UUID(bytes=key[:ID_BYTES]) for key in keys]
        decisions = [UUID(bytes=key[ID_BYTES:]) for key in keys]
        with self.store.connection() as connection, connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            rows = cursor.execute(LOOK_UP, (tenants, decisions)).fetchall()
        found = {key: Decided(party, KycState(to)) for _, key, party, to in rows if key is not None}
        return LookedUp(rows[0][0], found)
