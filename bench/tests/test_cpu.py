"""What the column of CPU says must be so: nothing is counted twice, or that was spent before."""

from __future__ import annotations

import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bench import cpu
from bench.cpu import CpuMeter, CpuSpent, Look, Process, Spent, between

PARENT, CHILD, CLIENT = 10, 11, 12
LEAST_LOOKS, LEAST_SECONDS, MOST_SECONDS = 20, 3, 120
CHURN = """
import os, sys, time
# One child after the other works for 0.15 s, and is waited for.
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    if not (child := os.fork()):
        began = time.process_time()
        while time.process_time() < began + 0.15:
            pass
        os._exit(0)
    os.waitpid(child, 0)
"""


class Proc:
    """A folder like /proc, in which a child ends at the moment that processes are first listed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.is_listed = folder, False

    def __truediv__(self, name: str) -> Path:
        """Returns a file or folder."""
        return self.folder / name

    def iterdir(self) -> Any:
        """Lists the processes; the parent has just waited for its child."""
        if not self.is_listed:
            self.is_listed = True
            _write(self.folder, PARENT, 1, own=100, reaped=500)
            (self.folder / str(CHILD) / "stat").unlink()
            (self.folder / str(CHILD)).rmdir()
        return self.folder.iterdir()


def test_child_that_ends_during_a_look_is_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a child spent before the block is no part of it, although its parent waited for it between two reads."""
    _write(tmp_path, PARENT, 1, own=100, reaped=0)
    _write(tmp_path, CHILD, PARENT, own=500, reaped=0)
    (tmp_path / "stat").write_text("cpu0 600 0 0 0 0 0 0 0 0 0\n")
    monkeypatch.setattr(cpu, "PROC", Proc(tmp_path))
    spent = CpuSpent()
    with CpuMeter(lambda: {}, lambda: {"postgres": PARENT}).during(spent):
        pass
    assert spent.seconds["postgres"] == 0


def test_parts_never_had_more_cores_than_there_are() -> None:
    """A family whose children keep ending has at most the cores there are, in every look of many."""
    looks: list[tuple[float, Look]] = []
    enough = time.monotonic() + LEAST_SECONDS
    with subprocess.Popen([sys.executable, "-c", CHURN, str(MOST_SECONDS)]) as parent:
        meter = CpuMeter(lambda: {}, lambda: {"family": parent.pid})
        try:
            while parent.poll() is None and (len(looks) < LEAST_LOOKS or time.monotonic() < enough):
                began, look = time.perf_counter(), meter.look()
                if look.spent["family"]:
                    looks.append((began, look))
                time.sleep(0.01)
        finally:
            parent.kill()
    assert len(looks) >= LEAST_LOOKS
    for (began, one), (_, other) in pairwise(looks):
        # A look takes as long as the machine likes: its ticks are of some moment before its end.
        assert -0.05 <= between(one, other).seconds["family"] <= other.at_seconds - began + 0.05


def test_process_that_began_meanwhile_counts_from_its_start() -> None:
    """A service that was started in the block has spent what it has; nobody else is charged with it."""
    spent = between(_look(0, 100, {}), _look(1, 200, {"custody": Spent(Process(7, 50), 60)}))
    assert (spent.seconds["custody"], spent.seconds["others"], spent.unknown) == (0.6, 0.4, set())


@pytest.mark.parametrize(
    "after",
    [{}, {"custody": Spent(Process(8, 50), 3)}, {"custody": None}],
    ids=["ended", "started again", "never still"],
)
def test_what_cannot_be_told_is_not_told(after: dict[str, Spent | None]) -> None:
    """Nobody knows what a process spent that has ended meanwhile: neither it nor the others get a figure."""
    before: dict[str, Spent | None] = {"custody": Spent(Process(7, 5), 1_000), "client": Spent(Process(6, 5), 10)}
    spent = between(_look(0, 100, before), _look(1, 200, {"client": Spent(Process(6, 5), 40), **after}))
    cores, doubt = spent.in_cores()
    assert (cores["client"], cores["custody"], cores["others"]) == (0.3, None, None)
    assert doubt.startswith("custody:")


def test_more_cores_than_there_are_is_said_and_not_shown() -> None:
    """Figures that cannot be so are left out, and the row says why."""
    cores, doubt = CpuSpent({"postgres": 4.8, "client": 0.1}, watched_seconds=1.0, cores=2).in_cores()
    assert set(cores.values()) == {None}
    assert doubt == "parts add up to 4.90 of 2 cores"


def test_cores_are_of_the_time_that_was_watched() -> None:
    """Blocks are pooled, and so is their time."""
    spent = CpuSpent({"client": 1.0}, 2.0, 2)
    spent.add(CpuSpent({"client": 0.5, "sink": 0.5}, 2.0, 2))
    assert spent.in_cores() == ({"client": 0.38, "sink": 0.12}, "")


def _look(at_seconds: float, busy_ticks: int, spent: dict[str, Spent | None]) -> Look:
    return Look(at_seconds, 10, busy_ticks, spent)


def _write(folder: Path, pid: int, parent: int, *, own: int, reaped: int) -> None:
    numbers = [0] * 40
    numbers[0], numbers[10], numbers[12], numbers[18] = parent, own, reaped, 5
    (folder / str(pid)).mkdir(exist_ok=True)
    (folder / str(pid) / "stat").write_text(f"{pid} (a (name) S {' '.join(map(str, numbers))}\n")
