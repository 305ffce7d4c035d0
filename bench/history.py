"""Every run is kept: one JSON file each, named by its time and commit."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "history"


def keep(result: dict[str, Any], now: datetime) -> Path:
    """Writes what a run has found; returns the file."""
    commit = _git("rev-parse", "--short", "HEAD") or "unknown"
    record = {
        "time": now.astimezone(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "changed": bool(_git("status", "--porcelain", "--untracked-files=no")),
        **result,
    }
    FOLDER.mkdir(exist_ok=True)
    file = FOLDER / f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{commit}.json"
    file.write_text(f"{json.dumps(record, indent=1)}\n", encoding="utf-8")
    return file


def complete_runs() -> list[dict[str, Any]]:
    """Returns the runs of all rows, oldest first."""
    return [run for run in _runs() if run["complete"]]


def audited_runs(leaves: int) -> list[dict[str, Any]]:
    """Returns the runs in which a log of so many leaves, or more, was measured, oldest first."""
    return [run for run in _runs() if run["plan"].get("leaves", 0) >= leaves and "audit" in run["plan"]["rows"]]


def _runs() -> list[dict[str, Any]]:
    return [json.loads(file.read_text(encoding="utf-8")) for file in sorted(FOLDER.glob("*.json"))]


def newest_ratios() -> dict[tuple[str, int], float]:
    """Returns the ratios of the newest run of all rows, by name and rows per request."""
    rows = [row for run in complete_runs()[-1:] for row in run["rows"]]
    return {(row["name"], row["per_request"]): row["ratio"] for row in rows if row["ratio"] is not None}


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=FOLDER.parent, capture_output=True, text=True, check=False)
    return done.stdout.strip()
