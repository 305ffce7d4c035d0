"""Migration windows: the time in which an importer may post to a book, opened and closed by two people."""

from __future__ import annotations

from ringfence_kernel.values.clock import DAY_NS
from ringfence_kernel.writing.journal import Journal

from ringfence_custody.ledger.domain.book import Book, Migration
from ringfence_custody.ledger.domain.errors import MigrationWindowClosed, MigrationWindowOpen
from ringfence_custody.ledger.domain.events import MigrationClosed, MigrationOpened

LONGEST_NS = 30 * DAY_NS
"""A window that nobody closes ends by itself."""


def window_of(book: Book, now_ns: int) -> bytes:
    """Returns the window that is open; raises MigrationWindowClosed."""
    migration = book.migration
    if migration is None or now_ns >= migration.until_ns:
        raise MigrationWindowClosed
    return migration.window


def decide_opening(
    book: Book, window: bytes, seconds: int, reason: str, opened_by: bytes, now_ns: int
) -> MigrationOpened | None:
    """Returns the event that opens a window, None where it is open; raises MigrationWindowOpen while another is."""
    migration = book.migration
    if migration is not None and now_ns < migration.until_ns:
        if migration.window == window:
            return None
        raise MigrationWindowOpen
    until_ns = now_ns + min(seconds * 1_000_000_000, LONGEST_NS)
    return MigrationOpened(max(now_ns, book.last_timestamp + 1), window, until_ns, reason, opened_by)


def decide_closing(book: Book, window: bytes, reason: str, closed_by: bytes, now_ns: int) -> MigrationClosed | None:
    """Returns the event that closes a window, None where it is not the one that stands open."""
    if book.migration is None or book.migration.window != window:
        return None
    return MigrationClosed(max(now_ns, book.last_timestamp + 1), window, reason, closed_by)


def apply_opening(book: Book, event: MigrationOpened, journal: Journal) -> None:
    """Opens a window."""
    _set(book, Migration(event.window, event.until_ns), event.timestamp_ns, journal)


def apply_closing(book: Book, event: MigrationClosed, journal: Journal) -> None:
    """Closes it."""
    _set(book, None, event.timestamp_ns, journal)


def _set(book: Book, migration: Migration | None, timestamp_ns: int, journal: Journal) -> None:
    for name in ("migration", "migrations", "last_timestamp"):
        journal.call(setattr, book, name, getattr(book, name))
    book.migration, book.migrations = migration, book.migrations + 1
    book.last_timestamp = max(book.last_timestamp, timestamp_ns)
