"""The tables of what has left memory: matches, those that were undone, and the statements of the past."""

from __future__ import annotations

from ringfence_kernel.store import Migration

TABLES = """
-- One row per pair of a match, written with the events; where a side has no line its id is zero. Day and amount are
-- those of the bank's line, above zero where money came in. `position` is that of the event, which holds the lines.
CREATE TABLE matches (
    book uuid NOT NULL,
    mirror uuid NOT NULL,
    match uuid NOT NULL,
    movement uuid NOT NULL,
    transfer uuid NOT NULL,
    amount_minor bigint NOT NULL,
    position bigint NOT NULL,
    day int NOT NULL,
    version int NOT NULL,
    stage smallint NOT NULL,
    confidence smallint NOT NULL,
    PRIMARY KEY (match, movement, transfer)
);
CREATE INDEX matches_by_movement ON matches (movement);
CREATE INDEX matches_by_day ON matches (book, mirror, day, match);

CREATE TABLE matches_undone (
    match uuid PRIMARY KEY
);

-- Statements that were taken for true; balances in minor units, days since 1970-01-01.
CREATE TABLE noted_statements (
    book uuid NOT NULL,
    mirror uuid NOT NULL,
    telling uuid NOT NULL,
    position bigint NOT NULL,
    opening_minor bigint NOT NULL,
    closing_minor bigint NOT NULL,
    noted_ns bigint NOT NULL,
    first_day int NOT NULL,
    last_day int NOT NULL,
    PRIMARY KEY (book, mirror, position)
);

REVOKE ALL ON matches, matches_undone, noted_statements FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON matches, matches_undone, noted_statements TO {application_role};
"""


def migrations() -> list[Migration]:
    """Returns what reconciliation adds to the service's database."""
    return [Migration(140, "reconciliation", TABLES)]
