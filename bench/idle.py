"""A platform that nobody asks anything: the CPU that its processes use all the same, and the lines that they log."""

from __future__ import annotations

import time

from bench.cpu import CpuSpent
from bench.load import Seen
from bench.rows import Results, row
from bench.stack import MeasuredStack

NAME = "idle"
QUIET_SECONDS = 20.0
"""So long after the start nothing is measured: looking for work becomes rarer."""
IDLE_SECONDS = 40.0


def idle_row(measured: MeasuredStack, results: Results) -> None:
    """Measures every process of the services, leaders and standbys, in percent of a core; `rows` are lines logged."""
    time.sleep(QUIET_SECONDS)
    meter, spent, lines = measured.process_cpu, CpuSpent(), measured.logged_lines()
    with meter.during(spent):
        time.sleep(IDLE_SECONDS)
    percent = {
        f"{part.replace('-', '_')}_percent": 100 * seconds / spent.watched_seconds
        for part, seconds in spent.seconds.items()
        if part in meter.processes()
    }
    seen = Seen(rows=measured.logged_lines() - lines, seconds=spent.watched_seconds, cpu=spent)
    results.add(row(NAME, 1, 0, seen, None, busiest_percent=max(percent.values()), **percent))
