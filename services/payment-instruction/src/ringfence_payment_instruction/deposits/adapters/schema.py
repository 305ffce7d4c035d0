"""The table of bank entries that were ever handed in."""

from __future__ import annotations

from ringfence_kernel.store import Migration

TABLES = """
-- Every entry of a bank that was taken in, with the SHA-256 of its content; written with the events.
CREATE TABLE known_entries (
    entry uuid PRIMARY KEY,
    digest bytea NOT NULL
);

REVOKE ALL ON known_entries FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON known_entries TO {application_role};
"""


def migrations() -> list[Migration]:
    """Returns what deposits add to the service's database."""
    return [Migration(120, "known entries", TABLES)]
