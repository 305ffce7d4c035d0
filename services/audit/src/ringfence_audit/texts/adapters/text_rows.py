"""Texts beside the log, written and taken away in the transaction of the event that has their leaves."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ringfence_kernel.store import EventStore

from ringfence_audit.log.domain.texts import Link, Text
from ringfence_audit.texts.domain.retention import Retention, day_of, retention

LINKS_AT_ONCE = 5_000
"""Payments of a party whose texts one statement wipes, some tenths of a second."""
_LINKED = (
    "EXISTS (SELECT FROM unnest(texts.about) AS id, LATERAL ("
    "(SELECT * FROM text_links WHERE about = id OFFSET 0)"
    " UNION ALL (SELECT * FROM text_links WHERE instruction = id OFFSET 0)"
    " UNION ALL (SELECT * FROM text_links WHERE within = id OFFSET 0)"
    ") AS link WHERE {of} OR (link.instruction IS NOT NULL AND EXISTS"
    " (SELECT FROM text_links AS paid WHERE paid.about = link.instruction AND {of_paid})))"
)
_GONE = "EXISTS (SELECT FROM erased_parties WHERE party IN ({link}.party, {link}.counterparty))"
_HELD = "({link}.party = ANY(%(held)s) OR {link}.counterparty = ANY(%(held)s))"
IS_ERASED = (
    "(EXISTS (SELECT FROM erased_parties WHERE party = ANY(texts.about)) OR "
    + _LINKED.format(of=_GONE.format(link="link"), of_paid=_GONE.format(link="paid"))
    + ")"
)
"""Of a row of `leaf_texts AS texts`: it is about somebody erased, or about a payment, an entry or a file of his."""
_IS_FREE = (
    " AND NOT (texts.about && %(held)s::bytea[] OR "
    + _LINKED.format(of=_HELD.format(link="link"), of_paid=_HELD.format(link="paid"))
    + ")"
)
"""Held by no order: neither itself, nor as what was written about a payment."""
MARK = (
    "INSERT INTO erased_parties (party) SELECT unnest(%(parties)s::bytea[])"
    " ON CONFLICT (party) DO UPDATE SET wiped_before = 0 WHERE %(again)s"
)
LATE = (
    "UPDATE leaf_texts AS texts SET salt = NULL, content = NULL"
    " WHERE leaf BETWEEN %(first)s AND %(last)s AND salt IS NOT NULL AND " + IS_ERASED
)
EARLIER = (
    "UPDATE leaf_texts AS texts SET salt = NULL, content = NULL WHERE salt IS NOT NULL AND about && ARRAY("
    "SELECT unnest(ARRAY[about, instruction, within]) FROM text_links WHERE leaf BETWEEN %(first)s AND %(last)s"
    " AND (party = ANY(%(gone)s) OR counterparty = ANY(%(gone)s)))"
)
"""What was written before it was known that it is about a payment of somebody erased."""
WIPE = (
    "WITH those AS (SELECT leaf, about, instruction, within FROM ("
    "(SELECT * FROM text_links WHERE party = %(party)s AND leaf >= %(from)s ORDER BY leaf LIMIT %(most)s) UNION"
    " (SELECT * FROM text_links WHERE counterparty = %(party)s AND leaf >= %(from)s ORDER BY leaf LIMIT %(most)s)"
    ") AS his ORDER BY leaf LIMIT %(most)s), ids AS ("
    "SELECT %(party)s AS id UNION SELECT unnest(ARRAY[about, instruction, within]) FROM those"
    " UNION SELECT entry.about FROM those JOIN text_links AS entry ON entry.instruction = those.about"
    "), wiped AS (UPDATE leaf_texts SET salt = NULL, content = NULL WHERE salt IS NOT NULL"
    " AND about && ARRAY(SELECT id FROM ids WHERE id IS NOT NULL))"
    " SELECT max(leaf) + 1 AS next FROM those HAVING count(*) = %(most)s"
)
"""Takes away what is about a party and about some of its payments; gives the leaf to go on from, where there are more.

The union counts one who pays himself once.
"""
LEFT = "SELECT party, wiped_before FROM erased_parties WHERE wiped_before IS NOT NULL LIMIT 1"
WIPED = "UPDATE erased_parties SET wiped_before = %(next)s WHERE party = %(party)s"
OLDEST = "SELECT min(day) AS day FROM leaf_texts AS texts WHERE retention = %(retention)s AND day <= %(last)s"
PRUNE = "DELETE FROM leaf_texts AS texts WHERE retention = %(retention)s AND day = %(day)s"
COLUMNS = ("int8", "text", "int2", "int4", "bool", "bytea", "bytea", "bytea[]")
COPY = "COPY leaf_texts (leaf, field, retention, day, is_text, salt, content, about) FROM STDIN (FORMAT BINARY)"
LINK_COLUMNS = ("int8", "bytea", "bytea", "bytea", "bytea", "bytea")
COPY_LINKS = "COPY text_links (leaf, about, instruction, within, party, counterparty) FROM STDIN (FORMAT BINARY)"
SAVE_LINK = "INSERT INTO text_links VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (leaf) DO NOTHING"
REACHED, REACH = "SELECT leaves FROM text_links_reach", "UPDATE text_links_reach SET leaves = %s"


class TextRows:
    """The tables of texts, as the writer of the log fills them."""

    def save(
        self,
        connection: Any,
        *,
        texts: Sequence[Text],
        links: Sequence[Link],
        first_leaf: int,
        erased: Collection[bytes],
    ) -> None:
        """Writes texts and links of a page whose first leaf is `first_leaf`, but no text that is about who is erased.

        Where a payment turns out to be of somebody erased, what was written about it or its file goes as well.
        """
        if links:
            with connection.cursor().copy(COPY_LINKS) as copy:
                copy.set_types(LINK_COLUMNS)
                for link in links:
                    copy.write_row((first_leaf + link.leaf, *link[1:]))
        if texts:
            with connection.cursor().copy(COPY) as copy:
                copy.set_types(COLUMNS)
                for text in texts:
                    fixed = (first_leaf + text.leaf, text.field, retention(text.kind), day_of(text.time_ns))
                    copy.write_row((*fixed, text.is_text, text.salt, text.content, list(text.about)))
        if not erased:
            return
        if texts:
            connection.execute(LATE.encode(), _span(texts, first_leaf))
        gone = {each for link in links for each in (link.party, link.counterparty) if each in erased}
        if gone:
            connection.execute(EARLIER.encode(), {**_span(links, first_leaf), "gone": list(gone)})

    def erase(self, connection: Any, *, parties: Sequence[bytes]) -> None:
        """Has nothing shown any more that is about parties, or about payments, entries or files that they are in.

        It is taken away at once as well, but for what is about later ones than a party's first 5,000.
        """
        connection.execute(MARK.encode(), {"parties": list(parties), "again": True})
        for party in parties:
            connection.execute(WIPE.encode(), {"party": party, "from": 0, "most": LINKS_AT_ONCE})

    def prune(self, connection: Any, *, of: Retention, day: int, held: Collection[bytes]) -> None:
        """Takes away a class's texts of a day, but those that orders hold."""
        free = _IS_FREE if held else ""
        connection.execute((PRUNE + free).encode(), {"retention": int(of), "day": day, "held": list(held)})


class KeptTexts(TextRows):
    """The same by itself, in parts of bounded size; every call blocks."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    def mark(self, parties: Collection[bytes]) -> None:
        """Has nothing shown any more that is about parties; those that are marked already stay as they are."""
        with self._store.connection() as connection:
            connection.execute(MARK.encode(), {"parties": list(parties), "again": False})

    def wipe_some(self) -> bool:
        """Takes away some of what is about somebody who is marked; returns False once nothing is left."""
        with self._store.connection() as connection, connection.transaction():
            left = connection.execute(LEFT.encode()).fetchone()
            if left is None:
                return False
            some = {"party": left["party"], "from": left["wiped_before"], "most": LINKS_AT_ONCE}
            row = connection.execute(WIPE.encode(), some).fetchone()
            connection.execute(WIPED.encode(), {"party": left["party"], "next": row and row["next"]})
            return True

    def reached(self) -> int:
        """Gives of how many of the log's first leaves all links are there."""
        with self._store.connection() as connection:
            row = connection.execute(REACHED.encode()).fetchone()
        return row["leaves"] if row else 0

    def link(self, links: Sequence[Link], leaves: int, erased: Collection[bytes]) -> None:
        """Saves links up to a number of leaves; what is about somebody erased among them is wiped again."""
        gone = {each for link in links for each in (link.party, link.counterparty) if each in erased}
        with self._store.connection() as connection, connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(SAVE_LINK.encode(), links)
            if gone:
                cursor.execute(MARK.encode(), {"parties": list(gone), "again": True})
            cursor.execute(REACH.encode(), (leaves,))

    def oldest(self, last_days: Mapping[Retention, int], held: Collection[bytes]) -> Mapping[Retention, int]:
        """Gives, by class, the oldest day of texts that are kept too long, but for those that orders hold."""
        found: dict[Retention, int] = {}
        free = _IS_FREE if held else ""
        with self._store.connection() as connection:
            for each, last in last_days.items():
                asked = {"retention": int(each), "last": last, "held": list(held)}
                row = connection.execute((OLDEST + free).encode(), asked).fetchone()
                if row is not None and row["day"] is not None:
                    found[each] = row["day"]
        return found


def _span(of: Sequence[Text] | Sequence[Link], first_leaf: int) -> dict[str, Any]:
    leaves = [each.leaf for each in of]
    return {"first": first_leaf + min(leaves), "last": first_leaf + max(leaves)}
