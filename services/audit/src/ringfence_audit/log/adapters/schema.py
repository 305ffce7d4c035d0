"""Tables beside the event store: all can be rebuilt from its events."""

from __future__ import annotations

from ringfence_kernel.store import Migration, event_store_migrations

LOG_TABLES = """
CREATE TABLE tiles (
    level smallint NOT NULL,
    index bigint NOT NULL,
    hashes bytea NOT NULL,
    PRIMARY KEY (level, index)
);
-- Hashes do not compress.
ALTER TABLE tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

CREATE TABLE leaf_pages (
    first_leaf bigint PRIMARY KEY,
    leaves integer NOT NULL,
    position bigint NOT NULL,
    earliest_ns bigint NOT NULL,
    latest_ns bigint NOT NULL
);

-- Consecutive leaves of the same time about the same id are one row.
CREATE TABLE leaf_keys (
    key bytea NOT NULL,
    first_leaf bigint NOT NULL,
    leaves integer NOT NULL,
    time_ns bigint NOT NULL,
    PRIMARY KEY (key, first_leaf)
);

GRANT SELECT, INSERT, UPDATE ON tiles TO {application_role};
GRANT SELECT, INSERT ON leaf_pages, leaf_keys TO {application_role};
"""


def migrations() -> list[Migration]:
    """Gives all migrations of the audit database."""
    return [*event_store_migrations(), Migration(100, "log tables", LOG_TABLES)]
