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

NARROW_READ_MODEL = """
-- Rows are only ever inserted, and have a fixed width. No index has a random key first: each grows in few places at a
-- time, so that a row costs the same however many there are (docs/ledger.md, reading).
DROP TABLE transfers, account_balances;
DELETE FROM cursors WHERE name = 'projection:statements';

-- Books by a small number, in order of their first transfer.
CREATE TABLE books (
    book int PRIMARY KEY,
    book_id uuid NOT NULL UNIQUE
);

-- One row per transfer as stored; accounts by dense index. Times are unique within a book and give the order. Unsigned
-- numbers (user data, timeout) stand as their signed twins. A slice is 2^20 transfers of a book in a row.
CREATE TABLE transfers (
    timestamp_ns bigint NOT NULL,
    position bigint NOT NULL,
    amount_minor bigint NOT NULL,
    user_data_64 bigint NOT NULL,
    id uuid NOT NULL,
    pending_id uuid NOT NULL,
    user_data_128 uuid NOT NULL,
    book int NOT NULL,
    slice int NOT NULL,
    debit_account int NOT NULL,
    credit_account int NOT NULL,
    user_data_32 int NOT NULL,
    timeout_seconds int NOT NULL,
    value_date_days int NOT NULL,
    code int NOT NULL,
    flags smallint NOT NULL
);
-- The ledger knows in memory which commit an id came with.
CREATE UNIQUE INDEX transfers_by_id ON transfers (book, position, id);
CREATE UNIQUE INDEX transfers_by_time ON transfers (book, code, timestamp_ns);
CREATE INDEX transfers_by_user_data_128 ON transfers (book, slice, user_data_128, timestamp_ns)
    WHERE user_data_128 <> '00000000-0000-0000-0000-000000000000';
CREATE INDEX transfers_by_user_data_64 ON transfers (book, slice, user_data_64, timestamp_ns) WHERE user_data_64 <> 0;
CREATE INDEX transfers_by_user_data_32 ON transfers (book, slice, user_data_32, timestamp_ns) WHERE user_data_32 <> 0;

-- When each slice began.
CREATE TABLE slices (
    book int NOT NULL,
    slice int NOT NULL,
    first_ns bigint NOT NULL,
    PRIMARY KEY (book, slice)
);

-- Two rows per transfer that moved posted balances, one for either account, with its balance (credits minus debits)
-- after it. A page of the projection is written account by account.
CREATE TABLE entries (
    timestamp_ns bigint NOT NULL,
    balance_minor bigint NOT NULL,
    book int NOT NULL,
    account int NOT NULL,
    code int NOT NULL,
    debit boolean NOT NULL
);
CREATE UNIQUE INDEX entries_by_account ON entries (book, account, debit, code, timestamp_ns);

REVOKE ALL ON books, transfers, slices, entries FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON books, transfers, slices, entries TO {application_role};
"""

STATEMENTS_BY_LEDGER = """
-- Rows are filled anew from events. Codes are small numbers: the ledger fits beside them, in rows and in the index.
TRUNCATE books, transfers, slices, entries;
DELETE FROM cursors WHERE name = 'projection:statements';

ALTER TABLE transfers ALTER COLUMN code TYPE smallint, ADD COLUMN ledger smallint NOT NULL;
DROP INDEX transfers_by_time;
CREATE UNIQUE INDEX transfers_by_time ON transfers (book, ledger, code, timestamp_ns);

-- Two rows per transfer now, whether it moved posted balances or not: where it did not, as a reservation or its void
-- does not, the code is negative, and the balance the one before.
ALTER TABLE entries ALTER COLUMN code TYPE smallint;

-- What currency each account is in: a transfer has that of its accounts.
CREATE TABLE account_ledgers (
    book int NOT NULL,
    account int NOT NULL,
    ledger smallint NOT NULL,
    PRIMARY KEY (book, account)
);
REVOKE ALL ON account_ledgers FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON account_ledgers TO {application_role};
"""


def migrations() -> list[Migration]:
    """Returns all migrations of this service."""
    return [
        *event_store_migrations(),
        Migration(100, "statements", READ_MODEL),
        Migration(101, "user_data_32", USER_DATA_32),
        Migration(102, "narrow statements", NARROW_READ_MODEL),
        Migration(103, "statements by ledger, with reservations", STATEMENTS_BY_LEDGER),
    ]
