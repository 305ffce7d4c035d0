"""Folders that are thrown away, and who may delete them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ringfence_local_stack.processes import files

OWNER = """
import sys
from pathlib import Path
from ringfence_local_stack.processes import files
files.MEMORY, files.PLENTY_BYTES = Path(sys.argv[1]), 0
print(files.fleeting_folder(), flush=True)
sys.stdin.read()
"""


def test_what_is_left_in_memory_goes_and_what_somebody_holds_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next folder is made beside that of a living process; that of a killed one goes, with all in it."""
    monkeypatch.setattr(files, "MEMORY", tmp_path)
    monkeypatch.setattr(files, "PLENTY_BYTES", 0)
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        theirs = Path(owner.stdout.readline().strip())
        (theirs / "data").mkdir()
        ours = files.fleeting_folder()
        assert {theirs, ours} == set(tmp_path.glob("ringfence-*"))
        owner.kill()
    again = files.fleeting_folder()
    assert {ours, again} == set(tmp_path.glob("ringfence-*"))


def test_where_memory_is_short_it_is_a_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is it where there is no such file system."""
    monkeypatch.setattr(files, "MEMORY", tmp_path)
    monkeypatch.setattr(files, "PLENTY_BYTES", 1 << 60)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    assert files.fleeting_folder().parent == tmp_path / "temporary"
    monkeypatch.setattr(files, "MEMORY", tmp_path / "nowhere")
    monkeypatch.setattr(files, "PLENTY_BYTES", 0)
    assert files.fleeting_folder().parent == tmp_path / "temporary"
