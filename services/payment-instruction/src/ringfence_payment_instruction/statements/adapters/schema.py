"""The tables of what banks have told: movements, their references, exceptions, and pages that wait."""

from __future__ import annotations

from ringfence_kernel.store import Migration

TABLES = """
-- Every movement of a bank, as it stood last; written with the events.
CREATE TABLE bank_movement (
    movement uuid PRIMARY KEY,
    mirror uuid NOT NULL,
    state smallint NOT NULL,
    day int NOT NULL,
    amount_minor bigint NOT NULL,
    marks smallint NOT NULL,
    entry uuid NOT NULL  -- what moves the mirror in custody, zero for payments and what is not posted
);
CREATE INDEX bank_movement_entry ON bank_movement (entry);
-- The transfers of payments that debits are.
CREATE TABLE movement_payment (
    mirror uuid NOT NULL,
    transfer uuid NOT NULL,
    movement uuid NOT NULL,
    PRIMARY KEY (mirror, transfer, movement)
);
-- Its references, and those of its parts: a kind and 16 bytes of a digest.
CREATE TABLE movement_reference (
    mirror uuid NOT NULL,
    reference bytea NOT NULL,
    movement uuid NOT NULL,
    PRIMARY KEY (mirror, reference, movement)
);
-- Tellings that post nothing until people have worked them off, and how they did.
CREATE TABLE statement_exception (
    telling uuid PRIMARY KEY,
    tenant uuid NOT NULL,
    mirror uuid NOT NULL,
    position bigint NOT NULL,
    recorded_ns bigint NOT NULL,
    digest bytea NOT NULL,
    kind smallint NOT NULL,
    text text NOT NULL,
    first_day int NOT NULL,
    last_day int NOT NULL,
    outcome smallint NOT NULL
);
CREATE INDEX statement_exception_open ON statement_exception (mirror, position) WHERE outcome = 0;
-- Pages of statements that are not whole, and files of exceptions: sealed, and gone once they are decided on.
CREATE TABLE statement_page (
    telling uuid NOT NULL,
    number int NOT NULL,
    digest bytea NOT NULL,
    wrapped_key text NOT NULL,
    envelope bytea NOT NULL,
    PRIMARY KEY (telling, number)
);

REVOKE ALL ON bank_movement, movement_payment, movement_reference, statement_exception, statement_page FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE
ON bank_movement, movement_payment, movement_reference, statement_exception, statement_page TO {application_role};
"""


def migrations() -> list[Migration]:
    """Returns what statements add to the service's database."""
    return [Migration(160, "what banks tell", TABLES)]
