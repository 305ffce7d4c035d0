"""Lapses: checkpoints that are published without their quorum of witnesses, where the site lets it be.

A leaf says so before the first of them is published (`audit.lapse.v1`), so that none is shown that does not own up to
it; another says when the quorum was there again (`audit.lapse_ended.v1`).
"""

from __future__ import annotations

from collections.abc import Sequence

from ringfence_audit.log.domain.leaf import encode

MAX_NAMES_CHARACTERS = 4_096
LAPSE_KIND, LAPSE_ENDED_KIND = "audit.lapse.v1", "audit.lapse_ended.v1"


def lapse_leaf(size: int, missing: Sequence[str], time_ns: int) -> bytes:
    """Encodes that checkpoints may lack their quorum from here on, and who was missing; `size` is the leaf's index.

    Names are cut where they would not fit.
    """
    return encode(LAPSE_KIND, {"size": size, "missing": " ".join(missing)[:MAX_NAMES_CHARACTERS], "time_ns": time_ns})


def lapse_ended_leaf(size: int, time_ns: int) -> bytes:
    """Encodes that the quorum is there again; `size` is the leaf's index."""
    return encode(LAPSE_ENDED_KIND, {"size": size, "time_ns": time_ns})
