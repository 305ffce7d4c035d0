"""The table of marks: what parties are found by, as long as their keys are there."""

from ringfence_kernel.store import Migration

MARKS = """
-- Keyed hashes of the words of names, and of identity numbers. No event has them, for they must be able to go.
CREATE TABLE party_marks (
    mark bytea NOT NULL,
    subject uuid NOT NULL,
    tenant uuid NOT NULL,
    party uuid NOT NULL,
    PRIMARY KEY (mark, subject)
);
CREATE INDEX ON party_marks (subject);
-- A mark of somebody erased must not linger in dead rows, as his key must not.
ALTER TABLE party_marks SET (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
REVOKE ALL ON party_marks FROM PUBLIC;
GRANT SELECT, INSERT, DELETE ON party_marks TO {application_role};
"""
MARKS_BY_TENANT = """
-- Whom a platform calls so is found without walking through whom others call so.
CREATE INDEX party_marks_by_tenant ON party_marks (mark, tenant, subject);
"""


def migrations() -> list[Migration]:
    """Returns what disclosure adds to the service's database; `data_keys` is there before."""
    return [
        Migration(130, "marks of parties", MARKS),
        Migration(131, "marks of parties by platform", MARKS_BY_TENANT),
    ]
