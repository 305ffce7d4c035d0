"""The rows of the proof, as a model reads and writes them inside its transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ringfence_audit.evidence.domain.bookings import Booking, Flaw, Known, Move, Payment, Said, Word
from ringfence_audit.evidence.domain.facts import Account, Facts, Window

BOOKING_COLUMNS = (
    "leaf, move, tenant_id, transfer_id, time_ns, amount_minor, ledger, mirror_id, other_id, is_suspense, pending_id,"
    " file, entry_id, feed_id, imported, had_ns"
)
WORD_COLUMNS = (
    "file, subject_id, said, tenant_id, time_ns, feed_id, amount_minor, ledger, mirror_id, client_id, booked_by,"
    " moved_minor"
)
BOOKING_TYPES = (
    "bigint smallint bytea bytea bigint bigint integer bytea bytea boolean bytea bytea bytea bytea boolean"
    " bigint".split()
)
PAYMENT_COLUMNS = "transfer_id, tenant_id, amount_minor, ledger, debtor_id, creditor_id, mandate_id"
PAYMENT_TYPES = "bytea bytea bigint integer bytea bytea bytea".split()
WORD_TYPES = "bytea bytea smallint bytea bigint bytea bigint integer bytea bytea bytea bigint".split()
FINDING_COLUMNS = "leaf, move, flaw, tenant_id, transfer_id, time_ns, amount_minor, ledger, file, entry_id, feed_id"
FINDING_TYPES = "bigint smallint smallint bytea bytea bigint bigint integer bytea bytea bytea".split()
END_WORDS = f"DELETE FROM evidence_words WHERE subject_id = ANY(%s) AND said IN ({Said.SETTLED:d}, {Said.FAILED:d})"


def _of(types: Sequence[str]) -> str:
    """Returns a source of rows whose columns come as arrays: a statement serves all rows at once."""
    return f"unnest({', '.join(f'%s::{each}[]' for each in types)})"


SAVE_ACCOUNTS = f"INSERT INTO evidence_accounts SELECT * FROM {_of(['bytea', 'bytea', 'text'])} ON CONFLICT DO NOTHING"
SAVE_WINDOW = (
    "INSERT INTO evidence_windows VALUES (%s, %s, %s) ON CONFLICT (tenant_id) DO UPDATE"
    " SET window_id = excluded.window_id, until_ns = excluded.until_ns"
)
SAVE_SINCE = "INSERT INTO evidence_since SELECT %s WHERE NOT EXISTS (SELECT FROM evidence_since)"
SAVE_WORDS = f"INSERT INTO evidence_words ({WORD_COLUMNS}) SELECT * FROM {_of(WORD_TYPES)} ON CONFLICT DO NOTHING"
SAVE_PAYMENTS = (
    f"INSERT INTO evidence_payments ({PAYMENT_COLUMNS}) SELECT * FROM {_of(PAYMENT_TYPES)} ON CONFLICT DO NOTHING"
)
END_PAYMENTS = (
    "DELETE FROM evidence_payments payment WHERE transfer_id = ANY(%s)"
    " AND NOT EXISTS (SELECT FROM evidence_bookings WHERE pending_id = payment.transfer_id)"
    " AND NOT EXISTS (SELECT FROM evidence_bookings open WHERE open.transfer_id = payment.transfer_id)"
)
SAVE_BOOKINGS = f"INSERT INTO evidence_bookings ({BOOKING_COLUMNS}) SELECT * FROM {_of(BOOKING_TYPES)}"
SAVE_FINDINGS = f"INSERT INTO evidence_findings ({FINDING_COLUMNS}) SELECT * FROM {_of(FINDING_TYPES)}"
NAME_EVIDENCE = (
    "UPDATE evidence_bookings each SET file = named.file, entry_id = named.entry, feed_id = named.feed"
    f" FROM {_of(['bytea'] * 5)} AS named (file, entry, feed, transfer, tenant)"
    f" WHERE transfer_id = named.transfer AND tenant_id = named.tenant AND move <> {Move.ALLOCATION:d}"
    " RETURNING transfer_id, tenant_id"
)
USE_WORDS = (
    "UPDATE evidence_words each SET booked_by = used.booked_by, moved_minor = used.moved_minor"
    f" FROM {_of(['bytea', 'bigint', 'bytea', 'bytea', 'smallint', 'bytea'])}"
    " AS used (booked_by, moved_minor, file, subject, said, tenant)"
    " WHERE each.file = used.file AND subject_id = used.subject AND each.said = used.said AND tenant_id = used.tenant"
)
END_BOOKINGS = (
    f"DELETE FROM evidence_bookings each USING {_of(['bigint', 'smallint'])} AS judged (leaf, move)"
    " WHERE each.leaf = judged.leaf AND each.move = judged.move"
)


class ProofRows:
    """Rows of the proof over one connection, whose transaction is somebody else's."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def accounts(self) -> dict[Account, str]:
        """Gives the mirrors and suspense accounts of all books: a handful each."""
        rows = self._all("SELECT tenant_id, account_id, class FROM evidence_accounts")
        return {(bytes(row["tenant_id"]), bytes(row["account_id"])): row["class"] for row in rows}

    def windows(self) -> dict[bytes, Window]:
        """Gives the newest window of each book."""
        rows = self._all("SELECT tenant_id, window_id, until_ns FROM evidence_windows")
        return {
            bytes(row["tenant_id"]): Window(bytes(row["tenant_id"]), bytes(row["window_id"]), row["until_ns"])
            for row in rows
        }

    def since(self) -> int | None:
        """Gives the first leaf that shows a custody which names evidence; None where there is none."""
        rows = self._all("SELECT leaf FROM evidence_since")
        return int(rows[0]["leaf"]) if rows else None

    def save(self, facts: Facts) -> None:
        """Writes what an event of the log says beside its bookings."""
        self._many(SAVE_ACCOUNTS, [(*account, kind) for account, kind in facts.new_accounts])
        for each in facts.new_windows:
            self._connection.execute(SAVE_WINDOW.encode(), (each.tenant, each.window, each.until_ns))
        if facts.first_named is not None:
            self._connection.execute(SAVE_SINCE.encode(), (facts.first_named,))
        self._many(SAVE_WORDS, [_word_row(each) for each in facts.words])
        self._many(SAVE_PAYMENTS, [_payment_row(each) for each in facts.payments])

    def name(self, evidence: Sequence[Booking]) -> list[Booking]:
        """Notes what open bookings of earlier events rest on; returns what is of none of them."""
        named = [(each.file, each.entry, each.feed, each.transfer, each.tenant) for each in evidence]
        found = self._all(NAME_EVIDENCE, _columns(named)) if named else []
        there = {(bytes(row["transfer_id"]), bytes(row["tenant_id"])) for row in found}
        return [each for each in evidence if (each.transfer, each.tenant) not in there]

    def add(self, bookings: Sequence[Booking]) -> None:
        """Writes open bookings."""
        self._many(SAVE_BOOKINGS, [_booking_row(each) for each in bookings])

    def concerned(self, transfers: Iterable[bytes], subjects: Iterable[bytes]) -> list[Booking]:
        """Gives open bookings of transfers, or that end one, and those that name a subject, in order of the log."""
        found = self._all(
            f"SELECT {BOOKING_COLUMNS} FROM evidence_bookings WHERE transfer_id = ANY(%s)"  # nosec B608 # no input
            f" UNION SELECT {BOOKING_COLUMNS} FROM evidence_bookings WHERE pending_id = ANY(%s)"
            f" UNION SELECT {BOOKING_COLUMNS} FROM evidence_bookings WHERE entry_id = ANY(%s) ORDER BY leaf, move",
            (list(transfers), list(transfers), list(subjects)),
        )
        return list(map(_booking, found))

    def open_before(self, leaf: int, limit: int) -> list[Booking]:
        """Gives open bookings before a leaf, in order of the log."""
        query = f"SELECT {BOOKING_COLUMNS} FROM evidence_bookings WHERE leaf < %s ORDER BY leaf, move LIMIT %s"  # nosec B608
        return list(map(_booking, self._all(query, (leaf, limit))))

    def known(self, bookings: Sequence[Booking]) -> Known:
        """Gives what may concern these bookings."""
        subjects = sorted({each for booking in bookings for each in (booking.entry, booking.pending) if each})
        words: dict[bytes, list[Word]] = {}
        query = f"SELECT {WORD_COLUMNS} FROM evidence_words WHERE subject_id = ANY(%s) ORDER BY file, subject_id, said"  # nosec B608
        for row in self._all(query, (subjects,)):
            words.setdefault(bytes(row["subject_id"]), []).append(_word(row))
        transfers = sorted({*subjects, *(each.reserved for each in bookings if each.move is Move.ALLOCATION)})
        query = f"SELECT {PAYMENT_COLUMNS} FROM evidence_payments WHERE transfer_id = ANY(%s)"  # nosec B608
        payments = {bytes(row["transfer_id"]): _payment(row) for row in self._all(query, (transfers,))}
        files = sorted({each.file for each in bookings if each.file is not None})
        rows = self._all("SELECT DISTINCT tenant_id, file FROM evidence_words WHERE file = ANY(%s)", (files,))
        return Known(words, payments, frozenset((bytes(row["tenant_id"]), bytes(row["file"])) for row in rows))

    def settle(self, judged: Sequence[tuple[Booking, Flaw | None]], changed: Iterable[Word]) -> None:
        """Writes what became of bookings: each leaves the open ones, to nowhere or to the findings."""
        self._many(END_BOOKINGS, [(each.leaf, each.move) for each, _ in judged])
        self._many(SAVE_FINDINGS, [_finding_row(booking, flaw) for booking, flaw in judged if flaw is not None])
        self._many(USE_WORDS, [(each.booked_by, each.moved_minor, *each.key) for each in changed])
        ended = [
            each.pending
            for each, flaw in judged
            if flaw is None and each.pending and each.move in (Move.POST, Move.VOID)
        ]
        if ended:
            self._connection.execute(END_WORDS.encode(), (ended,))

    def forget(self, transfers: Sequence[bytes]) -> None:
        """Ends payments, by their transfer, that no open booking needs."""
        if transfers:
            self._connection.execute(END_PAYMENTS.encode(), (list(transfers),))

    def _all(self, query: str, parameters: Sequence[Any] = ()) -> list[Any]:
        return list(self._connection.execute(query.encode(), parameters).fetchall())

    def _many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        if rows:
            self._connection.execute(statement.encode(), _columns(rows))


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _word_row(word: Word) -> tuple[Any, ...]:
    return (
        word.file,
        word.subject,
        word.said,
        word.tenant,
        word.time_ns,
        word.feed,
        word.amount_minor,
        word.ledger,
        word.mirror,
        word.client,
        word.booked_by,
        word.moved_minor,
    )


def _word(row: Any) -> Word:
    return Word(
        file=bytes(row["file"]),
        subject=bytes(row["subject_id"]),
        said=Said(row["said"]),
        tenant=bytes(row["tenant_id"]),
        time_ns=row["time_ns"],
        feed=row["feed_id"],
        amount_minor=row["amount_minor"],
        ledger=row["ledger"],
        mirror=row["mirror_id"],
        client=row["client_id"],
        booked_by=row["booked_by"],
        moved_minor=row["moved_minor"],
    )


def _payment_row(payment: Payment) -> tuple[Any, ...]:
    return (
        payment.transfer,
        payment.tenant,
        payment.amount_minor,
        payment.ledger,
        payment.debtor,
        payment.creditor,
        payment.mandate,
    )


def _payment(row: Any) -> Payment:
    return Payment(
        tenant=bytes(row["tenant_id"]),
        transfer=bytes(row["transfer_id"]),
        amount_minor=row["amount_minor"],
        ledger=row["ledger"],
        debtor=bytes(row["debtor_id"]),
        creditor=row["creditor_id"],
        mandate=row["mandate_id"],
    )


def _booking_row(booking: Booking) -> tuple[Any, ...]:
    return (
        booking.leaf,
        booking.move,
        booking.tenant,
        booking.transfer,
        booking.time_ns,
        booking.amount_minor,
        booking.ledger,
        booking.mirror,
        booking.other,
        booking.is_suspense,
        booking.pending,
        booking.file,
        booking.entry,
        booking.feed,
        booking.imported,
        booking.had_ns,
    )


def _booking(row: Any) -> Booking:
    return Booking(
        leaf=row["leaf"],
        move=Move(row["move"]),
        tenant=bytes(row["tenant_id"]),
        transfer=bytes(row["transfer_id"]),
        time_ns=row["time_ns"],
        amount_minor=row["amount_minor"],
        ledger=row["ledger"],
        mirror=row["mirror_id"],
        other=row["other_id"],
        is_suspense=row["is_suspense"],
        pending=row["pending_id"],
        file=row["file"],
        entry=row["entry_id"],
        feed=row["feed_id"],
        imported=row["imported"],
        had_ns=row["had_ns"],
    )


def _finding_row(booking: Booking, flaw: Flaw) -> tuple[Any, ...]:
    return (
        booking.leaf,
        booking.move,
        flaw,
        booking.tenant,
        booking.transfer,
        booking.time_ns,
        booking.amount_minor,
        booking.ledger,
        booking.file,
        booking.entry,
        booking.feed,
    )
