"""A Prometheus of its own that scrapes a local stack under the chart's rules."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ringfence_local_stack.processes.ports import LOOPBACK, free_port
from ringfence_local_stack.stack.running import service_of

from deploy.checks.monitoring.rules import RULES, expecting

SECONDS = 70.0
SURE = "3s"
WINDOW = re.compile(r"\[(\d+[mhd])\]")
BRIEF = {"5m", "10m", "15m", "4h", "1d"}
AGES = {
    "ringfence_checkpoint_age_seconds) > 60": "ringfence_checkpoint_age_seconds) > 5",
    "ringfence_feed_lag_duration_seconds) > 60": "ringfence_feed_lag_duration_seconds) > 5",
    "ringfence_evidence_age_seconds) > 300": "ringfence_evidence_age_seconds) > 15",
    "ringfence_outbox_age_seconds) > 300": "ringfence_outbox_age_seconds) > 5",
}


@dataclass(frozen=True)
class Prometheus:
    """Where it answers."""

    address: str

    def firing(self) -> set[str]:
        """Returns the names of the alerts that fire now."""
        return {each["labels"]["alertname"] for each in self._ask("alerts")["alerts"] if each["state"] == "firing"}

    def targets(self) -> int:
        """Returns how many processes were scraped."""
        return sum(each["health"] == "up" for each in self._ask("targets")["activeTargets"])

    def value(self, query: str) -> float | None:
        """Returns the value of the one series of a query, None where there is none."""
        found = self._ask(f"query?query={urllib.parse.quote(query)}")["result"]
        return float(found[0]["value"][1]) if found else None

    def values(self, query: str, label: str) -> dict[str, float]:
        """Returns the value of each series of a query, by one of its labels."""
        found = self._ask(f"query?query={urllib.parse.quote(query)}")["result"]
        return {each["metric"].get(label, ""): float(each["value"][1]) for each in found}

    def lines(self, query: str, legend: str, start: float, end: float) -> list[tuple[str, list[tuple[float, float]]]]:
        """Returns each series of a query, named by a legend of Grafana's, as (seconds since 1970, value)."""
        asked = urllib.parse.urlencode({"query": query, "start": start, "end": end, "step": 2})
        return [
            (
                _named(legend, each["metric"]),
                [(at, float(value)) for at, value in each["values"] if value != "NaN"],
            )
            for each in self._ask(f"query_range?{asked}")["result"]
        ]

    def await_firing(self, *names: str, beside: Iterable[str] = ()) -> None:
        """Waits until these alerts fire, and no other but those that may fire beside them."""
        self.eventually(lambda: set(names) <= self.firing() <= {*names, *beside})

    def await_quiet(self) -> None:
        """Waits until no alert fires."""
        self.eventually(lambda: not self.firing())

    def eventually(self, holds: Callable[[], bool]) -> None:
        """Waits for a condition, within a bound."""
        end = time.monotonic() + SECONDS
        while not holds():
            assert time.monotonic() < end, self.firing()
            time.sleep(0.5)

    def _ask(self, what: str) -> Any:
        with urllib.request.urlopen(f"{self.address}/api/v1/{what}", timeout=10) as answer:
            return json.load(answer)["data"]


def _named(legend: str, labels: Mapping[str, str]) -> str:
    return re.sub(r"{{(\w+)}}", lambda found: labels.get(found[1], ""), legend)


def impatient(file: Path) -> str:
    """Returns a file of rules that differ in time alone: what waits or looks back for long does so for seconds."""
    rules = yaml.safe_load(file.read_text(encoding="utf-8"))
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule["expr"] = hurried(rule["expr"])
            if "for" in rule:
                rule["for"] = SURE
    return yaml.safe_dump(rules)


def hurried(expression: str) -> str:
    """Shortens windows and ages in an expression; what counts how often something happened looks back for a minute."""
    for age, instead in AGES.items():
        expression = expression.replace(age, instead)
    expression = expression.replace("offset 10m", "offset 10s").replace("offset 1d", "offset 10s")
    return WINDOW.sub(lambda found: "[10s]" if found[1] in BRIEF else "[1m]", expression)


@contextmanager
def watching(parts: Mapping[str, str], folder: Path) -> Iterator[Prometheus]:
    """Scrapes the parts of a stack, by name, each second for as long as the block lasts, and expects as many processes.

    Debian's package prometheus has the program.
    """
    processes = Counter(service_of(part) for part in parts)
    (folder / "expected.yaml").write_text(yaml.safe_dump(expecting(processes)))
    for file in RULES:
        (folder / file.name).write_text(impatient(file))
    settings = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["expected.yaml", *(file.name for file in RULES)],
        "scrape_configs": [{"job_name": "ringfence", "static_configs": [{"targets": sorted(parts.values())}]}],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
    listen = f"{LOOPBACK}:{free_port()}"
    command = [
        "prometheus",
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        f"--web.listen-address={listen}",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        running = Prometheus(f"http://{listen}")
        _await_answer(running, process)
        yield running
    finally:
        process.terminate()
        process.wait(30)


def _await_answer(running: Prometheus, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + SECONDS
    while True:
        try:
            running.targets()
            return
        except OSError:
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.2)
