"""Tables of the read model, beside the kernel's event store."""

from __future__ import annotations

from ringfence_kernel.store import Migration, event_store_migrations

READ_MODEL = """
-- One row per transfer as stored; accounts by dense index. Times are unique within a book and give the order. `moves`
-- tells whether posted balances changed, and only then the two balances after it (credits minus debits) are there.
-- u64 user data stands as its signed twin.
CREATE TABLE transfers (
    book_id uuid NOT NULL,
    id uuid NOT NULL,
    row bigint NOT NULL,
    position bigint NOT NULL,
    timestamp_ns bigint NOT NULL,
    debit_account int NOT NULL,
    credit_account int NOT NULL,
    amount_minor bigint NOT NULL,
    pending_id uuid NOT NULL,
    user_data_128 uuid NOT NULL,
    user_data_64 bigint NOT NULL,
    timeout_seconds bigint NOT NULL,
    code int NOT NULL,
    flags int NOT NULL,
    value_date_days int NOT NULL,
    moves boolean NOT NULL,
    debit_balance_minor bigint,
    credit_balance_minor bigint,
    PRIMARY KEY (book_id, id)
);
CREATE INDEX transfers_by_debit ON transfers (book_id, debit_account, timestamp_ns) WHERE moves;
CREATE INDEX transfers_by_credit ON transfers (book_id, credit_account, timestamp_ns) WHERE moves;

-- Posted balance of each account as far as the transfers above go.
CREATE TABLE account_balances (
    book_id uuid NOT NULL,
    account int NOT NULL,
    balance_minor bigint NOT NULL,
    PRIMARY KEY (book_id, account)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON transfers, account_balances TO {application_role};
"""

USER_DATA_32 = "ALTER TABLE transfers ADD COLUMN user_data_32 bigint NOT NULL DEFAULT 0"


def migrations() -> list[Migration]:
    """Returns all migrations of this service."""
    return [
        *event_store_migrations(),
        Migration(100, "statements", READ_MODEL),
        Migration(101, "user_data_32", USER_DATA_32),
    ]
