"""The rows of the proof, as a model reads and writes them inside its transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ringfence_audit.evidence.domain.bookings import Booking, Flaw, Known, Move, Payment, Said, Word
from ringfence_audit.evidence.domain.facts import Account, Facts, Window

BOOKING_COLUMNS = (
    "leaf, move, tenant_id, transfer_id, time_ns, amount_minor, ledger, mirror_id, other_id, is_suspense, pending_id,"
    " file, entry_id, feed_id, imported"
)
WORD_COLUMNS = (
    "file, subject_id, said, tenant_id, time_ns, feed_id, amount_minor, ledger, mirror_id, client_id, booked_by,"
    " moved_minor"
)
SAVE_ACCOUNT = "INSERT INTO evidence_accounts VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
SAVE_WINDOW = (
    "INSERT INTO evidence_windows VALUES (%s, %s, %s) ON CONFLICT (tenant_id) DO UPDATE"
    " SET window_id = excluded.window_id, until_ns = excluded.until_ns"
)
SAVE_SINCE = "INSERT INTO evidence_since SELECT %s WHERE NOT EXISTS (SELECT FROM evidence_since)"
SAVE_WORD = (
    f"INSERT INTO evidence_words ({WORD_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
    " ON CONFLICT DO NOTHING"
)
SAVE_PAYMENT = "INSERT INTO evidence_payments VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
SAVE_BOOKING = (
    f"INSERT INTO evidence_bookings ({BOOKING_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,"
    " %s, %s)"
)
NAME_EVIDENCE = (
    f"UPDATE evidence_bookings SET file = %s, entry_id = %s, feed_id = %s WHERE transfer_id = %s AND tenant_id = %s"
    f" AND move <> {Move.ALLOCATION:d}"
)
SAVE_FINDING = (
    "INSERT INTO evidence_findings (leaf, move, flaw, tenant_id, transfer_id, time_ns, amount_minor, ledger, file,"
    " entry_id, feed_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
USE_WORD = (
    "UPDATE evidence_words SET booked_by = %s, moved_minor = %s"
    " WHERE file = %s AND subject_id = %s AND said = %s AND tenant_id = %s"
)
END_WORDS = f"DELETE FROM evidence_words WHERE subject_id = ANY(%s) AND said IN ({Said.SETTLED:d}, {Said.FAILED:d})"


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
        """Writes what an event of the log says."""
        self._many(SAVE_ACCOUNT, [(*account, kind) for account, kind in facts.new_accounts])
        self._many(SAVE_WINDOW, [(each.tenant, each.window, each.until_ns) for each in facts.new_windows])
        self._many(SAVE_SINCE, [] if facts.first_named is None else [(facts.first_named,)])
        self._many(SAVE_WORD, [_word_row(each) for each in facts.words])
        payments = [(each.transfer, each.tenant, each.amount_minor, each.ledger) for each in facts.payments]
        self._many(SAVE_PAYMENT, payments)
        self._many(SAVE_BOOKING, [_booking_row(each) for each in facts.bookings])
        self._name(facts.evidence)

    def concerned(self, transfers: Iterable[bytes], subjects: Iterable[bytes]) -> list[Booking]:
        """Gives the open bookings of transfers, and those that name one of the subjects, in order of the log."""
        found = self._all(
            f"SELECT {BOOKING_COLUMNS} FROM evidence_bookings WHERE transfer_id = ANY(%s)"  # nosec B608 # no input
            f" UNION SELECT {BOOKING_COLUMNS} FROM evidence_bookings WHERE entry_id = ANY(%s) ORDER BY leaf, move",
            (list(transfers), list(subjects)),
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
        query = "SELECT transfer_id, tenant_id, amount_minor, ledger FROM evidence_payments WHERE transfer_id = ANY(%s)"
        payments = {
            bytes(row["transfer_id"]): Payment(
                bytes(row["tenant_id"]), bytes(row["transfer_id"]), row["amount_minor"], row["ledger"]
            )
            for row in self._all(query, (subjects,))
        }
        files = sorted({each.file for each in bookings if each.file is not None})
        rows = self._all("SELECT DISTINCT tenant_id, file FROM evidence_words WHERE file = ANY(%s)", (files,))
        return Known(words, payments, frozenset((bytes(row["tenant_id"]), bytes(row["file"])) for row in rows))

    def settle(self, judged: Sequence[tuple[Booking, Flaw | None]], changed: Iterable[Word]) -> None:
        """Writes what became of bookings: each leaves the open ones, to nowhere or to the findings."""
        self._many("DELETE FROM evidence_bookings WHERE leaf = %s AND move = %s", [(b.leaf, b.move) for b, _ in judged])
        self._many(SAVE_FINDING, [_finding_row(booking, flaw) for booking, flaw in judged if flaw is not None])
        self._many(USE_WORD, [(each.booked_by, each.moved_minor, *each.key) for each in changed])
        ended = [
            each.pending
            for each, flaw in judged
            if flaw is None and each.pending and each.move in (Move.POST, Move.VOID)
        ]
        if ended:
            self._connection.execute(END_WORDS.encode(), (ended,))
            self._connection.execute(b"DELETE FROM evidence_payments WHERE transfer_id = ANY(%s)", (ended,))

    def _name(self, evidence: Sequence[Booking]) -> None:
        """Notes what transfers rest on; one that touches no mirror has nothing that could be compared, and is kept."""
        self._many(NAME_EVIDENCE, [(each.file, each.entry, each.feed, each.transfer, each.tenant) for each in evidence])
        rows = self._all(
            "SELECT transfer_id, tenant_id FROM evidence_bookings WHERE transfer_id = ANY(%s)",
            ([each.transfer for each in evidence],),
        )
        there = {(bytes(row["transfer_id"]), bytes(row["tenant_id"])) for row in rows}
        lone = [each for each in evidence if (each.transfer, each.tenant) not in there]
        self._many(SAVE_BOOKING, [_booking_row(each) for each in lone])

    def _all(self, query: str, parameters: Sequence[Any] = ()) -> list[Any]:
        return list(self._connection.execute(query.encode(), parameters).fetchall())

    def _many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        if rows:
            with self._connection.cursor() as cursor:
                cursor.executemany(statement, rows)


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
