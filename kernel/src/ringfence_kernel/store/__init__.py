"""The event store: gapless, hash-chained, append-only, on eventsourcing's PostgreSQL recorder."""

from ringfence_kernel.store.chain import GENESIS, chain_hash, chain_hash_of
from ringfence_kernel.store.lease import Lease
from ringfence_kernel.store.migrating import MigrationsCollide, SchemaNotThere, apply_migrations, await_migrations
from ringfence_kernel.store.recorder import ChainedRecorder, Timing
from ringfence_kernel.store.schema import Migration, event_store_migrations
from ringfence_kernel.store.store import (
    ChainBroken,
    EventStore,
    Head,
    NewEvent,
    StoredEvent,
    VersionConflict,
    advance_cursor,
    load_cursor,
    move_cursor,
    read_cursor,
    read_page,
    save_cursor,
)

__all__ = [
    "GENESIS",
    "ChainBroken",
    "ChainedRecorder",
    "EventStore",
    "Head",
    "Lease",
    "Migration",
    "MigrationsCollide",
    "NewEvent",
    "SchemaNotThere",
    "StoredEvent",
    "Timing",
    "VersionConflict",
    "advance_cursor",
    "apply_migrations",
    "await_migrations",
    "chain_hash",
    "chain_hash_of",
    "event_store_migrations",
    "load_cursor",
    "move_cursor",
    "read_cursor",
    "read_page",
    "save_cursor",
]
