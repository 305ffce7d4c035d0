"""How the command ends: named errors on standard error, exit codes, and never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ID = "0195f3a2-0000-7000-8000-000000000001"
TO_SOMEBODY = ("--from", "a", "--to", "b", "--name", "c")
TYPED_BY_NO_PERSON = ("-1", "1e1", "1_0.00", "\uff11\uff12.50", f"12.5{'0' * 28}1")
AGREED = ("--kind", "monthly", "--maximum", "5.00", "--from", "2026-01-01", "--until", "2026-12-31")


def _run(*arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "RINGFENCE_STACK": str(directory), "COLUMNS": "200", "NO_COLOR": "1"}
    command = [sys.executable, "-c", "from ringfence.cli import main; main()", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("pay", "--as", "x"), 2),
        *((("pay", "--as", "x", *TO_SOMEBODY, "--amount", typed), 2) for typed in TYPED_BY_NO_PERSON),
        (("pay", "--as", "x", "--file", __file__, "--amount", "1"), 2),
        (("accounts", "--as", "x", "--book", "no-uuid"), 2),
        (("watch", "--as", "x", "--submission", "no-uuid"), 2),
        (("verify", "receipt", "/", "--key", "k"), 2),
        (("suspense", "release", "--as", "x", "--platform", ID, "--entry", ID, "--document", "zz", "--note", "n"), 2),
        (("suspense", "allocate", "--as", "x", "--platform", ID, "--entry", ID, "--account", ID), 2),
        (
            ("suspense", "return", "--as", "x", "--platform", ID, "--entry", "no-uuid", "--account", ID, "--bank", "b"),
            2,
        ),
        (("guarantee", "fund", "--as", "x", "--from", ID, "--to", ID, "--amount", "0", "--reference", "G"), 2),
        (("guarantee", "fund", "--as", "x", "--from", ID, "--to", ID, "--amount", "1e1", "--reference", "G"), 2),
        (("fee", "agree", "--as", "x", "--client", ID, *AGREED, "--document", "no hexadecimal"), 2),
        (("fee", "agree", "--as", "x", "--client", ID, *AGREED[:-1], "31.12.2026", "--document", "00"), 2),
        (("pin", "--as", "x", "no-uuid", __file__), 2),
        (("pin", "--as", "x", ID, __file__), 2),
        (("declare", "--as", "x", __file__), 2),
        (("nonsense",), 2),
    ],
)
def test_wrong_command_line_is_told_apart(tmp_path: Path, arguments: tuple[str, ...], code: int) -> None:
    """A command line that makes no sense ends with exit code 2 before anything is started."""
    done = _run(*arguments, directory=tmp_path)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


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


def test_evidence_that_is_not_text_is_not_proven(tmp_path: Path) -> None:
    """A file of bytes that are no text is no receipt, and the error names the file."""
    file = tmp_path / "receipt"
    file.write_bytes(b"\xff\xfe")
    done = _run("verify", "receipt", str(file), "--key", "k", directory=tmp_path)
    assert done.returncode == 1
    assert f"not proven {file} is not text" in done.stderr


def test_text_in_brackets_is_printed_as_it_is() -> None:
    """What stands in brackets in a name is text, not a style, in a table."""
    code = "from ringfence.commands.terminal import show; show('t', ['name'], [['[bold] :smile: x']])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[bold] :smile: x" in done.stdout


def test_id_stands_in_one_piece_on_a_narrow_terminal() -> None:
    """On a terminal of 80 columns a row of the accounts has its id whole, so that it can be copied."""
    account = "0099939f-5908-e640-24c2-eaf38e27f475"
    row = [account, "bank_mirror", "active", "-9,739.75 EUR", "0.00 EUR"]
    code = (
        "from ringfence.commands import terminal; terminal.output.width = 80; "
        f"terminal.show('t', ['account', 'class', 'status', 'balance', 'reserved'], [{row!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert account in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
