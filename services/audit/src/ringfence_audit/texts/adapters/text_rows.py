"""Texts beside the log, written and taken away in the transaction of the event that has their leaves."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ringfence_kernel.store import EventStore

from ringfence_audit.log.domain.texts import Text
from ringfence_audit.texts.domain.retention import Retention, day_of, retention

_OF_PARTIES = "(party = ANY(%(parties)s) OR counterparty = ANY(%(parties)s))"
ERASE = (
    "UPDATE leaf_texts SET salt = NULL, content = NULL WHERE salt IS NOT NULL AND (" + _OF_PARTIES + " OR about = ANY("
    "ARRAY(SELECT about FROM leaf_texts WHERE " + _OF_PARTIES + " AND about IS NOT NULL"
    " UNION SELECT within FROM leaf_texts WHERE " + _OF_PARTIES + " AND within IS NOT NULL)))"
)
FOLLOW = (
    "UPDATE leaf_texts AS late SET salt = NULL, content = NULL WHERE late.leaf BETWEEN %s AND %s"
    " AND EXISTS (SELECT FROM leaf_texts AS gone WHERE gone.about = late.about AND gone.salt IS NULL)"
)
FREE = (
    " NOT coalesce(party = ANY(%(held)s), false) AND NOT coalesce(counterparty = ANY(%(held)s), false)"
    " AND NOT coalesce(about = ANY(ARRAY(SELECT about FROM leaf_texts WHERE about IS NOT NULL"
    " AND (party = ANY(%(held)s) OR counterparty = ANY(%(held)s)))), false)"
)
"""Held by no order: neither itself, nor as what was written about a payment."""
OLDEST = "SELECT min(day) AS day FROM leaf_texts WHERE retention = %(retention)s AND day <= %(last)s AND" + FREE
PRUNE = "DELETE FROM leaf_texts WHERE retention = %(retention)s AND day = %(day)s AND" + FREE
COLUMNS = ("int8", "text", "int2", "int4", "bool", "bytea", "bytea", "bytea", "bytea", "bytea", "bytea")
COPY = (
    "COPY leaf_texts (leaf, field, retention, day, is_text, salt, content, about, within, party, counterparty)"
    " FROM STDIN (FORMAT BINARY)"
)


class TextRows:
    """The table of texts, as the writer of the log fills it."""

    def save(self, connection: Any, *, texts: Sequence[Text], first_leaf: int, erased: Collection[bytes]) -> None:
        """Writes the texts of a page whose first leaf is `first_leaf`, but none that is about somebody erased."""
        if not texts:
            return
        with connection.cursor().copy(COPY) as copy:
            copy.set_types(COLUMNS)
            for text in texts:
                gone = text.party in erased or text.counterparty in erased
                said = (None, None) if gone else (text.salt, text.content)
                fixed = (first_leaf + text.leaf, text.field, retention(text.kind), day_of(text.time_ns), text.is_text)
                copy.write_row((*fixed, *said, text.about, text.within, text.party, text.counterparty))
        if erased:
            leaves = [text.leaf for text in texts]
            connection.execute(FOLLOW.encode(), (first_leaf + min(leaves), first_leaf + max(leaves)))

    def erase(self, connection: Any, *, parties: Sequence[bytes]) -> None:
        """Takes away what is about parties, and about payments or files that they are in."""
        connection.execute(ERASE.encode(), {"parties": list(parties)})

    def prune(self, connection: Any, *, of: Retention, day: int, held: Collection[bytes]) -> None:
        """Takes away a class's texts of a day, but those that orders hold."""
        connection.execute(PRUNE.encode(), {"retention": int(of), "day": day, "held": list(held)})


class KeptTexts(TextRows):
    """The same, which tells what is kept too long."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    def erase_again(self, parties: Collection[bytes]) -> None:
        """Takes away what is about parties."""
        with self._store.connection() as connection:
            self.erase(connection, parties=list(parties))

    def oldest(self, last_days: Mapping[Retention, int], held: Collection[bytes]) -> Mapping[Retention, int]:
        """Gives, by class, the oldest day of texts that are kept too long, but for those that orders hold."""
        found: dict[Retention, int] = {}
        with self._store.connection() as connection:
            for each, last in last_days.items():
                asked = {"retention": int(each), "last": last, "held": list(held)}
                row = connection.execute(OLDEST.encode(), asked).fetchone()
                if row is not None and row["day"] is not None:
                    found[each] = row["day"]
        return found
