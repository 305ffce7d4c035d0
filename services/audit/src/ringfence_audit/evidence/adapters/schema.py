"""Tables of the proof; they can be rebuilt from the log's events."""

from __future__ import annotations

PROOF_TABLES = """
CREATE TABLE evidence_accounts (
    tenant_id bytea NOT NULL,
    account_id bytea NOT NULL,
    class text NOT NULL,
    PRIMARY KEY (tenant_id, account_id)
);

-- The newest migration window of each book; one that is closed has no end.
CREATE TABLE evidence_windows (
    tenant_id bytea PRIMARY KEY,
    window_id bytea NOT NULL,
    until_ns bigint NOT NULL
);

-- The first leaf of a transfer that names evidence: what was booked before could not.
CREATE TABLE evidence_since (leaf bigint PRIMARY KEY);

-- What files say: an entry stays, an answer goes with the payment that it ended.
CREATE TABLE evidence_words (
    file bytea NOT NULL,
    subject_id bytea NOT NULL,
    said smallint NOT NULL,
    tenant_id bytea NOT NULL,
    time_ns bigint NOT NULL,
    feed_id bytea,
    amount_minor bigint NOT NULL,
    ledger integer NOT NULL,
    mirror_id bytea,
    client_id bytea,
    booked_by bytea,
    moved_minor bigint NOT NULL,
    PRIMARY KEY (file, subject_id, said, tenant_id)
);
CREATE INDEX ON evidence_words (subject_id);

-- Payments that leave their book, until custody has posted or voided what it reserved for them.
CREATE TABLE evidence_payments (
    transfer_id bytea NOT NULL,
    tenant_id bytea NOT NULL,
    amount_minor bigint NOT NULL,
    ledger integer NOT NULL,
    PRIMARY KEY (transfer_id, tenant_id)
);

-- Bookings that are neither proven nor found wanting.
CREATE TABLE evidence_bookings (
    leaf bigint NOT NULL,
    move smallint NOT NULL,
    tenant_id bytea NOT NULL,
    transfer_id bytea NOT NULL,
    time_ns bigint NOT NULL,
    amount_minor bigint NOT NULL,
    ledger integer NOT NULL,
    mirror_id bytea,
    other_id bytea,
    is_suspense boolean NOT NULL,
    pending_id bytea,
    file bytea,
    entry_id bytea,
    feed_id bytea,
    imported boolean NOT NULL,
    PRIMARY KEY (leaf, move)
);
CREATE INDEX ON evidence_bookings (transfer_id);
CREATE INDEX ON evidence_bookings (entry_id);

CREATE TABLE evidence_findings (
    leaf bigint NOT NULL,
    move smallint NOT NULL,
    flaw smallint NOT NULL,
    tenant_id bytea NOT NULL,
    transfer_id bytea NOT NULL,
    time_ns bigint NOT NULL,
    amount_minor bigint NOT NULL,
    ledger integer NOT NULL,
    file bytea,
    entry_id bytea,
    feed_id bytea,
    PRIMARY KEY (leaf, move)
);
CREATE INDEX ON evidence_findings (tenant_id, leaf, move);

GRANT SELECT, INSERT, UPDATE, DELETE ON evidence_accounts, evidence_windows, evidence_since, evidence_words,
    evidence_payments, evidence_bookings, evidence_findings TO {application_role};
"""

PROOF_OF_ORDERS = """
-- Rows are filled anew from events. No release has had these tables yet.
TRUNCATE evidence_accounts, evidence_windows, evidence_since, evidence_words, evidence_payments, evidence_bookings,
    evidence_findings;
DELETE FROM cursors WHERE name = 'projection:evidence';

-- Orders of other money are kept too: whose it is, to whom it goes where it stays in the book, and which entry has
-- brought what is allocated.
ALTER TABLE evidence_payments
    ADD COLUMN debtor_id bytea NOT NULL, ADD COLUMN creditor_id bytea, ADD COLUMN mandate_id bytea;

-- When the log took it over.
ALTER TABLE evidence_bookings ADD COLUMN had_ns bigint NOT NULL;
CREATE INDEX ON evidence_bookings (pending_id);
"""
