"""Tables of the books; they can be rebuilt from the log's events."""

from __future__ import annotations

BOOKS_TABLES = """
-- What custody has closed, by the index of its leaf, and the fields of the leaf that states what the log comes to.
CREATE TABLE books_closings (
    leaf bigint PRIMARY KEY,
    tenant_id bytea NOT NULL,
    ledger integer NOT NULL,
    closed_ns bigint NOT NULL,
    is_same boolean NOT NULL,
    is_covered boolean NOT NULL,
    stated bytea NOT NULL
);
CREATE INDEX books_closings_of ON books_closings (tenant_id, ledger, leaf);

-- Balances of all accounts after the event at a position, in parts of a megabyte.
CREATE TABLE books_folds (
    number bigint NOT NULL,
    part integer NOT NULL,
    position bigint NOT NULL,
    latest_ns bigint NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (number, part)
);

GRANT SELECT, INSERT, DELETE ON books_closings, books_folds TO {application_role};
"""
