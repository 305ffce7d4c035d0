"""The tables of the search index; they can be rebuilt from the log's events."""

from __future__ import annotations

KEY_TABLES = """
-- Consecutive leaves of the same time about the same id are one row. Only the release before still writes it.
CREATE TABLE leaf_keys (
    key bytea NOT NULL,
    first_leaf bigint NOT NULL,
    leaves integer NOT NULL,
    time_ns bigint NOT NULL,
    PRIMARY KEY (key, first_leaf)
);

GRANT SELECT, INSERT ON leaf_keys TO {application_role};
"""

RUN_TABLES = """
-- The sorted postings of complete ranges of 256 * 16^level leaves.
CREATE TABLE index_runs (
    level smallint NOT NULL,
    first_leaf bigint NOT NULL,
    postings bigint NOT NULL,
    root bytea NOT NULL,
    PRIMARY KEY (level, first_leaf)
);

-- A run's pages, 256 at a time, with the head of the tree over their hashes.
CREATE TABLE index_chunks (
    level smallint NOT NULL,
    first_leaf bigint NOT NULL,
    chunk integer NOT NULL,
    first_posting bytea NOT NULL,
    head bytea NOT NULL,
    postings bytea NOT NULL,
    PRIMARY KEY (level, first_leaf, chunk)
);
-- Ids do not compress.
ALTER TABLE index_chunks ALTER COLUMN postings SET STORAGE EXTERNAL;

-- What events have brought to the bundle of 256 leaves that is not complete yet; offsets are in the bundle.
CREATE TABLE index_tail (
    first_leaf bigint PRIMARY KEY,
    leaves integer NOT NULL,
    sha256 bytea NOT NULL,
    postings bytea NOT NULL
);
ALTER TABLE index_tail ALTER COLUMN postings SET STORAGE EXTERNAL;

-- How far the index went at sizes of the log that end with a state, from the newest signed one on.
CREATE TABLE index_states (
    size bigint PRIMARY KEY,
    index_size bigint NOT NULL,
    signed boolean NOT NULL
);

-- Which bundles of 256 leaves name a platform.
CREATE TABLE index_tenants (
    tenant_id bytea NOT NULL,
    bundle bigint NOT NULL,
    PRIMARY KEY (tenant_id, bundle)
);

-- Whose the accounts are: what is known of an owner stands with them.
CREATE TABLE index_accounts (
    owner_id bytea NOT NULL,
    account_id bytea NOT NULL,
    PRIMARY KEY (owner_id, account_id)
);

GRANT SELECT, INSERT, DELETE ON
    index_runs, index_chunks, index_tail, index_states, index_tenants, index_accounts TO {application_role};
"""
