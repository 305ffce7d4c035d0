"""`python -m deploy.images.scan`: weaknesses in code and recipes, the SBOM of the lock, known vulnerabilities.

Fails where something is found. What could not be asked is said, and fails only with --strict.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from deploy.images.inspection import python_components, read_sbom
from deploy.images.locked import locked_versions
from deploy.images.making import HERE, ROOT

TOOLS = ROOT / ".images" / "venv" / "bin"
SBOM = ROOT / ".images" / "sbom" / "lock.cdx.json"
LOCK = ROOT / "requirements.lock"
_SECONDS = 300


@dataclass(frozen=True)
class Outcome:
    """What one look has found; where it could not look, `not_run` says why."""

    found: str = ""
    not_run: str = ""


def dockerfile() -> Outcome:
    """Faults that hadolint finds in the recipe of the images."""
    return _silent([TOOLS / "hadolint", HERE / "Dockerfile"])


def code() -> Outcome:
    """Weaknesses that bandit finds in the code of kernel and services."""
    sources = sorted(ROOT.glob("services/*/src"))
    options = ("--quiet", "--recursive", "--configfile", "pyproject.toml")
    return _silent([TOOLS / "bandit", *options, ROOT / "kernel" / "src", *sources])


def lock_sbom() -> Outcome:
    """Writes the CycloneDX list of everything that the workspace installs; names what it lacks."""
    SBOM.parent.mkdir(parents=True, exist_ok=True)
    made = _run([TOOLS / "cyclonedx-py", "requirements", LOCK, "--output-file", SBOM])
    if made.returncode:
        return Outcome(made.stderr)
    wanted = locked_versions(LOCK, ".".join(map(str, sys.version_info[:3])))
    missing = wanted.items() - python_components(read_sbom(SBOM))
    return Outcome("\n".join(f"its SBOM lacks {name} {version}" for name, version in sorted(missing)))


def vulnerabilities() -> Outcome:
    """Vulnerabilities of locked packages that their registry knows; asks for one package first whether it knows any."""
    packages = locked_versions(LOCK, ".".join(map(str, sys.version_info[:3])))
    probe, first = _audited(dict(list(packages.items())[:1]))
    if first or not probe:
        return Outcome(not_run=first or "pip-audit gave no answer")
    answers, refused = _audited(packages)
    known = [f"{each['name']} {each['version']}: {bug['id']}" for each in answers for bug in each.get("vulns", [])]
    return Outcome("\n".join(known), refused)


def _audited(packages: dict[str, str]) -> tuple[list[dict[str, Any]], str]:
    """What is known about packages, and why some of them could not be looked up."""
    with TemporaryDirectory() as folder:
        requirements = Path(folder, "requirements.txt")
        requirements.write_text("".join(f"{name}=={version}\n" for name, version in packages.items()), encoding="utf-8")
        options = [
            "--disable-pip",
            "--no-deps",
            "--progress-spinner=off",
            "--format=json",
            "--requirement",
            requirements,
        ]
        done = _run([TOOLS / "pip-audit", *options])
    try:
        answers: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (json.JSONDecodeError, KeyError):
        return [], done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "pip-audit gave no answer"
    skipped = [each["skip_reason"] for each in answers if "skip_reason" in each]
    return answers, skipped[0] if skipped else ""


def _silent(command: Sequence[object]) -> Outcome:
    """A tool that says nothing where nothing is wrong."""
    done = _run(command)
    said = f"{done.stdout}{done.stderr}".strip()
    return Outcome(said or f"ended with status {done.returncode}" if done.returncode else "")


def _run(command: Sequence[object]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(each) for each in command], capture_output=True, text=True, check=False, timeout=_SECONDS
    )


LOOKS: dict[str, Callable[[], Outcome]] = {
    "Dockerfile (hadolint)": dockerfile,
    "code (bandit)": code,
    "SBOM of the lock (cyclonedx-py)": lock_sbom,
    "known vulnerabilities (pip-audit)": vulnerabilities,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Looks everywhere and prints what came of it."""
    parser = argparse.ArgumentParser(prog="scan", description=__doc__)
    parser.add_argument("--strict", action="store_true", help="what could not be asked is a failure as well")
    strict, failed = parser.parse_args(arguments).strict, False
    for name, look in LOOKS.items():
        outcome = look()
        failed = failed or bool(outcome.found) or (strict and bool(outcome.not_run))
        states = [*(["found"] if outcome.found else []), *(["did not run"] if outcome.not_run else [])]
        print(f"{name}: {' and partly '.join(states) or 'clean'}")
        for text in (outcome.found, outcome.not_run):
            if text:
                print("\n".join(f"    {line}" for line in text.splitlines()))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
