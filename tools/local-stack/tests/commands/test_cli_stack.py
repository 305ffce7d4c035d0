"""The subcommands that come with the local stack: how they end, and that the command stays quick."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from ringfence.cli import app, main

COMMANDS = (
    *("up", "demo", "keys", "replay", "pay", "waiting", "approve", "reject", "cancel", "proposals", "confirm"),
    *("refuse", "withdraw", "watch", "accounts", "statement", "verify", "rebuild", "status"),
)
ID = "0099939f-5908-e640-24c2-eaf38e27f475"
DIGEST = "00" * 32
STARTING = {"up", "demo", "replay"}
ELSEWHERE = {
    *(
        "verify consistency",
        "verify receipt",
        "verify checkpoint",
        "verify answer",
        "verify balance",
        "verify safeguarding",
        "verify dossier",
        "verify page",
        "calendar draft",
        "calendar propose",
    ),
    *("rules adopt", "pin", "declare", "renew", "credentials new", "credentials complete"),
}
"""Those that need no service, or look into a file before they ask for one."""
ASKING = (
    "pay --as somebody --from A --to B --name C --amount 1",
    "watch --as somebody",
    "waiting --as somebody",
    "approve --as somebody",
    "reject --as somebody",
    "cancel --as somebody",
    f"revoke {ID} --platform {ID} --note n --as somebody",
    "proposals --as somebody",
    "confirm 0099939f-5908-e640-24c2-eaf38e27f475 --as somebody",
    "refuse 0099939f-5908-e640-24c2-eaf38e27f475 --as somebody",
    "withdraw 0099939f-5908-e640-24c2-eaf38e27f475 --as somebody",
    "accounts --as somebody",
    "statement 0099939f-5908-e640-24c2-eaf38e27f475 --as somebody",
    "transfers --as somebody",
    f"release {ID} --platform {ID} --note n --as somebody",
    "account open --class client --as somebody",
    f"account status {ID} --platform {ID} --to active --reason r --as somebody",
    f"account balances {ID} --as somebody",
    "limits show --as somebody",
    f"limits set --platform {ID} --currency EUR --payment 1 --debtor-day 1 --day 1 --approver 1 --as somebody",
    f"limits approver --platform {ID} --approver {ID} --currency EUR --maximum 1 --as somebody",
    f"fee agree --client {ID} --kind k --maximum 1 --document {DIGEST} --from 2026-01-01 --until 2026-01-02"
    " --as somebody",
    f"fee end --agreement {ID} --as somebody",
    "fee list --as somebody",
    f"fee charge --agreement {ID} --from A --account {ID} --amount 1 --reference R --as somebody",
    f"suspense allocate --platform {ID} --entry {ID} --account {ID} --to A --as somebody",
    f"suspense list --platform {ID} --as somebody",
    f"suspense show --platform {ID} --entry {ID} --as somebody",
    f"suspense release --platform {ID} --entry {ID} --document {DIGEST} --note n --as somebody",
    f"suspense return --platform {ID} --entry {ID} --account {ID} --bank A --as somebody",
    f"own-money out --account {ID} --bank A --to B --name C --amount 1 --reference R --as somebody",
    f"shortfall fund --from {ID} --amount 1 --reference R --as somebody",
    f"guarantee fund --from {ID} --to {ID} --amount 1 --reference R --as somebody",
    f"parties show {ID} --as somebody",
    f"parties kyc {ID} --platform {ID} --to verified --note n --as somebody",
    f"parties hold {ID} --platform {ID} --order o --as somebody",
    f"parties let-go {ID} --platform {ID} --order o --as somebody",
    f"parties erase {ID} --platform {ID} --as somebody",
    f"ibans claim A --account {ID} --as somebody",
    f"ibans change A --action remove --platform {ID} --document {__file__} --as somebody",
    f"principals register n --kind operator --public-key {64 * '0'} --as somebody",
    f"principals suspend {ID} --note n --as somebody",
    f"principals resume {ID} --as somebody",
    f"principals renew {ID} --until 2026-01-01 --as somebody",
    f"principals grant {ID} --case C --as somebody",
    f"principals supervised {ID} DE --as somebody",
    f"trace {ID} --as somebody",
    f"about {ID} --as somebody",
    "disclose 1 --reason r --as somebody",
    f"balance --platform {ID} --currency EUR --as somebody",
    f"dossier {ID}.zip --about {ID} --as somebody",
    "access --as somebody",
    "console --as somebody",
    "lists show --as somebody",
    "parts --as somebody",
    f"lists hits {ID} --platform {ID} --as somebody",
    f"lists import n {__file__} --format csv --published 2026-01-01 --as somebody",
    "lists confirm n --note n --as somebody",
    "lists retire n --note n --as somebody",
    f"freeze place {ID} --platform {ID} --order o --as somebody",
    f"freeze lift {ID} --platform {ID} --order o --as somebody",
    f"migration open --platform {ID} --minutes 1 --reason r --as somebody",
    f"migration close --platform {ID} --window {ID} --reason r --as somebody",
    "rules show --as somebody",
    f"evidence {__file__} --as somebody",
    f"search --subject {ID} --as somebody",
    f"answer {ID} --as somebody",
    "receipt 1 receipt --as somebody",
    "checkpoint newest --key k --as somebody",
    f"answers apply --answer {ID} --platform {ID} --payment {ID} --document {DIGEST} --note n --as somebody",
    f"answers dismiss --answer {ID} --document {DIGEST} --note n --as somebody",
    "answers list --as somebody",
    f"breaks assign {ID} --reason r --as somebody",
    f"breaks close {ID} --reason r --as somebody",
    f"breaks correct {ID} --debit {ID} --credit {ID} --amount 1 --reason r --as somebody",
    f"breaks fund {ID} --transfer {ID} --reason r --as somebody",
    f"breaks life {ID} --as somebody",
    "breaks list --as somebody",
    f"breaks reopen {ID} --reason r --as somebody",
    f"breaks show {ID} --as somebody",
    "calendar show TARGET --as somebody",
    "calendar step TARGET --as somebody",
    f"day close 2026-01-02 --platform {ID} --as somebody",
    f"day notify 2026-01-02 --platform {ID} --document {DIGEST} --reference R --as somebody",
    f"day prepare 2026-01-02 --platform {ID} --as somebody",
    f"day reopen 2026-01-02 --platform {ID} --reason r --as somebody",
    f"day review 2026-01-02 --platform {ID} --as somebody",
    f"exceptions accept {ID} --platform {ID} --document {DIGEST} --reason r --as somebody",
    f"exceptions list --platform {ID} --as somebody",
    f"exceptions show {ID} --platform {ID} --as somebody",
    f"exceptions void {ID} --platform {ID} --document {DIGEST} --reason r --as somebody",
    f"limits zone Europe/Berlin --platform {ID} --as somebody",
    f"match day --mirror {ID} --as somebody",
    f"match decide {ID} --mirror {ID} --reason r --as somebody",
    f"match list --mirror {ID} --on 2026-01-02 --as somebody",
    f"match make --mirror {ID} --movement {ID} --transfer {ID} --as somebody",
    f"match open --mirror {ID} --as somebody",
    f"match suggested --mirror {ID} --as somebody",
    f"match undo {ID} --mirror {ID} --reason r --as somebody",
    f"registers appoint --kind key-person --subject {ID} --role preparer --from 2026-01-02 --document {DIGEST}"
    " --as somebody",
    f"registers bank KEPTDEFFXXX --name n --country DE --due-diligence 2026-01-02 --review 2026-01-03 --limit 1"
    f" --document {DIGEST} --as somebody",
    "registers banks --as somebody",
    "registers concentration --as somebody",
    f"registers countersign {ID} --on 2026-01-02 --review 2026-01-03 --document {DIGEST} --as somebody",
    f"registers dismiss {ID} --until 2026-01-02 --reason r --as somebody",
    f"registers end {ID} --on 2026-01-02 --reason r --as somebody",
    f"registers exempt --platform {ID} --account {ID} --bic KEPTDEFFXXX --reason r --review 2026-01-02"
    f" --document {DIGEST} --as somebody",
    "registers letters --as somebody",
    "registers mirrors --as somebody",
    "registers people --as somebody",
    f"registers review {ID} --on 2026-01-02 --review 2026-01-03 --document {DIGEST} --as somebody",
    f"registers send --platform {ID} --account {ID} --bic KEPTDEFFXXX --template t --text {DIGEST}"
    " --sent 2026-01-02 --as somebody",
    f"report out --platform {ID} --about daily-custody --day 2026-01-02 --as somebody",
    "safeguarding days --as somebody",
    f"safeguarding pool 978 payment-services --platform {ID} --as somebody",
    f"safeguarding receipts out 2026-01-02 --platform {ID} --as somebody",
    f"safeguarding resource --platform {ID} --component insurance --amount 1 --from 2026-01-02 --until 2026-01-03"
    f" --document {DIGEST} --as somebody",
    f"safeguarding show 2026-01-02 --platform {ID} --as somebody",
    f"statements decide {ID} --platform {ID} --mirror {ID} --document {DIGEST} --reason r --as somebody",
    f"statements held --platform {ID} --as somebody",
    f"statements submit {__file__} --as somebody",
    "verify log",
    "verify evidence",
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
def test_command_with_nothing_up_says_so_and_starts_nothing(
    tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only `up`, `demo` and `replay` start a stack; all others name what is missing and what starts it."""
    directory = tmp_path / "stack"
    monkeypatch.setenv("RINGFENCE_STACK", str(directory))
    monkeypatch.setattr(sys, "argv", ["ringfence", *command.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr()
    assert (ended.value.code, told.out) == (5, "")
    assert told.err.startswith(f"NOTHING_UP no stack runs in {directory}: start it with `ringfence up`")
    assert len(told.err.splitlines()) == 1
    assert not directory.exists()


def test_every_command_asks_or_starts() -> None:
    """None is left out of the two tables: a new command says whether it may start a stack."""
    asking = {
        name for name in names(typer.main.get_command(app)) for each in ASKING if f"{each} ".startswith(f"{name} ")
    }
    assert set(names(typer.main.get_command(app))) - asking == STARTING | ELSEWHERE


def names(of: Any, path: str = "") -> list[str]:
    """Returns what is typed for each command."""
    children = getattr(of, "commands", None)
    if children is None:
        return [path.strip()]
    return [found for name, child in children.items() for found in names(child, f"{path} {name}")]


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
