"""The subcommands that come with the local stack: how they end, and that the command stays quick."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = (
    *("up", "demo", "keys", "replay", "pay", "waiting", "approve", "reject", "cancel", "proposals", "confirm"),
    *("refuse", "withdraw", "watch", "accounts", "statement", "verify", "rebuild", "status"),
)
ASKING = (
    "pay --as somebody --from A --to B --name C --amount 1",
    "watch --as somebody",
    "waiting --as somebody",
    "approve --as somebody",
    "reject --as somebody",
    "cancel --as somebody",
    "proposals --as somebody",
    "confirm 0099939f-5908-e640-24c2-eaf38e27f475 --as somebody",
    "refuse 0099939f-5908-e640-24c2-eaf38e27f475 --as somebody",
    "withdraw 0099939f-5908-e640-24c2-eaf38e27f475 --as somebody",
    "accounts --as somebody",
    "statement 0099939f-5908-e640-24c2-eaf38e27f475 --as somebody",
    "verify log",
    "keys",
    "keys somebody",
    "rebuild custody",
    "status",
)
HEAVY = ("hvac", "psycopg", "ringfence_local_stack.servers", "ringfence_local_stack.stack")


def _run(*arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "RINGFENCE_STACK": str(directory), "COLUMNS": "200", "NO_COLOR": "1"}
    command = [sys.executable, "-c", "from ringfence.cli import main; main()", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_help_names_every_command(tmp_path: Path) -> None:
    """The help lists the commands, and each has a help of its own."""
    done = _run("--help", directory=tmp_path)
    assert done.returncode == 0
    assert [name for name in COMMANDS if f" {name} " not in done.stdout] == []


def test_help_loads_no_server(tmp_path: Path) -> None:
    """What a subcommand needs is loaded when it runs, and not for the help."""
    code = (
        "import json, sys\nfrom ringfence.cli import app\nsys.argv = ['ringfence', '--help']\n"
        "try:\n    app()\nfinally:\n    print(json.dumps(list(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert "ringfence_local_stack.commands.up" in loaded
    assert [name for name in loaded if name.startswith(HEAVY)] == []


@pytest.mark.parametrize("command", ASKING)
def test_command_with_nothing_up_says_so_and_starts_nothing(tmp_path: Path, command: str) -> None:
    """Only `up`, `demo` and `replay` start a stack; all others name what is missing and what starts it."""
    directory = tmp_path / "stack"
    done = _run(*command.split(), directory=directory)
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr.startswith(f"NOTHING_UP no stack runs in {directory}: start it with `ringfence up`")
    assert len(done.stderr.splitlines()) == 1
    assert not directory.exists()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"directory": 1}', "\ufeff{"])
def test_state_file_that_is_none_is_no_stack(tmp_path: Path, content: str) -> None:
    """What stands in the place of the state file, broken off or of something else, is not taken for a stack."""
    (tmp_path / "stack.json").write_text(content)
    done = _run("status", directory=tmp_path)
    assert done.returncode == 5
    assert done.stderr.startswith("NOTHING_UP ")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("replay", "no-such-file.csv"), 2),
        (("rebuild", "nothing"), 2),
        (("keys", "../elsewhere"), 2),
    ],
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


def test_file_with_brackets_in_its_name_is_named_as_it_is(tmp_path: Path) -> None:
    """What stands in brackets in a path is text, not a style, in an error."""
    file = tmp_path / "[red]"
    file.write_text("account_id\n1\n")
    done = _run("replay", str(file), directory=tmp_path)
    assert f"{tmp_path}/[red] lacks the column" in done.stderr


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A stack in a place that is no folder ends with the place's name and the exit code of the environment."""
    (tmp_path / "file").touch()
    done = _run("up", directory=tmp_path / "file")
    assert done.returncode == 5
    assert done.stderr.startswith(f"environment Not a directory: {tmp_path / 'file'}")
