"""The rules as they stand in the chart, and the metrics that a PromQL expression names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
FILES = ROOT / "deploy" / "helm" / "ringfence" / "files"
RULES = sorted((FILES / "rules").glob("*.yaml"))
SERIES = re.compile(r"(?<![:\w])((?:ringfence|rpc|process)_[a-z0-9_]+)\b(?:\{([^}]*)\})?")
LABELS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
OF_SCRAPE = {"service_name", "instance", "le"}
EXPECTED = "service:ringfence_processes:expected"
SUFFIXES = ("_total", "_count", "_sum", "_bucket")


@dataclass(frozen=True)
class Alert:
    """An alert of the chart."""

    name: str
    expression: str
    severity: str
    summary: str
    runbook: str


def rules() -> list[dict[str, Any]]:
    """Returns every rule of every file."""
    return [
        rule
        for file in RULES
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    ]


def alerts() -> list[Alert]:
    """Returns the alerts; raises KeyError for one that lacks a part."""
    return [
        Alert(
            rule["alert"],
            rule["expr"],
            rule["labels"]["severity"],
            rule["annotations"]["summary"],
            rule["annotations"]["runbook_url"],
        )
        for rule in rules()
        if "alert" in rule
    ]


def expecting(processes: Mapping[str, int]) -> dict[str, Any]:
    """Returns the rules by which the chart tells how many processes of each service there should be."""
    recorded = [
        {"record": EXPECTED, "expr": f"vector({count})", "labels": {"service_name": service}}
        for service, count in processes.items()
    ]
    return {"groups": [{"name": "ringfence-expected", "rules": recorded}]}


def selections(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Yields each family that an expression selects from, with the labels that it is selected by."""
    for name, matchers in SERIES.findall(LABELS.sub("", expression)):
        yield family(name), set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))


def grouped_by(expression: str) -> set[str]:
    """Returns the labels that an expression groups or joins by."""
    return {label.strip() for labels in LABELS.findall(expression) for label in labels.split(",") if label.strip()}


def family(series: str) -> str:
    """Returns the family of a series: without what a counter's or a histogram's series end in."""
    return next((series.removesuffix(suffix) for suffix in SUFFIXES if series.endswith(suffix)), series)
