"""Digests of a service's state, stored beside its events: what a rebuild or a snapshot has to agree with."""

from __future__ import annotations

from ringfence_kernel.store.store import EventStore

SAVE = "INSERT INTO state_digests (position, digest, format) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"


def insert_digest(store: EventStore, row: tuple[int, bytes, int]) -> None:
    """Stores position, digest and its format; blocks, raises StoreUnavailable."""
    with store.connection() as connection:
        connection.execute(SAVE, row)


def read_digest(store: EventStore, position: int, digest_format: int) -> bytes:
    """Returns the digest of a position, empty where none is stored; blocks, raises StoreUnavailable."""
    query = "SELECT digest FROM state_digests WHERE position = %s AND format = %s"
    with store.connection() as connection:
        row = connection.execute(query, (position, digest_format)).fetchone()
    return bytes(row["digest"]) if row else b""
