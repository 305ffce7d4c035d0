"""What every change must pass: in which order, and that nothing of it is left behind (.ci/run)."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

RUN = Path(__file__).parents[2] / ".ci" / "run"
MAKE = """#!/usr/bin/env bash
echo "begin $*" >> said
case "$*" in $SLOW) sleep 30 & echo $! > sleeping; wait;; esac
case "$*" in $BAD) while [ "$SLOW" != - ] && [ ! -s sleeping ]; do sleep 0.01; done; exit 2;; esac
echo "end $*" >> said
"""
"""Says what it is asked for; what is slow takes longer than this test, and what is bad fails."""


def runs(folder: Path, *, bad: str = "-", slow: str = "-") -> tuple[int, list[str]]:
    """Plays CI with a `make` that makes nothing; returns how it ended, and what began and ended."""
    (folder / ".ci").mkdir()
    (folder / "bin").mkdir()
    shutil.copy(RUN, folder / ".ci" / "run")
    (folder / "bin" / "make").write_text(MAKE)
    (folder / "bin" / "make").chmod(0o755)
    environment = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "BAD": bad, "SLOW": slow}
    quiet = subprocess.DEVNULL
    done = subprocess.run(
        [folder / ".ci" / "run"], env=environment, stdout=quiet, stderr=quiet, timeout=20, check=False
    )
    return done.returncode, (folder / "said").read_text().splitlines()


def test_everything_is_run(tmp_path: Path) -> None:
    """To its end, in order: tests after what they import is compiled, the check after its tools."""
    code, said = runs(tmp_path)
    assert code == 0
    ends = [each.removeprefix("end ") for each in said if each.startswith("end ")]
    tools, check = ".deploy/.installed .venv/infra/.installed", "deploy-check SHORT=1"
    assert sorted(ends) == sorted(
        ["setup", "lint", "compiled", "test", tools, check, "drills SHORT=1", "console-check SHORT=1"]
    )
    assert ends[0] == "setup"
    assert said.index("end compiled") < said.index("begin test")
    assert said.index(f"end {tools}") < said.index(f"begin {check}")


@pytest.mark.parametrize("failing", ["lint", "compiled", "test", "deploy-check*", "drills*", "console-check*"])
def test_what_fails_fails_the_run(tmp_path: Path, failing: str) -> None:
    """Also beside others."""
    assert runs(tmp_path, bad=failing)[0] != 0


def test_tests_need_no_tools(tmp_path: Path) -> None:
    """A download that fails ends nothing: the check tries again, and fails by itself if it must."""
    code, said = runs(tmp_path, bad=".deploy*")
    assert (code, "end test" in said, "end deploy-check SHORT=1" in said) == (0, True, True)


def test_what_fails_leaves_nothing_at_work(tmp_path: Path) -> None:
    """The next run would meet it."""
    code, said = runs(tmp_path, bad="lint", slow=".deploy*")
    assert (code, "begin test" in said) == (2, False)
    sleeping = Path("/proc") / (tmp_path / "sleeping").read_text().strip()
    until = time.monotonic() + 5
    while sleeping.exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert not sleeping.exists()
