"""Reads the table of authorisations."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import tuple_row
from ringfence_kernel.store import EventStore
from ringfence_kernel.values.ids import ID_BYTES
from ringfence_kernel.writing.recent import LookedUp

from ringfence_identity.tokens.domain.state import Authorised

# How far the table has come, not where the feed stands: what is not there by then is not known to be new.
LOOK_UP = """
SELECT coalesce(reached.position, 0), uuid_send(held.tenant) || uuid_send(held.submission), held.digest, held.expires_ns
FROM feed_head LEFT JOIN cursors reached ON reached.name = 'projection:authorisations' LEFT JOIN (
    unnest(%b::uuid[], %b::uuid[]) AS asked (tenant, submission) JOIN authorisations held USING (tenant, submission)
) ON true
"""


@dataclass(frozen=True, slots=True)
class AuthorisationsReader:
    """Tells what submissions were authorised for."""

    store: EventStore

    def read(self, keys: Sequence[bytes]) -> LookedUp[Authorised]:
        """Returns what is known by keys, up to where the table has come; blocks, raises StoreUnavailable."""
        tenants = [UUID(bytes=key[:ID_BYTES]) for key in keys]
        submissions = [UUID(bytes=key[ID_BYTES:]) for key in keys]
        with self.store.connection() as connection, connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            rows = cursor.execute(LOOK_UP, (tenants, submissions)).fetchall()
        found = {key: Authorised(digest, expires_ns) for _, key, digest, expires_ns in rows if key is not None}
        return LookedUp(rows[0][0], found)
