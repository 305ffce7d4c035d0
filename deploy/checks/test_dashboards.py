"""Dashboards: Grafana finds what it needs, Prometheus reads every query, and each asks for what the services show."""

from __future__ import annotations

import json
import re
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.checks.monitoring.rules import EXPECTED, FILES, OF_SCRAPE, ROOT, grouped_by, rules, selections
from tests.integration.scraping import documented

DASHBOARDS = sorted((FILES / "dashboards").glob("*.json"))
COLUMNS = 24
LOADED = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in DASHBOARDS}


def queries(dashboard: dict[str, Any]) -> list[str]:
    """Returns the expressions of a dashboard, as Grafana would send them."""
    return [
        target["expr"].replace("$__rate_interval", "5m") for panel in dashboard["panels"] for target in panel["targets"]
    ]


def test_there_is_one_of_each_under_a_name_that_lasts() -> None:
    """Money, payments, log and platform; links keep to the uid, so it is the file's name and nobody else's."""
    assert set(LOADED) == {"money", "payments", "log", "platform"}
    for name, dashboard in LOADED.items():
        assert dashboard["uid"] == f"ringfence-{name}"
        assert dashboard["title"].startswith("Ringfence: ")


@pytest.mark.parametrize("name", LOADED)
def test_panels_are_told_apart_and_explained(name: str) -> None:
    """Ids and titles are unique, panels do not overlap and fit the grid, and each says what it shows, in which unit."""
    panels = LOADED[name]["panels"]
    for key in ("id", "title"):
        assert len({panel[key] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["type"] in {"stat", "timeseries"}
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= COLUMNS
        assert panel["targets"]
    for one, other in combinations((panel["gridPos"] for panel in panels), 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below


@pytest.mark.parametrize("name", LOADED)
def test_the_site_chooses_its_prometheus(name: str) -> None:
    """Every query goes to the variable's data source; none is named in the file."""
    dashboard = LOADED[name]
    [variable] = dashboard["templating"]["list"]
    assert (variable["name"], variable["type"], variable["query"]) == ("datasource", "datasource", "prometheus")
    for panel in dashboard["panels"]:
        for each in (panel, *panel["targets"]):
            assert each["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


@pytest.mark.parametrize("name", LOADED)
def test_prometheus_reads_every_query(name: str, tmp_path: Path) -> None:
    """promtool parses each as the expression of a rule."""
    recorded = [{"record": f"query:{at}", "expr": each} for at, each in enumerate(queries(LOADED[name]))]
    (tmp_path / "queries.yaml").write_text(yaml.safe_dump({"groups": [{"name": name, "rules": recorded}]}))
    checked = subprocess.run(
        ["promtool", "check", "rules", "queries.yaml"], cwd=tmp_path, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("name", LOADED)
def test_queries_name_what_the_services_show(name: str) -> None:
    """Every metric and label is in docs/telemetry.md, every recorded series is one of the rules."""
    listed, records = documented(), {rule["record"] for rule in rules() if "record" in rule} | {EXPECTED}
    for query in queries(LOADED[name]):
        found, recorded = list(selections(query)), set(re.findall(r"service:\w+:\w+", query))
        assert found or recorded
        assert recorded <= records
        assert {metric for metric, _ in found} <= set(listed)
        known = set(OF_SCRAPE)
        for metric, labels in found:
            assert labels <= listed[metric].attributes | OF_SCRAPE, metric
            known |= listed[metric].attributes
        assert grouped_by(query) <= known


def test_every_own_metric_is_on_some_dashboard() -> None:
    """What is measured is looked at: no metric of the document is left out."""
    shown = {metric for dashboard in LOADED.values() for query in queries(dashboard) for metric, _ in selections(query)}
    assert {metric for metric in documented() if metric.startswith("ringfence_")} <= shown


@pytest.mark.parametrize("name", LOADED)
def test_its_picture_is_in_the_documents(name: str) -> None:
    """A small one, to which docs/telemetry.md leads."""
    picture = ROOT / "docs" / "dashboards" / f"{name}.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size < 128 * 1024
    assert f"](dashboards/{name}.png)" in (ROOT / "docs" / "telemetry.md").read_text(encoding="utf-8")
