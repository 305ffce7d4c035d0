"""What finds a text beside the log by itself: eight bytes of its hash, which go with it."""

from __future__ import annotations

TEXT_INDEX = """
CREATE INDEX leaf_texts_by_content ON leaf_texts USING hash (content) WHERE is_text;
"""

TEXT_LEAF_INDEX = """
-- Equal texts are many. With the leaf in the key each goes to a place of its own, and the newest are found first.
DROP INDEX leaf_texts_by_content;
CREATE INDEX leaf_texts_by_hash ON leaf_texts (substring(sha256(content) from 1 for 8), leaf)
    WHERE is_text AND salt IS NOT NULL;
"""
