"""The tables for listing and following instructions."""

from __future__ import annotations

from ringfence_kernel.store import Migration

TABLES = """
-- One row per instruction; `received_position` and `instruction_index` are the order of intake.
CREATE TABLE instructions (
    stream uuid NOT NULL,
    instruction_index int NOT NULL,
    tenant uuid NOT NULL,
    submission_id uuid NOT NULL,
    instruction_id uuid NOT NULL,
    received_position bigint NOT NULL,
    debtor_account uuid NOT NULL,
    creditor_account uuid NOT NULL,
    creditor_blind_index bytea NOT NULL,
    amount_minor numeric(20) NOT NULL,
    ledger int NOT NULL,
    status smallint NOT NULL,
    reason text NOT NULL,
    changed_at_ns bigint NOT NULL,
    PRIMARY KEY (stream, instruction_index)
);
CREATE INDEX instructions_of_tenant ON instructions (tenant, received_position, instruction_index);
CREATE INDEX instructions_by_status ON instructions (tenant, status, received_position, instruction_index);

-- Which events are about which tenant, so that a tenant's followers skip everybody else's.
CREATE TABLE tenant_events (
    tenant uuid NOT NULL,
    position bigint NOT NULL,
    submission_id uuid,
    PRIMARY KEY (tenant, position)
);

REVOKE ALL ON instructions, tenant_events FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON instructions, tenant_events TO {application_role};
"""

SUBMISSION_TIMES = """
-- When each submission was taken in: whoever comes later in the feed has a later time.
CREATE TABLE submission_times (
    tenant uuid NOT NULL,
    received_ns bigint NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (tenant, received_ns, position)
);
-- Of the submissions that are in the tables already; an event's time is 8 bytes of its envelope (docs/formats.md).
INSERT INTO submission_times
SELECT t.tenant, ('x' || encode(substring(e.state FROM 4 FOR 8), 'hex'))::bit(64)::bigint, t.position
FROM tenant_events t JOIN stored_events e ON e.notification_id = t.position
WHERE e.topic = 'SubmissionReceived.v1';

-- What belongs to a submission is found by its stream.
ALTER TABLE tenant_events DROP COLUMN submission_id;

REVOKE ALL ON submission_times FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON submission_times TO {application_role};
"""


def migrations() -> list[Migration]:
    """Returns what the reads add to the service's database."""
    return [
        Migration(100, "instructions", TABLES),
        Migration(101, "times of submissions", SUBMISSION_TIMES),
    ]
