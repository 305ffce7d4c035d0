"""Folds as rows: where a process, or a question about the past, goes on from."""

from __future__ import annotations

from typing import Any

from ringfence_audit.books.adapters.saving import restored, saved
from ringfence_audit.books.domain.fold import Fold

SPACING = 1 << 20
"""Leaves of the log from one to the next."""
NEWEST, EVERY = 4, 4
"""So many of the newest stay, and of the others every fourth."""
PART_BYTES = 1 << 20
SAVE = "INSERT INTO books_folds VALUES (%s, %s, %s, %s, %s)"
FORGET = "DELETE FROM books_folds WHERE number = %s"
FIND = (
    "SELECT number, position FROM books_folds"
    " WHERE part = 0 AND position < %s AND latest_ns <= %s ORDER BY number DESC LIMIT 1"
)
PARTS = "SELECT content FROM books_folds WHERE number = %s ORDER BY part"
NEVER_NS = (1 << 63) - 1


def save_fold(connection: Any, fold: Fold, position: int) -> None:
    """Saves a fold after the event at a position; of older ones most go."""
    number, content = fold.size // SPACING, saved(fold)
    parts = range(0, len(content), PART_BYTES)
    with connection.cursor() as cursor:
        cursor.executemany(
            SAVE,
            [(number, part, position, fold.latest_ns, content[at : at + PART_BYTES]) for part, at in enumerate(parts)],
        )
    old = number - NEWEST
    if old > 0 and old % EVERY:
        connection.execute(FORGET, (old,))


def newest_fold(connection: Any, before_position: int, until_ns: int = NEVER_NS) -> tuple[Fold, int]:
    """Gives the newest fold of events before a position, and none after a time; and its own position, 0 of none."""
    row = connection.execute(FIND, (before_position, until_ns)).fetchone()
    if row is None:
        return Fold(), 0
    parts = connection.execute(PARTS, (row["number"],)).fetchall()
    return restored(b"".join(bytes(each["content"]) for each in parts)), row["position"]
