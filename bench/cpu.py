"""Where the time goes: CPU seconds of the parts under measurement, from proc(5)."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

OTHERS = "others"
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")
BUSY = (1, 2, 3, 6, 7, 8)
"""Columns of a core's line: user, nice, system, irq, softirq, stolen by the host."""
OWN, REAPED = slice(11, 13), slice(13, 15)
"""Places in a process's numbers: its own ticks, those of children that have ended and were waited for."""
ENDED = ("Z", "X")
LOOKS, PAUSE_SECONDS = 200, 0.002
"""How often a family is looked at again that would not keep still, and how long after."""
SLACK_SECONDS = 0.1
"""So much two looks may be out by: each process's ticks are whole, and are read one after the other."""


@dataclass
class CpuSpent:
    """CPU seconds by part; the seconds that were watched, the cores there were, and parts of which it is not known."""

    seconds: dict[str, float] = field(default_factory=dict)
    watched_seconds: float = 0.0
    cores: int = 0
    unknown: set[str] = field(default_factory=set)

    def add(self, other: CpuSpent) -> None:
        """Pools what another block has spent with this."""
        for part, seconds in other.seconds.items():
            self.seconds[part] = self.seconds.get(part, 0.0) + seconds
        self.watched_seconds += other.watched_seconds
        self.cores = max(self.cores, other.cores)
        self.unknown |= other.unknown

    def in_cores(self) -> tuple[dict[str, float | None], str]:
        """Returns the cores of each part, None where it cannot be told, and why it cannot.

        All parts together had no more cores than there are, and none less than nothing: figures that say otherwise
        are not told at all.
        """
        if not self.watched_seconds:
            return {}, ""
        cores = {part: seconds / self.watched_seconds for part, seconds in self.seconds.items()}
        if doubt := self._contradiction(cores):
            return dict.fromkeys(cores, None), doubt
        told = {part: None if part in self.unknown else round(max(0.0, each), 2) for part, each in cores.items()}
        gone = ", ".join(sorted(self.unknown - {OTHERS}))
        return told, f"{gone}: started or ended on the way, or never still" if gone else ""

    def _contradiction(self, cores: Mapping[str, float]) -> str:
        slack = SLACK_SECONDS / self.watched_seconds
        together = sum(each for part, each in cores.items() if part not in self.unknown and each > 0)
        if together > self.cores + slack:
            return f"parts add up to {together:.2f} of {self.cores} cores"
        if (least := min(cores.values(), default=0.0)) < -slack:
            return f"one part had {least:.2f} cores"
        return ""


class Process(NamedTuple):
    """One process for good, as a process id may be used again: its id, and its start in ticks since boot."""

    pid: int
    started: int


class Spent(NamedTuple):
    """What a process, or a family, has spent since it began."""

    process: Process
    ticks: int


@dataclass(frozen=True)
class Look:
    """What all parts have spent so far; None for a family that would not keep still."""

    at_seconds: float
    boot_ticks: int
    busy_ticks: int
    spent: Mapping[str, Spent | None]


class Stat(NamedTuple):
    """A line of stat(5)."""

    state: str
    parent: int
    started: int
    own: int
    reaped: int


@dataclass(frozen=True)
class CpuMeter:
    """Reads the CPU seconds of processes by part; those of `families` with their children, alive and ended.

    Whatever else kept the same cores busy is `others`: where that is much, the machine was not the benchmark's own.
    Both are asked for their process ids every time: a part may have been started again.
    """

    processes: Callable[[], Mapping[str, int]]
    families: Callable[[], Mapping[str, int]]

    @contextmanager
    def during(self, spent: CpuSpent) -> Iterator[None]:
        """Adds what the block spends."""
        before = self.look()
        yield
        spent.add(between(before, self.look()))

    def look(self) -> Look:
        """Returns what was spent so far."""
        boot_ticks = int(time.clock_gettime(time.CLOCK_BOOTTIME) * TICKS_PER_SECOND)
        spent = {part: _family(pid) for part, pid in self.families().items()}
        spent |= {part: _alone(pid) for part, pid in self.processes().items()}
        return Look(time.perf_counter(), boot_ticks, _busy(), spent)


def between(before: Look, after: Look) -> CpuSpent:
    """Returns what was spent between two looks.

    Of a process that began in between all of it counts; of one that has ended nobody knows how much it still spent.
    """
    ticks, unknown = Counter[str](), set[str]()
    for part in before.spent.keys() | after.spent.keys():
        spent = _of_part(part, before, after)
        ticks[part] = spent or 0
        if spent is None:
            unknown.add(part)
    ticks[OTHERS] = after.busy_ticks - before.busy_ticks - ticks.total()
    if unknown:
        unknown.add(OTHERS)
    seconds = {part: count / TICKS_PER_SECOND for part, count in ticks.items()}
    return CpuSpent(seconds, after.at_seconds - before.at_seconds, len(os.sched_getaffinity(0)), unknown)


def _of_part(part: str, before: Look, after: Look) -> int | None:
    was, now = before.spent.get(part), after.spent.get(part)
    if now is None:
        return None
    if was is not None and was.process == now.process:
        return now.ticks - was.ticks
    is_new = part not in before.spent and now.process.started >= before.boot_ticks - 1
    return now.ticks if is_new else None


def resident_mib(pid: int) -> float:
    """Returns the resident memory of a process in MiB."""
    (line,) = (line for line in (PROC / str(pid) / "status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def _alone(pid: int) -> Spent | None:
    stat = _stat(pid)
    return Spent(Process(pid, stat.started), stat.own) if stat else None


def _family(pid: int) -> Spent | None:
    """Returns the ticks of a parent, its children, and those that it has waited for.

    A child that ends while they are read, one after the other, would be missed, with the ticks of its whole life:
    the next look would count them as spent since. So it only counts when the parent has waited for nobody meanwhile.
    """
    for _ in range(LOOKS):
        parent = _stat(pid)
        children = [each for each in map(_stat, _process_ids()) if each and each.parent == pid]
        if parent is None:
            return None
        again = _stat(pid)
        is_still = again is not None and again.reaped == parent.reaped
        if is_still and not any(child.state in ENDED for child in children):
            ticks = parent.own + parent.reaped + sum(child.own for child in children)
            return Spent(Process(pid, parent.started), ticks)
        time.sleep(PAUSE_SECONDS)
    return None


def _process_ids() -> list[int]:
    return [int(folder.name) for folder in PROC.iterdir() if folder.name.isdigit()]


def _busy() -> int:
    """Returns the ticks for which the cores of this process were busy."""
    lines = [line.split() for line in (PROC / "stat").read_text().splitlines()]
    cores = {f"cpu{core}" for core in os.sched_getaffinity(0)}
    return sum(int(line[column]) for line in lines if line[0] in cores for column in BUSY)


def _stat(pid: int) -> Stat | None:
    """Returns what stat(5) says of a process, or None when it has ended."""
    try:
        # The name may itself hold spaces and brackets.
        state, *fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    numbers = [0, *map(int, fields)]
    return Stat(state, numbers[1], numbers[19], sum(numbers[OWN]), sum(numbers[REAPED]))
