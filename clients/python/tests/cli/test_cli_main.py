"""How the command ends: named errors on standard error, exit codes, and never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = "up demo keys replay pay watch accounts statement verify rebuild status".split()


def _run(*arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "RINGFENCE_STACK": str(directory), "COLUMNS": "200", "NO_COLOR": "1"}
    command = [sys.executable, "-c", "from ringfence.cli import main; main()", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_help_names_every_command(tmp_path: Path) -> None:
    """The help lists the commands, and each has a help of its own."""
    done = _run("--help", directory=tmp_path)
    assert done.returncode == 0
    assert [name for name in COMMANDS if f" {name} " not in done.stdout] == []


def test_status_without_a_stack_says_how_to_start_one(tmp_path: Path) -> None:
    """Without a stack there is nothing to tell the status of, and the error names the command that starts one."""
    done = _run("status", directory=tmp_path)
    assert done.returncode == 5
    assert "ringfence up" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("replay", "no-such-file.csv"), 2), (("rebuild", "nothing"), 2), (("pay", "--as", "x"), 2), (("nonsense",), 2)],
)
def test_wrong_command_line_is_told_apart(tmp_path: Path, arguments: tuple[str, ...], code: int) -> None:
    """A command line that makes no sense ends with exit code 2 before anything is started."""
    done = _run(*arguments, directory=tmp_path)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_malformed_replay_file_is_named_before_a_stack_is_started(tmp_path: Path) -> None:
    """A file that cannot be replayed is refused by name, and no server was started for it."""
    file = tmp_path / "bad.csv"
    file.write_text("account_id\n1\n")
    done = _run("replay", str(file), directory=tmp_path / "stack")
    assert done.returncode == 1
    assert "lacks the column trans_id" in done.stderr
    assert not (tmp_path / "stack").exists()


def test_evidence_that_proves_nothing_ends_with_its_own_name(tmp_path: Path) -> None:
    """A checkpoint that the key has not signed is reported as not proven, with exit code 1."""
    checkpoint = tmp_path / "checkpoint"
    checkpoint.write_text("ringfence.local/log\n1\nAAAA\n")
    key = "ringfence.local/log+8f20b6e8+AWCOAWjMkE2Gglhbp0+3j0I9LlPVheEeR1sJBMSUD11G"
    done = _run("verify", "checkpoint", str(checkpoint), "--key", key, directory=tmp_path)
    assert done.returncode == 1
    assert "not proven" in done.stderr
    assert "Traceback" not in done.stderr


def test_credentials_that_are_incomplete_end_with_their_own_code(tmp_path: Path) -> None:
    """A credentials directory that cannot be used is named, with the exit code of a broken environment."""
    (tmp_path / "credentials.json").write_text("{}")
    done = _run("accounts", "--as", str(tmp_path), directory=tmp_path / "stack")
    assert done.returncode == 5
    assert "credentials.json" in done.stderr
