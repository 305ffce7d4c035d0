"""The module's own table: wrapped data keys, the one declared exception to event sourcing."""

from ringfence_kernel.store import Migration

DATA_KEYS = """
CREATE TABLE data_keys (
    subject uuid PRIMARY KEY,
    wrapped text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    destroyed_at timestamptz,
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);
-- A destroyed key must not linger in dead rows: they are vacuumed as soon as there is one.
ALTER TABLE data_keys SET (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
REVOKE ALL ON data_keys FROM PUBLIC;
GRANT SELECT, INSERT (subject, wrapped, destroyed_at), UPDATE (wrapped, destroyed_at) ON data_keys
    TO {application_role};
"""


def migrations() -> list[Migration]:
    """Returns what data keys add to the service's database."""
    return [Migration(100, "data keys", DATA_KEYS)]
