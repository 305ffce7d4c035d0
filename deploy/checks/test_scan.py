"""What a scan finds, what it could not ask, and that the two are told apart."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from typing import Any

import pytest

from deploy.images import scan


def answer(*packages: dict[str, Any]) -> str:
    """What pip-audit prints."""
    return json.dumps({"dependencies": [{"name": "attrs", "version": "1.0", **each} for each in packages], "fixes": []})


@pytest.mark.parametrize(
    ("printed", "outcome"),
    [
        ([answer({"vulns": []}), answer({"vulns": []})], scan.Outcome()),
        ([answer({"vulns": []}), answer({"vulns": [{"id": "CVE-1"}]})], scan.Outcome("attrs 1.0: CVE-1")),
        ([answer({"skip_reason": "unknown here"})], scan.Outcome(not_run="unknown here")),
        (["no such host"], scan.Outcome(not_run="no such host")),
        (
            [answer({"vulns": []}), answer({"vulns": [{"id": "CVE-1"}]}, {"skip_reason": "unknown here"})],
            scan.Outcome("attrs 1.0: CVE-1", "unknown here"),
        ),
    ],
)
def test_vulnerabilities_that_could_not_be_asked_for_are_not_taken_for_none(
    monkeypatch: pytest.MonkeyPatch, printed: list[str], outcome: scan.Outcome
) -> None:
    """A registry that knows no advisories, or none of a package, is said to; what it knows is found."""
    rest = iter(printed)

    def run(command: Sequence[object]) -> subprocess.CompletedProcess[str]:
        said = next(rest)
        return subprocess.CompletedProcess([], 1, said, said)

    monkeypatch.setattr(scan, "_run", run)
    assert scan.vulnerabilities() == outcome


@pytest.mark.parametrize(
    ("options", "outcome", "status"),
    [
        ([], scan.Outcome(), 0),
        ([], scan.Outcome(not_run="no such host"), 0),
        (["--strict"], scan.Outcome(not_run="no such host"), 1),
        ([], scan.Outcome("a weakness"), 1),
    ],
)
def test_a_scan_fails_for_what_it_finds(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    outcome: scan.Outcome,
    status: int,
) -> None:
    """What did not run is said, and is a failure only where that is asked for."""
    monkeypatch.setattr(scan, "LOOKS", {"somewhere": lambda: outcome})
    assert scan.main(options) == status
    said = capsys.readouterr().out
    assert outcome.found in said
    assert outcome.not_run in said
    assert ("did not run" in said) == bool(outcome.not_run)
