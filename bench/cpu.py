"""Where the time goes: CPU seconds of the processes under measurement, from proc(5)."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.load import Seen

OTHERS = "others"
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")
PARENT, OWN, REAPED = 0, slice(10, 12), slice(12, 14)
"""Places in the file after the state: the parent, the process's own ticks, those of children that have ended."""
BUSY = (1, 2, 3, 6, 7, 8)
"""Columns of a core's line: user, nice, system, irq, softirq, stolen by the host."""


@dataclass(frozen=True)
class CpuMeter:
    """Reads the CPU seconds of processes by part; those of `families` with their children, alive and ended.

    Whatever else kept the same cores busy is `others`: where that is much, the machine was not the benchmark's own.
    Both are asked for their process ids every time: a part may have been started again.
    """

    processes: Callable[[], Mapping[str, int]]
    families: Callable[[], Mapping[str, int]]

    @contextmanager
    def during(self, seen: Seen) -> Iterator[None]:
        """Adds the CPU seconds of the block to what was seen."""
        before = self.seconds()
        yield
        seen.cpu_seconds += self.seconds() - before

    def seconds(self) -> Counter[str]:
        """Returns the CPU seconds spent so far."""
        families = self.families()
        part_of = {pid: part for part, pid in families.items()}
        ticks = {part: sum(_stat(pid)[OWN]) for part, pid in self.processes().items()}
        ticks |= {part: sum(_stat(pid)[OWN]) + sum(_stat(pid)[REAPED]) for part, pid in families.items()}
        for folder in PROC.iterdir():
            if folder.name.isdigit() and (stat := _stat(int(folder.name))) and stat[PARENT] in part_of:
                ticks[part_of[stat[PARENT]]] += sum(stat[OWN])
        ticks[OTHERS] = _busy() - sum(ticks.values())
        return Counter({part: count / TICKS_PER_SECOND for part, count in ticks.items()})


def resident_mib(pid: int) -> float:
    """Returns the resident memory of a process in MiB."""
    (line,) = (line for line in (PROC / str(pid) / "status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def _busy() -> int:
    """Returns the ticks for which the cores of this process were busy."""
    lines = [line.split() for line in (PROC / "stat").read_text().splitlines()]
    cores = {f"cpu{core}" for core in os.sched_getaffinity(0)}
    return sum(int(line[column]) for line in lines if line[0] in cores for column in BUSY)


def _stat(pid: int) -> list[int]:
    """Returns the numbers of stat(5) after the state, or nothing for a process that has ended."""
    try:
        # The name may itself hold spaces and brackets.
        _, *fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
    return [int(each) for each in fields]
