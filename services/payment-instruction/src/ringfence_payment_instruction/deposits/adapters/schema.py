"""The tables of bank entries: those that were ever handed in, and those whose money lies in suspense."""

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

SUSPENDED = """
-- Entries whose money custody has put into suspense, and where they stand in their file; written with the events.
CREATE TABLE suspended_entries (
    tenant uuid NOT NULL,
    entry uuid NOT NULL,
    stream uuid NOT NULL,
    entry_index int NOT NULL,
    PRIMARY KEY (tenant, entry)
);

REVOKE ALL ON suspended_entries FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON suspended_entries TO {application_role};
"""

CLAIMS = """
-- What entries allot or take back of the money that another has brought to suspense; written with the events.
CREATE TABLE suspense_claims (
    tenant uuid NOT NULL,
    origin uuid NOT NULL,
    entry uuid NOT NULL,
    amount_minor bigint NOT NULL,
    PRIMARY KEY (tenant, origin, entry)
);

REVOKE ALL ON suspense_claims FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON suspense_claims TO {application_role};
"""

NAMED = """
-- By which ids from account and reference people name entries that may come to suspense; written with the events.
CREATE TABLE entry_names (
    tenant uuid NOT NULL,
    named uuid NOT NULL,
    entry uuid NOT NULL,
    PRIMARY KEY (tenant, named)
);

REVOKE ALL ON entry_names FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON entry_names TO {application_role};
"""


UNALLOTTED = """
-- Entries that were to allot money about which people had decided before; written with the events.
CREATE TABLE unallotted_entries (
    tenant uuid NOT NULL,
    entry uuid NOT NULL,
    PRIMARY KEY (tenant, entry)
);

REVOKE ALL ON unallotted_entries FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON unallotted_entries TO {application_role};
"""


def migrations() -> list[Migration]:
    """Returns what deposits add to the service's database."""
    return [
        Migration(120, "known entries", TABLES),
        Migration(121, "suspended entries", SUSPENDED),
        Migration(122, "suspense claims", CLAIMS),
        Migration(123, "names of entries", NAMED),
        Migration(124, "unallotted entries", UNALLOTTED),
    ]
