"""Alarms, from the rules that the chart ships, with the metrics that each looks at and the runbook that ends it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import yaml

from docs.site.places import ROOT
from docs.site.reference.markdown import anchor, code, table, text

PAGE = PurePosixPath("reference/alarms.md")
RULES = ROOT / "deploy" / "helm" / "ringfence" / "files" / "rules"
_METRIC = re.compile(r"\bringfence_[a-z_]+\b")
_LABEL = re.compile(r"\bringfence_(?:source|flaw|currency|balance|register|calendar)\b|ringfence_break_kind")


def pages() -> dict[PurePosixPath, str]:
    """Returns the page of alarms."""
    found = list(alarms())
    head = (
        "# Alarms\n\nThe Prometheus rules of the chart. `page` wakes somebody, `ticket` waits for the morning; each is "
        "ended by its runbook. What the metrics mean stands in [Telemetry](../telemetry.md).\n"
    )
    rows = ([f"[{rule['alert']}](#alarm-{rule['alert'].lower()})", *_short(rule)] for _, rule in found)
    parts = [head, table(["alarm", "severity", "after", "runbook"], rows)]
    for title, rule in found:
        parts += [f"## {title}\n"] if title else []
        parts += _section(rule)
    return {PAGE: "\n".join(parts)}


def alarms() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields every alarm, the first of each file with the file's name."""
    for path in sorted(RULES.glob("*.yaml")):
        title = path.stem.capitalize()
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            for rule in group["rules"]:
                if "alert" in rule:
                    yield title, rule
                    title = ""


def _short(rule: dict[str, Any]) -> list[str]:
    runbook = PurePosixPath(rule["annotations"]["runbook_url"])
    return [rule["labels"]["severity"], rule.get("for", "at once"), f"[{runbook.stem}](../runbooks/{runbook.name})"]


def _section(rule: dict[str, Any]) -> Iterator[str]:
    severity, after, runbook = _short(rule)
    metrics = sorted({each for each in _METRIC.findall(rule["expr"]) if not _LABEL.fullmatch(each)})
    yield anchor(f"alarm-{rule['alert']}") + f"### {rule['alert']}\n"
    yield text(rule["annotations"]["summary"]) + "\n"
    looks = ", ".join(map(code, metrics)) or "what Prometheus itself has"
    yield f"{severity}, {after}: {runbook}. It looks at {looks}.\n"
    yield f"```text\n{rule['expr'].strip()}\n```\n"
