"""The row that tells which register of the erased a database uses; it is restored with the events."""

from dataclasses import dataclass
from uuid import UUID

from ringfence_kernel.store import EventStore

KEEP = "INSERT INTO erasure_register (marker) VALUES (%s) ON CONFLICT DO NOTHING"
KNOWN = "SELECT marker FROM erasure_register"


@dataclass(frozen=True, slots=True)
class StoredMark:
    """A RegisterMark in the service's own database."""

    store: EventStore

    def keep(self, marker: bytes) -> None:
        """Notes a marker for good, unless one is noted; blocks, raises StoreUnavailable."""
        with self.store.connection() as connection:
            connection.execute(KEEP, (UUID(bytes=marker),))

    def known(self) -> bytes:
        """Returns the marker, empty before the first use; blocks, raises StoreUnavailable."""
        with self.store.connection() as connection:
            rows = connection.execute(KNOWN).fetchall()
        return rows[0]["marker"].bytes if rows else b""
