"""The short form of the drill (`make chaos` is the long one)."""

from __future__ import annotations

import os
import time

from ringfence_bootstrap.description import SERVICES

from .drill import run_drill, whole_stack

KILLS = 6
STANDBYS = (*SERVICES, "custody")
"""Custody has three processes: two who stand by compete for its lease."""


def test_nothing_acknowledged_is_lost_or_doubled_by_kills() -> None:
    """Six kills of leaders and PostgreSQL under load: all four services agree with every answer, and so do rebuilds."""
    seed = int(os.environ.get("RINGFENCE_CHAOS_SEED", time.time_ns() % 2**31))
    print(f"RINGFENCE_CHAOS_SEED={seed}")
    with whole_stack(print, standbys=STANDBYS) as stack:
        report = run_drill(stack, KILLS, seed, print)
    assert report.findings == []
    assert report.kills >= KILLS
    assert report.transfers > 1_000
    assert report.unanswered > 0, "no kill hit a call: the load was too thin to prove anything"
