"""The index of client names: who is registered, and by which keyed marks his names are found."""

from __future__ import annotations

from ringfence_kernel.store import Migration

TABLES = """
-- Names of clients (part 1) and of all their owners (part 2) as identity's feed recorded them last: sealed, and as
-- keyed marks of 16 bytes each once somebody has had the key. What has no marks yet (null) is not screened yet.
CREATE TABLE client_names (
    subject uuid NOT NULL,
    part smallint NOT NULL,
    tenant uuid NOT NULL,
    party uuid NOT NULL,
    version bigint NOT NULL,
    sealed bytea NOT NULL,
    marks bytea,
    PRIMARY KEY (subject, part)
);
CREATE INDEX client_names_unmarked ON client_names (subject, part) WHERE marks IS NULL;

-- The same marks, for whom they mark: what a list names is looked up here.
CREATE TABLE client_marks (
    mark uuid NOT NULL,
    subject uuid NOT NULL,
    part smallint NOT NULL,
    PRIMARY KEY (mark, subject, part)
);
CREATE INDEX client_marks_by_subject ON client_marks (subject, part);

REVOKE ALL ON client_names, client_marks FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON client_names, client_marks TO {application_role};
"""


LISTED = """
-- What an edition of a sanctions list calls those whom it names, compressed. Lists are public. Kept beside the log, for
-- people to read: what hits is decided by the log's fingerprints, and the next import brings what is missing here.
CREATE TABLE listed_names (
    list_name text NOT NULL,
    digest bytea NOT NULL,
    names bytea NOT NULL,
    PRIMARY KEY (list_name, digest)
);

REVOKE ALL ON listed_names FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON listed_names TO {application_role};
"""


def migrations() -> list[Migration]:
    """Returns what screening adds to the service's database."""
    return [Migration(150, "client names", TABLES), Migration(170, "names on lists", LISTED)]
