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


def migrations() -> list[Migration]:
    """Returns what the reads add to the service's database."""
    return [Migration(100, "instructions", TABLES)]
