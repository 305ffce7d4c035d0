"""Texts beside the log, written and taken away in the transaction of the event that has their leaves."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from ringfence_kernel.store import EventStore

from ringfence_audit.log.domain.texts import Client, Link, Text
from ringfence_audit.texts.domain.retention import Retention, day_of, retention

LINKS_AT_ONCE = 5_000
"""Payments of a party whose texts one statement wipes, some tenths of a second."""


def _same(one: str, other: str) -> str:
    """Compares tenants of rows; of one that a release before has written it is not known whose it is: maybe of each."""
    return f"coalesce({one}.tenant, {other}.tenant, '') = coalesce({other}.tenant, {one}.tenant, '')"


def _known(one: str, other: str) -> str:
    return f"{one}.tenant = {other}.tenant"


def _linked(whose: str, same: Callable[[str, str], str]) -> str:
    """Gives what is true of texts about a payment, an entry or a file that is somebody's of `whose (tenant, party)`."""
    of, of_paid = (
        f"EXISTS (SELECT FROM {whose} WHERE whose.party IN ({each}.party, {each}.counterparty)"
        f" AND {same('whose', each)})"
        for each in ("link", "paid")
    )
    return (
        "EXISTS (SELECT FROM unnest(texts.about) AS id, LATERAL ("
        "(SELECT * FROM text_links WHERE about = id OFFSET 0)"
        " UNION ALL (SELECT * FROM text_links WHERE instruction = id OFFSET 0)"
        " UNION ALL (SELECT * FROM text_links WHERE within = id OFFSET 0)"
        f") AS link WHERE {same('link', 'texts')} AND ({of} OR (link.instruction IS NOT NULL AND EXISTS"
        f" (SELECT FROM text_links AS paid WHERE paid.about = link.instruction AND {same('paid', 'link')}"
        f" AND {of_paid}))))"
    )


def _are_of(whose: str, same: Callable[[str, str], str]) -> str:
    return (
        f"(EXISTS (SELECT FROM {whose} WHERE whose.party = ANY(texts.about) AND {same('whose', 'texts')})"
        f" OR {_linked(whose, same)})"
    )


_GONE = "erased_clients AS whose"
IS_ERASED = _are_of(_GONE, _same)
"""Of a row of `leaf_texts AS texts`: it is about somebody erased, or about a payment, an entry or a file of his."""
_IS_FREE = f" AND NOT {_are_of('unnest(%(tenants)s::bytea[], %(held)s::bytea[]) AS whose (tenant, party)', _same)}"
"""Held by no order: neither itself, nor as what was written about a payment."""
MARK = (
    "INSERT INTO erased_clients (tenant, party) SELECT * FROM unnest(%(tenants)s::bytea[], %(parties)s::bytea[])"
    " ON CONFLICT (party, tenant) DO UPDATE SET wiped_before = 0 WHERE %(again)s"
)
LATE = (
    "UPDATE leaf_texts AS texts SET salt = NULL, content = NULL"
    f" WHERE leaf BETWEEN %(first)s AND %(last)s AND salt IS NOT NULL AND {_are_of(_GONE, _known)}"
)
EARLIER = (
    "UPDATE leaf_texts AS texts SET salt = NULL, content = NULL WHERE salt IS NOT NULL AND tenant = %(tenant)s"
    " AND about && ARRAY("
    "SELECT unnest(ARRAY[about, instruction, within]) FROM text_links WHERE leaf BETWEEN %(first)s AND %(last)s"
    " AND tenant = %(tenant)s AND (party = ANY(%(gone)s) OR counterparty = ANY(%(gone)s)))"
)
"""What was written before it was known that it is about a payment of somebody erased."""
_HIS = (
    "(SELECT * FROM text_links WHERE {named} = %(party)s AND tenant = %(tenant)s AND leaf >= %(from)s"
    " ORDER BY leaf LIMIT %(most)s)"
)
WIPE = (
    "WITH those AS (SELECT leaf, about, instruction, within FROM ("
    f"{_HIS.format(named='party')} UNION {_HIS.format(named='counterparty')}"
    ") AS his ORDER BY leaf LIMIT %(most)s), ids AS ("
    "SELECT %(party)s AS id UNION SELECT unnest(ARRAY[about, instruction, within]) FROM those"
    " UNION SELECT entry.about FROM those JOIN text_links AS entry ON entry.instruction = those.about"
    " AND entry.tenant = %(tenant)s"
    "), wiped AS (UPDATE leaf_texts SET salt = NULL, content = NULL WHERE salt IS NOT NULL AND tenant = %(tenant)s"
    " AND about && ARRAY(SELECT id FROM ids WHERE id IS NOT NULL))"
    " SELECT max(leaf) + 1 AS next FROM those HAVING count(*) = %(most)s"
)
"""Takes away what is about a party and about some of its payments; gives the leaf to go on from, where there are more.

The union counts one who pays himself once.
"""
LEFT = "SELECT tenant, party, wiped_before FROM erased_clients WHERE wiped_before IS NOT NULL LIMIT 1"
WIPED = "UPDATE erased_clients SET wiped_before = %(next)s WHERE party = %(party)s AND tenant = %(tenant)s"
OLDEST = "SELECT min(day) AS day FROM leaf_texts AS texts WHERE retention = %(retention)s AND day <= %(last)s"
PRUNE = "DELETE FROM leaf_texts AS texts WHERE retention = %(retention)s AND day = %(day)s"
COLUMNS = ("int8", "text", "int2", "int4", "bool", "bytea", "bytea", "bytea[]", "bytea")
COPY = "COPY leaf_texts (leaf, field, retention, day, is_text, salt, content, about, tenant) FROM STDIN (FORMAT BINARY)"
LINK_COLUMNS = ("int8", *("bytea",) * 6)
COPY_LINKS = (
    "COPY text_links (leaf, about, instruction, within, party, counterparty, tenant) FROM STDIN (FORMAT BINARY)"
)
SAVE_LINK = (
    "INSERT INTO text_links VALUES (%s, %s, %s, %s, %s, %s, %s)"
    " ON CONFLICT (leaf) DO UPDATE SET tenant = excluded.tenant WHERE text_links.tenant IS NULL"
)
SAVE_TENANTS = (
    "UPDATE leaf_texts AS texts SET tenant = said.tenant"
    " FROM unnest(%(leaves)s::bigint[], %(tenants)s::bytea[]) AS said (leaf, tenant)"
    " WHERE texts.leaf = said.leaf AND texts.tenant IS NULL"
)
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
        erased: Collection[Client],
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
                    copy.write_row((*fixed, text.is_text, text.salt, text.content, list(text.about), text.tenant))
        if not erased:
            return
        if texts:
            connection.execute(LATE.encode(), _span(texts, first_leaf))
        gone = _gone(links, erased)
        for tenant in {tenant for tenant, _ in gone}:
            some = {"tenant": tenant, "gone": [party for whose, party in gone if whose == tenant]}
            connection.execute(EARLIER.encode(), {**_span(links, first_leaf), **some})

    def erase(self, connection: Any, *, parties: Sequence[Client]) -> None:
        """Has nothing shown any more that is about parties, or about payments, entries or files that they are in.

        It is taken away at once as well, but for what is about later ones than a party's first 5,000.
        """
        connection.execute(MARK.encode(), {**_columns("parties", parties), "again": True})
        for tenant, party in parties:
            connection.execute(WIPE.encode(), {"tenant": tenant, "party": party, "from": 0, "most": LINKS_AT_ONCE})

    def prune(self, connection: Any, *, of: Retention, day: int, held: Collection[Client]) -> None:
        """Takes away a class's texts of a day, but those that orders hold."""
        free = _IS_FREE if held else ""
        connection.execute((PRUNE + free).encode(), {"retention": int(of), "day": day, **_columns("held", held)})


class KeptTexts(TextRows):
    """The same by itself, in parts of bounded size; every call blocks."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    def mark(self, parties: Collection[Client]) -> None:
        """Has nothing shown any more that is about parties; those that are marked already stay as they are."""
        with self._store.connection() as connection:
            connection.execute(MARK.encode(), {**_columns("parties", parties), "again": False})

    def wipe_some(self) -> bool:
        """Takes away some of what is about somebody who is marked; returns False once nothing is left."""
        with self._store.connection() as connection, connection.transaction():
            left = connection.execute(LEFT.encode()).fetchone()
            if left is None:
                return False
            whose = {"tenant": left["tenant"], "party": left["party"]}
            some = {**whose, "from": left["wiped_before"], "most": LINKS_AT_ONCE}
            row = connection.execute(WIPE.encode(), some).fetchone()
            connection.execute(WIPED.encode(), {**whose, "next": row and row["next"]})
            return True

    def reached(self) -> int:
        """Gives of how many of the log's first leaves all links are there."""
        with self._store.connection() as connection:
            row = connection.execute(REACHED.encode()).fetchone()
        return row["leaves"] if row else 0

    def link(
        self, links: Sequence[Link], leaves: int, erased: Collection[Client], tenants: Mapping[int, bytes]
    ) -> None:
        """Saves links up to a number of leaves, and of which platforms their texts are.

        What is about somebody erased among them is wiped again.
        """
        gone = _gone(links, erased)
        whose = {"leaves": list(tenants), "tenants": list(tenants.values())}
        with self._store.connection() as connection, connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(SAVE_LINK.encode(), links)
            cursor.execute(SAVE_TENANTS.encode(), whose)
            if gone:
                cursor.execute(MARK.encode(), {**_columns("parties", gone), "again": True})
            cursor.execute(REACH.encode(), (leaves,))

    def oldest(self, last_days: Mapping[Retention, int], held: Collection[Client]) -> Mapping[Retention, int]:
        """Gives, by class, the oldest day of texts that are kept too long, but for those that orders hold."""
        found: dict[Retention, int] = {}
        free = _IS_FREE if held else ""
        with self._store.connection() as connection:
            for each, last in last_days.items():
                asked = {"retention": int(each), "last": last, **_columns("held", held)}
                row = connection.execute((OLDEST + free).encode(), asked).fetchone()
                if row is not None and row["day"] is not None:
                    found[each] = row["day"]
        return found


def _span(of: Sequence[Text] | Sequence[Link], first_leaf: int) -> dict[str, Any]:
    leaves = [each.leaf for each in of]
    return {"first": first_leaf + min(leaves), "last": first_leaf + max(leaves)}


def _gone(links: Sequence[Link], erased: Collection[Client]) -> set[Client]:
    """Gives who is erased of those whom links name."""
    named = ((link.tenant, each) for link in links for each in (link.party, link.counterparty) if each)
    return {each for each in named if each in erased}


def _columns(name: str, clients: Collection[Client]) -> dict[str, list[bytes]]:
    return {"tenants": [tenant for tenant, _ in clients], name: [party for _, party in clients]}
