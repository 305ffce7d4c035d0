"""How texts beside the log are found by themselves."""

from __future__ import annotations

from hashlib import sha256

from ringfence_audit.disclosure.adapters.text_index import FIND, WITHIN
from ringfence_kernel.projecting.plans import PREDICTABLE
from ringfence_kernel.store import EventStore


def test_equal_texts_are_found_by_an_index_that_gives_the_newest_first(audit_store: EventStore) -> None:
    """However many have a text, neither finding nor adding one walks through the others."""
    asked = {"hashes": [sha256(b"RENT").digest()[:8]], "contents": [b"RENT"], "until": 10**6, "most": 256}
    with audit_store.connection() as connection, connection.transaction():
        connection.execute(PREDICTABLE.encode())
        connection.execute(
            "INSERT INTO leaf_texts (leaf, field, retention, day, is_text, salt, content, about)"
            " SELECT leaf, 'end_to_end_id', 1, 20000, true, '\\x00', convert_to('RENT', 'UTF8'), '{}'"
            " FROM generate_series(1, 5000) AS leaf"
        )
        connection.execute("ANALYZE leaf_texts")
        plan = "\n".join(str(row) for row in connection.execute(f"EXPLAIN {FIND}".encode(), asked))
        within = asked | {"firsts": [256], "ends": [512]}
        spans = "\n".join(str(row) for row in connection.execute(f"EXPLAIN {WITHIN}".encode(), within))
        kinds = connection.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'leaf_texts'").fetchall()
    assert "Index Scan Backward using leaf_texts_by_hash" in plan, plan
    assert "leaf_texts_by_hash" in spans
    assert "leaf_texts_pkey" not in plan + spans, "it would be walked to its end for a text that nobody has"
    assert not any("USING hash" in row["indexdef"] for row in kinds)
