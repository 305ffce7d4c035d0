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

LOOK_UP = """
SELECT head.position, uuid_send(made.tenant) || uuid_send(made.decision), uuid_send(made.party), made.moved_to
FROM feed_head head LEFT JOIN (
    unnest(%b::uuid[], %b::uuid[]) AS asked (tenant, decision) JOIN kyc_decisions made USING (tenant, decision)
) ON true
"""


@dataclass(frozen=True, slots=True)
class DecisionsReader:
    """Tells what decisions were about."""

    store: EventStore

    def read(self, keys: Sequence[bytes]) -> LookedUp[Decided]:
        """Returns what is known by keys, as of one position of the feed; blocks, raises StoreUnavailable."""
        tenants = [UUID(bytes=key[:ID_BYTES]) for key in keys]
        decisions = [UUID(bytes=key[ID_BYTES:]) for key in keys]
        with self.store.connection() as connection, connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            rows = cursor.execute(LOOK_UP, (tenants, decisions)).fetchall()
        found = {key: Decided(party, KycState(to)) for _, key, party, to in rows if key is not None}
        return LookedUp(rows[0][0], found)
