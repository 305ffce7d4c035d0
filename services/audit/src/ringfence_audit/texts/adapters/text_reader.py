"""Reads texts beside the log; every call blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ringfence_kernel.store import EventStore

from ringfence_audit.log.domain.texts import Opening
from ringfence_audit.texts.adapters.text_rows import IS_ERASED

OF_LEAVES = (
    "SELECT leaf, field, is_text, CASE WHEN salt IS NULL OR " + IS_ERASED + " THEN NULL ELSE salt END AS salt, content"
    " FROM leaf_texts AS texts WHERE leaf = ANY(%s) ORDER BY leaf, field"
)
"""What is about somebody erased may wait for being wiped."""


class TextReader:
    """The table of texts in PostgreSQL."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    def of_leaves(self, leaves: Sequence[int]) -> Mapping[int, list[Opening]]:
        """Gives what leaves commit to, by leaf; those that are about somebody erased without salt and content."""
        if not leaves:
            return {}
        with self._store.connection() as connection:
            rows = connection.execute(OF_LEAVES.encode(), (list(leaves),)).fetchall()
        found: dict[int, list[Opening]] = {}
        for row in rows:
            salt = row["salt"] or b""
            opening = Opening(row["field"], salt, row["content"] if salt else b"", row["is_text"])
            found.setdefault(row["leaf"], []).append(opening)
        return found
