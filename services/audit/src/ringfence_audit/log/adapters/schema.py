"""Tables of the log beside its events; they can be rebuilt from them."""

from __future__ import annotations

LOG_TABLES = """
CREATE TABLE tiles (
    level smallint NOT NULL,
    index bigint NOT NULL,
    hashes bytea NOT NULL,
    PRIMARY KEY (level, index)
);
-- Hashes do not compress.
ALTER TABLE tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

CREATE TABLE leaf_pages (
    first_leaf bigint PRIMARY KEY,
    leaves integer NOT NULL,
    position bigint NOT NULL,
    earliest_ns bigint NOT NULL,
    latest_ns bigint NOT NULL
);

GRANT SELECT, INSERT, UPDATE ON tiles TO {application_role};
GRANT SELECT, INSERT ON leaf_pages TO {application_role};
"""

BUNDLE_TABLE = """
-- 256 leaves each, as a deflated entry bundle; the last one as far as it goes.
CREATE TABLE bundles (
    index bigint PRIMARY KEY,
    leaves bytea NOT NULL
);
-- It is deflated already.
ALTER TABLE bundles ALTER COLUMN leaves SET STORAGE EXTERNAL;

GRANT SELECT, INSERT, UPDATE, DELETE ON bundles TO {application_role};
"""

BUNDLES_APART = """
-- Of a full bundle: where each 64 leaves begin that inflate alone, and the heads of the tree over each 32. Nothing else
-- needs them, and rows of earlier releases have none.
ALTER TABLE bundles ADD COLUMN starts integer[], ADD COLUMN heads bytea;
"""
