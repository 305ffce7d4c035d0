"""The table of the search index; it can be rebuilt from the log's events."""

from __future__ import annotations

KEY_TABLES = """
-- Consecutive leaves of the same time about the same id are one row.
CREATE TABLE leaf_keys (
    key bytea NOT NULL,
    first_leaf bigint NOT NULL,
    leaves integer NOT NULL,
    time_ns bigint NOT NULL,
    PRIMARY KEY (key, first_leaf)
);

GRANT SELECT, INSERT ON leaf_keys TO {application_role};
"""
