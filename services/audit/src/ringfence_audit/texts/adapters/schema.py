"""The tables of texts; nothing rebuilds what is in the first, for it must be able to go (docs/formats.md)."""

from __future__ import annotations

TEXT_TABLES = """
-- What a leaf commits to by `<field>_commitment`. Salt and content are gone where somebody whom it is about was erased.
CREATE TABLE leaf_texts (
    leaf bigint NOT NULL,
    field text NOT NULL,
    retention smallint NOT NULL,
    day integer NOT NULL,
    is_text boolean NOT NULL,
    salt bytea,
    content bytea,
    about bytea[] NOT NULL,
    PRIMARY KEY (leaf, field),
    CHECK ((salt IS NULL) = (content IS NULL))
);
-- Each save asks it: a list of what is not sorted in yet would be read through every time.
CREATE INDEX ON leaf_texts USING gin (about) WITH (fastupdate = off);
CREATE INDEX ON leaf_texts (day);
-- What was erased leaves the files of the table with the next vacuum, however large the table is.
ALTER TABLE leaf_texts SET (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0,
    toast.autovacuum_vacuum_threshold = 0, toast.autovacuum_vacuum_scale_factor = 0);

-- Whose payments and bank entries are, by the leaf that says so, whether or not it has texts. `instruction` is that of
-- an entry, `within` the file that both came in.
CREATE TABLE text_links (
    leaf bigint PRIMARY KEY,
    about bytea NOT NULL,
    instruction bytea,
    within bytea,
    party bytea,
    counterparty bytea
);
CREATE INDEX ON text_links (about);
CREATE INDEX ON text_links (instruction) WHERE instruction IS NOT NULL;
CREATE INDEX ON text_links (within) WHERE within IS NOT NULL;
CREATE INDEX ON text_links (party, leaf) WHERE party IS NOT NULL;
CREATE INDEX ON text_links (counterparty, leaf) WHERE counterparty IS NOT NULL;

-- How many of the log's first leaves the links are of, beside those that are written with their leaves.
CREATE TABLE text_links_reach (
    leaves bigint NOT NULL
);
INSERT INTO text_links_reach VALUES (0);

-- Who was erased: his texts are shown no more. They are wiped by links up to a leaf, NULL once all are.
CREATE TABLE erased_parties (
    party bytea PRIMARY KEY,
    wiped_before bigint DEFAULT 0
);
CREATE INDEX ON erased_parties (party) WHERE wiped_before IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON leaf_texts TO {application_role};
GRANT SELECT, INSERT ON text_links TO {application_role};
GRANT SELECT, UPDATE ON text_links_reach TO {application_role};
GRANT SELECT, INSERT, UPDATE ON erased_parties TO {application_role};
"""

TEXT_TENANTS = """
-- Ids are a platform's own: whose the ids of a row are, empty where they are of none. NULL is of rows of a release
-- before, until the process that leads has read it from their leaves, from the first one on.
ALTER TABLE leaf_texts ADD COLUMN tenant bytea;
ALTER TABLE text_links ADD COLUMN tenant bytea;
UPDATE text_links_reach SET leaves = 0;
CREATE INDEX ON text_links (party, tenant, leaf) WHERE party IS NOT NULL;
CREATE INDEX ON text_links (counterparty, tenant, leaf) WHERE counterparty IS NOT NULL;
DROP INDEX text_links_party_leaf_idx, text_links_counterparty_leaf_idx;

-- Instead of erased_parties, which stays for the release before: whoever begins to lead marks all again, by the leaves.
CREATE TABLE erased_clients (
    tenant bytea NOT NULL,
    party bytea NOT NULL,
    wiped_before bigint DEFAULT 0,
    PRIMARY KEY (party, tenant)
);
CREATE INDEX ON erased_clients (party) WHERE wiped_before IS NOT NULL;

GRANT UPDATE ON text_links TO {application_role};
GRANT SELECT, INSERT, UPDATE ON erased_clients TO {application_role};
"""
