"""What a regulator gets of days that were closed: reports from the real log, and the days computed again offline."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from ringfence.cli import main
from ringfence.safeguarding import DayStatus
from ringfence_local_stack.scenario import Scenario, eventually

from .life import Life, run
from .town import build, days_from

CLIENTS, TRAFFIC, DAYS = 3, 3, 2
Shell = Callable[..., str]


@pytest.fixture(scope="module")
def life() -> Iterator[Life]:
    """A day that is closed, on a stack of its own: its days are stepped."""
    with Scenario.private() as scenario:
        life = Life(build(scenario, CLIENTS), Random(7), TRAFFIC)
        run(life, days_from(life.town.first_day, DAYS))
        yield life


@pytest.fixture
def shell(life: Life, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Runs a command as the regulator; returns what it prints."""
    scenario = life.town.scenario
    for name, address in scenario.stack.addresses.items():
        monkeypatch.setenv(f"RINGFENCE_{name.upper().replace('-', '_')}_ADDRESS", address)

    def run_command(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["ringfence", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        assert not ended.value.code, told.err
        return told.out

    return run_command


def _rows(file: Path, table: str) -> list[dict[str, Any]]:
    """Returns the cells of a table of a report as data."""
    (found,) = (each for each in json.loads(file.read_text())["tables"] if each["name"] == table)
    names = [each["name"] for each in found["columns"]]
    return [dict(zip(names, row, strict=True)) for row in found["rows"]]


def _report(shell: Shell, life: Life, file: Path, about: str, form: str = "json") -> None:
    regulator = str(life.town.scenario.sandbox.folder_of("regulator"))
    what = ("--about", about, "--format", form, "--day", str(life.town.first_day))
    shell("report", str(file), "--platform", str(life.town.accounts[0].platform.id), *what, "--as", regulator)


def _settled(life: Life) -> None:
    """Waits until the log has the signature of every day."""
    regulator, platform = life.town.scenario.regulator, life.town.accounts[0].platform

    def look() -> bool:
        facts = regulator.audit.search(tenant_id=platform.id)
        return sum(b"custody.safeguarding_signed.v1" in each.content for each in facts) >= 2

    assert {day.status for day in platform.client.safeguarding.days()} == {DayStatus.SIGNED}
    assert eventually(look, 60.0)


def test_reports_tell_of_real_days(life: Life, shell: Shell, tmp_path: Path) -> None:
    """Banks by their letters, books as the banks say, two people, all that is registered."""
    _settled(life)
    files = {name: tmp_path / f"{name}.json" for name in ("daily-custody", "reconciliation", "resolution-pack")}
    for about, file in files.items():
        _report(shell, life, file, about)
    mirrors = _rows(files["daily-custody"], "mirrors")
    assert len(mirrors) == 3
    assert all(row["bic"]["value"] and row["letter_status"]["value"] == "countersigned" for row in mirrors)
    assert [row["difference"]["value"] for row in mirrors] == [0, 0, 0]
    assert sum(row["closing"]["value"] for row in mirrors) > 0
    work = _rows(files["reconciliation"], "work")
    assert {row["status"]["value"] for row in work} == {"signed"}
    assert all(row["preparer"]["value"] != row["reviewer"]["value"] for row in work)
    letters, balances = _rows(files["resolution-pack"], "letters"), _rows(files["resolution-pack"], "balances")
    assert {row["mirror"]["value"] for row in letters} == {row["mirror"]["value"] for row in mirrors}
    assert all(row["clients"]["value"] > 0 and row["clients"]["leaves"] for row in balances)
    assert {row["status"]["value"] for row in _rows(files["resolution-pack"], "latest")} == {"signed"}
    _report(shell, life, tmp_path / "d3.pdf", "monthly-safeguarding", "pdf")
    assert (tmp_path / "d3.pdf").read_bytes().startswith(b"%PDF-")


def test_a_signed_day_is_computed_again_from_receipts(life: Life, shell: Shell, tmp_path: Path) -> None:
    """What two people have signed comes out offline, byte for byte."""
    _settled(life)
    account, folder, key = life.town.accounts[0], tmp_path / "day", tmp_path / "log.vkey"
    regulator = str(life.town.scenario.sandbox.folder_of("regulator"))
    key.write_text(life.town.scenario.sandbox.log_key())
    day = str(life.town.first_day)
    shell("safeguarding", "receipts", str(folder), day, "--platform", str(account.platform.id), "--as", regulator)
    found = shell("verify", "safeguarding", str(folder), "--key", str(key))
    (signed,) = (text for name, text in life.documents.items() if f" EUR {day}" in name)
    assert found == signed
