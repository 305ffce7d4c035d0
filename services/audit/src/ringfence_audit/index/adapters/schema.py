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

CHUNKS_BY_LEVEL = """
-- Runs of a level go when the one above has them. In files of their own they leave the disk when they are vacuumed;
-- among runs that stay they would leave holes.
ALTER TABLE index_chunks RENAME TO index_chunks_together;
ALTER TABLE index_chunks_together RENAME CONSTRAINT index_chunks_pkey TO index_chunks_together_pkey;
CREATE TABLE index_chunks (
    level smallint NOT NULL,
    first_leaf bigint NOT NULL,
    chunk integer NOT NULL,
    first_posting bytea NOT NULL,
    head bytea NOT NULL,
    postings bytea NOT NULL,
    PRIMARY KEY (level, first_leaf, chunk)
) PARTITION BY LIST (level);
CREATE TABLE index_chunks_0 PARTITION OF index_chunks FOR VALUES IN (0);
CREATE TABLE index_chunks_1 PARTITION OF index_chunks FOR VALUES IN (1);
CREATE TABLE index_chunks_2 PARTITION OF index_chunks FOR VALUES IN (2);
CREATE TABLE index_chunks_3 PARTITION OF index_chunks FOR VALUES IN (3);
ALTER TABLE index_chunks ALTER COLUMN postings SET STORAGE EXTERNAL;
INSERT INTO index_chunks SELECT * FROM index_chunks_together;
DROP TABLE index_chunks_together;

GRANT SELECT, INSERT, DELETE ON index_chunks TO {application_role};
"""

COMPACT_CHUNKS = """
-- Pages stand 64 together from here on: all runs are filled anew from events.
TRUNCATE index_runs, index_chunks, index_tail, index_states, index_tenants, index_accounts;
DELETE FROM cursors WHERE name = 'projection:index';

-- Writes the chunks of a level into new files, without what merges have left; readers see one or the other. It gives up
-- rather than have others wait behind it for somebody who reads for long.
CREATE FUNCTION compact_chunks(of_level integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' AS $$
DECLARE
    chunks regclass := format('public.index_chunks_%s', of_level)::regclass;
BEGIN
    EXECUTE format('CLUSTER %s USING %I', chunks, (
        SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE indrelid = chunks AND indisprimary
    ));
END $$;

REVOKE ALL ON FUNCTION compact_chunks FROM PUBLIC;
GRANT EXECUTE ON FUNCTION compact_chunks TO {application_role};
"""
