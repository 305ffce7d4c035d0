"""The first leaf of a log that takes another's place (`audit.succession.v1`): it commits to what that one signed last.

A log whose leaves are lost never signs again under its origin. Whoever holds its checkpoints finds in the new log's
first leaf how far it owns up to them.
"""

from __future__ import annotations

from ringfence_audit.log.domain.checkpoint import Checkpoint
from ringfence_audit.log.domain.leaf import encode

SUCCESSION_KIND = "audit.succession.v1"


def succession_leaf(checkpoint: Checkpoint, note: str, time_ns: int) -> bytes:
    """Encodes the commitment to the checkpoint of another log; its signed note is there whole."""
    return encode(
        SUCCESSION_KIND,
        {
            "origin": checkpoint.origin,
            "size": checkpoint.size,
            "root": checkpoint.root,
            "checkpoint": note,
            "time_ns": time_ns,
        },
    )
