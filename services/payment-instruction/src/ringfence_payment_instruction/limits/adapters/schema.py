"""The table of payments of the last days by fingerprint."""

from __future__ import annotations

from ringfence_kernel.store import Migration

TABLES = """
-- Payments as they were ordered in the last month, by keyed hash of parties, amount, currency and text; written with
-- the events, so that a payment that is ordered again is found however soon that is.
CREATE TABLE recent_payments (
    fingerprint uuid NOT NULL,
    stream uuid NOT NULL,
    instruction_index int NOT NULL,
    position bigint NOT NULL,
    day int NOT NULL
);
CREATE INDEX recent_payments_by_fingerprint ON recent_payments (fingerprint, position);
CREATE INDEX recent_payments_by_day ON recent_payments USING brin (day);

REVOKE ALL ON recent_payments FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON recent_payments TO {application_role};
"""


def migrations() -> list[Migration]:
    """Returns what limits add to the service's database."""
    return [Migration(140, "recent payments", TABLES)]
