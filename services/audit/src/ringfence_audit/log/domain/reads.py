"""Reads are leaves (`audit.read.v1`) before they are answered; whoever copies the log reads what others have read."""

from __future__ import annotations

from ringfence_audit.log.domain.leaf import decode

READ_KIND = "audit.read.v1"
PRUNED_KIND = "audit.pruned.v1"
"""Texts beside the log were pruned: the same event holds it."""
COPYING = "ReadEntries"
"""The method of a read of entry bundles. A checkpoint for such a read would be read again, for ever."""


def is_read_of(leaf: bytes, reader: bytes, grant_id: bytes) -> bool:
    """Tells whether a leaf is a read by somebody (16 bytes) under a grant."""
    kind, fields = decode(leaf)
    return kind == READ_KIND and (fields.get("reader_id"), fields.get("grant_id", b"")) == (reader, grant_id)


def is_copying(leaf: bytes) -> bool:
    """Tells whether the leaf of a read says that entry bundles were read."""
    try:
        return decode(leaf)[1].get("method") == COPYING
    except ValueError:  # what is committed is taken in, whatever it is
        return False
