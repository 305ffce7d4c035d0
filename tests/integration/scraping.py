"""What Prometheus would see of a stack, and what docs/telemetry.md says it sees."""

from __future__ import annotations

import re
import urllib.request
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from ringfence_local_stack.stack.local_stack import LocalStack

DOCUMENT = Path(__file__).parents[2] / "docs" / "telemetry.md"
SERVICES = ("identity", "custody", "payment-instruction", "audit")
ROW = re.compile(
    r"^\| `([a-z_.]+)` \| (gauge|counter|histogram) \| (\S+) \| ([^|]*) \| ([^|]+) \| [^|]+ \|$", re.MULTILINE
)
UNITS = {"s": "_seconds"}
OF_PROMETHEUS = {"service_name", "le"}


@dataclass(frozen=True)
class Documented:
    """A row of the tables, in Prometheus' words; `attributes` are labels."""

    name: str
    kind: str
    attributes: frozenset[str]
    services: frozenset[str]


def documented() -> dict[str, Documented]:
    """Returns the document's metrics by the name that a family has in a scrape."""
    found = {}
    for name, kind, unit, attributes, services in ROW.findall(DOCUMENT.read_text(encoding="utf-8")):
        assert unit in UNITS or unit == "1" or unit.startswith("{"), f"{name}: nobody knows how {unit} is shown"
        shown = name.replace(".", "_") + UNITS.get(unit, "")
        labels = frozenset(each.replace(".", "_") for each in re.findall(r"`([a-z_.]+)`", attributes))
        of = SERVICES if services == "all" else services.split(", ")
        found[shown] = Documented(shown, kind, labels, frozenset(of))
    return found


def scrape(address: str) -> list[Metric]:
    """Returns what a process shows; raises URLError."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        return list(text_string_to_metric_families(answer.read().decode()))


def scraped(stack: LocalStack, parts: Iterable[str] = SERVICES) -> dict[str, list[Metric]]:
    """Returns what the processes of a stack show, by part."""
    return {part: scrape(stack.running.metrics_listens[part]) for part in parts}


def labels_of(families: Iterable[Metric]) -> dict[str, dict[str, set[str]]]:
    """Returns, by family, every label with its values; an empty label is none (Prometheus' data model)."""
    found: defaultdict[str, dict[str, set[str]]] = defaultdict(dict)
    for family in families:
        for sample in family.samples:
            for label, value in sample.labels.items():
                if value and label not in OF_PROMETHEUS:
                    found[family.name].setdefault(label, set()).add(value)
    return found


def value_of(families: Iterable[Metric], name: str, **labels: str) -> float | None:
    """Returns a series' value, the sum where several have these labels, None where none has."""
    values = [
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    return sum(values) if values else None
