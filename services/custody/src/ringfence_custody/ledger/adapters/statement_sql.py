"""The questions to the read model, each answered by one index at the cost of what it shows.

`{order}` is ASC or DESC: a page goes up in time or down, from `from` (inclusive) and `until` (exclusive).
"""

from __future__ import annotations

from ringfence_custody.ledger.domain.result_codes import PENDING, VOID

END_OF_TIME = 2**63 - 1
UP, DOWN = "ASC", "DESC"
KEYS = ("user_data_128", "user_data_64", "user_data_32")
"""What clients choose and search for, the most selective first."""

# An account's entries stand by kind: side and code, negative for what moved no posted balance. The kinds there are, are
# found by a few steps through the index.
_KINDS = """
RECURSIVE kinds AS (
    (SELECT debit, code FROM entries WHERE book = %(book)s AND account = {account} ORDER BY debit, code LIMIT 1)
    UNION ALL
    SELECT next.debit, next.code FROM kinds CROSS JOIN LATERAL (
        SELECT debit, code FROM entries
        WHERE book = %(book)s AND account = {account} AND (debit, code) > (kinds.debit, kinds.code)
        ORDER BY debit, code LIMIT 1
    ) next
)
"""
_FILTER = """
    transfers.timestamp_ns >= %(from)s AND transfers.timestamp_ns < %(until)s
    AND (%(ledger)s = 0 OR transfers.ledger = %(ledger)s)
    AND (%(code)s = 0 OR transfers.code = %(code)s)
    AND (%(user_data_128)s::uuid IS NULL OR user_data_128 = %(user_data_128)s::uuid)
    AND (%(user_data_64)s = 0 OR user_data_64 = %(user_data_64)s)
    AND (%(user_data_32)s = 0 OR user_data_32 = %(user_data_32)s)
"""

BALANCES = f"""
SELECT account, coalesce((
    WITH {_KINDS.format(account="asked.account")}
    SELECT last.balance_minor FROM kinds CROSS JOIN LATERAL (
        SELECT timestamp_ns, balance_minor FROM entries
        WHERE book = %(book)s AND account = asked.account AND debit = kinds.debit AND code = kinds.code
            AND timestamp_ns <= %(as_of)s
        ORDER BY timestamp_ns DESC LIMIT 1
    ) last ORDER BY last.timestamp_ns DESC LIMIT 1
), 0) AS number FROM unnest(%(accounts)s::int[]) AS asked (account)
"""  # nosec B608 # constants of ours alone

LAST_MOVEMENTS = f"""
SELECT account, (
    WITH {_KINDS.format(account="asked.account")}
    SELECT max(last.timestamp_ns) FROM kinds CROSS JOIN LATERAL (
        SELECT timestamp_ns FROM entries
        WHERE book = %(book)s AND account = asked.account AND debit = kinds.debit AND code = kinds.code
        ORDER BY timestamp_ns DESC LIMIT 1
    ) last
) AS time_ns FROM unnest(%(accounts)s::int[]) AS asked (account)
"""  # nosec B608 # constants of ours alone

LEDGERS = """
SELECT account, ledger AS number FROM account_ledgers WHERE book = %(book)s AND account = ANY(%(accounts)s::int[])
"""

TIME_OF_POSITION = """
SELECT max(timestamp_ns) AS time_ns FROM transfers WHERE book = %(book)s AND position = (
    SELECT position FROM transfers WHERE book = %(book)s AND position <= %(position)s ORDER BY position DESC LIMIT 1
)
"""

TRANSFERS_BY_ID = """
SELECT found.* FROM unnest(%(positions)s::bigint[], %(ids)s::uuid[]) AS asked (position, id) CROSS JOIN LATERAL (
    SELECT * FROM transfers WHERE book = %(book)s AND position = asked.position AND id = asked.id LIMIT 1
) found
"""

TRANSFERS_BY_TIME = f"""
WITH RECURSIVE kinds AS (
    (SELECT ledger, code FROM transfers WHERE book = %(book)s ORDER BY ledger, code LIMIT 1)
    UNION ALL
    SELECT next.ledger, next.code FROM kinds CROSS JOIN LATERAL (
        SELECT ledger, code FROM transfers WHERE book = %(book)s AND (ledger, code) > (kinds.ledger, kinds.code)
        ORDER BY ledger, code LIMIT 1
    ) next
)
SELECT found.* FROM kinds CROSS JOIN LATERAL (
    SELECT * FROM transfers
    WHERE book = %(book)s AND transfers.ledger = kinds.ledger AND transfers.code = kinds.code AND {_FILTER}
    ORDER BY timestamp_ns {{order}} LIMIT %(limit)s
) found
WHERE (%(ledger)s = 0 OR kinds.ledger = %(ledger)s) AND (%(code)s = 0 OR kinds.code = %(code)s)
ORDER BY found.timestamp_ns {{order}} LIMIT %(limit)s
"""  # nosec B608 # constants of ours alone

# Slices follow one another in time: the search ends in the one that fills the page.
_SLICES = """
    SELECT slice FROM slices WHERE book = %(book)s AND first_ns < %(until)s AND slice >= coalesce(
        (SELECT max(slice) FROM slices WHERE book = %(book)s AND first_ns <= %(from)s), 0
    ) ORDER BY slice {order}
"""
TRANSFERS_BY_KEY = f"""
SELECT found.* FROM ({_SLICES}) AS asked CROSS JOIN LATERAL (
    SELECT * FROM transfers WHERE book = %(book)s AND transfers.slice = asked.slice AND {{key}} AND {_FILTER}
    ORDER BY timestamp_ns {{order}} LIMIT %(limit)s
) found ORDER BY asked.slice {{order}}, found.timestamp_ns {{order}} LIMIT %(limit)s
"""  # nosec B608 # constants of ours alone

# LIMIT 1 says that an entry has one transfer, and so which of the two tables is gone through.
STATEMENT = f"""
WITH {_KINDS.format(account="%(account)s")}
SELECT line.* FROM kinds CROSS JOIN LATERAL (
    SELECT transfers.*, entries.balance_minor FROM entries CROSS JOIN LATERAL (
        SELECT * FROM transfers WHERE book = %(book)s AND ledger = %(account_ledger)s
            AND code = abs(entries.code) AND timestamp_ns = entries.timestamp_ns
        LIMIT 1
    ) transfers
    WHERE entries.book = %(book)s AND entries.account = %(account)s
        AND entries.debit = kinds.debit AND entries.code = kinds.code
        AND entries.timestamp_ns >= %(from)s AND entries.timestamp_ns < %(until)s AND {_FILTER}
    ORDER BY entries.timestamp_ns {{order}} LIMIT %(limit)s
) line
WHERE (%(code)s = 0 OR abs(kinds.code) = %(code)s) AND (%(reservations)s OR kinds.code > 0)
    AND (%(debit)s::boolean IS NULL OR kinds.debit = %(debit)s::boolean)
ORDER BY line.timestamp_ns {{order}} LIMIT %(limit)s
"""  # nosec B608 # constants of ours alone
STATEMENT_BY_KEY = f"""
SELECT line.* FROM ({_SLICES}) AS asked CROSS JOIN LATERAL (
    SELECT transfers.*, entries.balance_minor FROM transfers CROSS JOIN LATERAL (
        SELECT balance_minor FROM entries WHERE book = %(book)s AND account = %(account)s
            AND debit = (transfers.debit_account = %(account)s)
            AND code = CASE WHEN %(reservations)s AND transfers.flags & {PENDING | VOID} <> 0
                THEN -transfers.code ELSE transfers.code END
            AND timestamp_ns = transfers.timestamp_ns
        LIMIT 1
    ) entries
    WHERE transfers.book = %(book)s AND transfers.slice = asked.slice AND {{key}} AND {_FILTER}
        AND (debit_account = %(account)s OR credit_account = %(account)s)
        AND (%(debit)s::boolean IS NULL OR (debit_account = %(account)s) = %(debit)s::boolean)
    ORDER BY transfers.timestamp_ns {{order}} LIMIT %(limit)s
) line ORDER BY asked.slice {{order}}, line.timestamp_ns {{order}} LIMIT %(limit)s
"""  # nosec B608 # constants of ours alone


def by_key(question: str, key: str, order: str) -> str:
    """Returns a question that is answered by the index of user data; a partial index wants its condition told."""
    nothing = "'00000000-0000-0000-0000-000000000000'" if key == "user_data_128" else "0"
    return question.format(order=order, key=f"{key} = %({key})s AND {key} <> {nothing}")
