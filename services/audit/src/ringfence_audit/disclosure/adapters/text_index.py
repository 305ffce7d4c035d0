"""Finds texts beside the log in PostgreSQL; every call blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from ringfence_kernel.projecting.plans import PREDICTABLE
from ringfence_kernel.store import EventStore

from ringfence_audit.texts.adapters.text_rows import IS_ERASED

_HASH_BYTES = 8
_HASH = "substring(sha256(content) from 1 for 8)"
_HAS = f"content = ANY(%(contents)s) AND is_text AND salt IS NOT NULL AND NOT {IS_ERASED}"
FIND = (
    "SELECT leaf, min(field) AS field FROM unnest(%(hashes)s::bytea[]) AS hash, LATERAL ("
    f"SELECT leaf, min(field) AS field FROM leaf_texts AS texts WHERE {_HASH} >= hash"
    f" AND ({_HASH}, leaf) < (hash, %(until)s) AND {_HAS}"
    f" GROUP BY {_HASH}, leaf ORDER BY {_HASH} DESC, leaf DESC LIMIT %(most)s"
    ") AS newest GROUP BY leaf ORDER BY leaf DESC LIMIT %(most)s"
)
"""Each text is asked for by itself, in the order of the index that gives the newest first."""
WITHIN = (
    "SELECT leaf, min(field) AS field FROM unnest(%(hashes)s::bytea[]) AS hash,"
    " unnest(%(firsts)s::bigint[], %(ends)s::bigint[]) AS span (first, until), LATERAL ("
    f"SELECT leaf, field FROM leaf_texts AS texts WHERE ({_HASH}, leaf) >= (hash, first)"
    f" AND ({_HASH}, leaf) < (hash, until) AND {_HAS}"
    " OFFSET 0) AS within GROUP BY leaf ORDER BY leaf DESC"
)


class StoredTexts:
    """The table of texts."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    def find(self, texts: Sequence[str], until_leaf: int, most: int) -> list[tuple[int, str]]:
        """Gives (leaf, field) of the newest leaves below one that commit to one of these; nothing of the erased."""
        return self._found(FIND, texts, {"until": until_leaf, "most": most})

    def find_within(self, texts: Sequence[str], spans: Sequence[range]) -> list[tuple[int, str]]:
        """Gives (leaf, field) of all leaves in some spans that commit to one of these, newest first; likewise."""
        asked = {"firsts": [each.start for each in spans], "ends": [each.stop for each in spans]}
        return self._found(WITHIN, texts, asked)

    def _found(self, query: str, texts: Sequence[str], asked: Mapping[str, Any]) -> list[tuple[int, str]]:
        contents = [each.encode() for each in texts]
        of_texts = {"contents": contents, "hashes": [sha256(each).digest()[:_HASH_BYTES] for each in contents]}
        with self._store.connection() as connection, connection.transaction():
            connection.execute(PREDICTABLE.encode())
            rows = connection.execute(query.encode(), {**of_texts, **asked}).fetchall()
        return [(row["leaf"], row["field"]) for row in rows]
