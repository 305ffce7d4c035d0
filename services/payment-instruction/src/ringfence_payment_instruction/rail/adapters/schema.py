"""The tables of messages to the bank and from it, on which something is still to be done."""

from __future__ import annotations

from ringfence_kernel.store import Migration

TABLES = """
-- Written with the directive to send; sealed, and without content once the bank has it.
CREATE TABLE rail_outbox (
    message_id text PRIMARY KEY,
    wrapped_key text,
    envelope bytea,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    delivered_at timestamptz,
    receipt text,
    CHECK ((envelope IS NULL) = (delivered_at IS NOT NULL)),
    CHECK ((envelope IS NULL) = (wrapped_key IS NULL)),
    CHECK ((receipt IS NULL) = (delivered_at IS NULL))
);
-- By the first 16 bytes of the SHA-256 of name and content; without content once it is decided on.
CREATE TABLE rail_received (
    file uuid PRIMARY KEY,
    wrapped_key text,
    envelope bytea,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    outcome text CHECK (outcome IN ('accepted', 'refused')),
    decided_at timestamptz,
    CHECK ((envelope IS NULL) = (outcome IS NOT NULL)),
    CHECK ((envelope IS NULL) = (wrapped_key IS NULL)),
    CHECK ((outcome IS NULL) = (decided_at IS NULL))
);
CREATE INDEX rail_undecided ON rail_received (received_at, file) WHERE outcome IS NULL;

-- What was dropped must not linger in dead rows: they are vacuumed as soon as there is one.
ALTER TABLE rail_outbox SET (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0,
    toast.autovacuum_vacuum_threshold = 0, toast.autovacuum_vacuum_scale_factor = 0);
ALTER TABLE rail_received SET (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0,
    toast.autovacuum_vacuum_threshold = 0, toast.autovacuum_vacuum_scale_factor = 0);
REVOKE ALL ON rail_outbox, rail_received FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON rail_outbox, rail_received TO {application_role};
"""


def migrations() -> list[Migration]:
    """Returns what the rail adds to the service's database."""
    return [Migration(130, "messages to the bank and from it", TABLES)]
