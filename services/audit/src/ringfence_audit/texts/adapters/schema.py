"""The table of texts; nothing rebuilds it, for what is in it must be able to go (docs/formats.md)."""

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
    about bytea,
    within bytea,
    party bytea,
    counterparty bytea,
    PRIMARY KEY (leaf, field),
    CHECK ((salt IS NULL) = (content IS NULL))
);
CREATE INDEX ON leaf_texts (party) WHERE party IS NOT NULL;
CREATE INDEX ON leaf_texts (counterparty) WHERE counterparty IS NOT NULL;
CREATE INDEX ON leaf_texts (about) WHERE about IS NOT NULL;
CREATE INDEX ON leaf_texts (day);

GRANT SELECT, INSERT, UPDATE, DELETE ON leaf_texts TO {application_role};
"""
