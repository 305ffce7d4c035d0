"""Every value is documented, known to the schema, and does something."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.checks import values_document
from deploy.checks.chart.rendering import CHART, Refused, named, parse, render, rendered

SETS = [CHART / "ci" / f"{name}.yaml" for name in ("three-zones", "outside", "minimal")]
OTHER: dict[str, Any] = {
    "image.repository": "other.example.org/ringfence",
    "image.tag": "v9.9.9",
    "image.pullSecrets": ["other"],
    "database.hosts": ["other.data.svc"],
    "database.sslmode": "verify-ca",
    "database.podLabels": {"a": "b"},
    "vault.addresses": ["https://other.vault.svc:8200"],
    "vault.auth": "jwt",
    "nats.urls": ["tls://other.nats.svc:4222"],
    "telemetry.otlpEndpoint": "http://other.monitoring.svc:4317",
    "network.callers": [{"podSelector": {}}],
    "network.mirrors": [{"podSelector": {}}],
    "network.readers": [{"podSelector": {}}],
    "services.payment-instruction.rail.endpoint": "https://other.storage.svc:9000",
    "services.identity.register.endpoint": "https://other.storage.svc:9000",
    "monitoring.runbooks": "https://pages.example.org/runbooks",
    "upgrade.held": ["custody"],
    "bootstrap.nats.replicas": 5,
    "tests.payment.currency": "CZK",
    "tests.payment.debtorIban": "CZ6508000000192000145399",
    "tests.payment.creditorIban": "CZ6508000000192000145399",
}
"""Other values where the schema asks for a certain form."""
RULES = """\
groups:
  - name: one
    rules:
      - alert: One
        expr: up == 0
        annotations:
          summary: "{{ $labels.service }} is away"
"""
DASHBOARD = '{\n  "title": "{{ service }}",\n  "panels": []\n}\n'


def other(path: str, default: Any) -> Any:
    """Returns a value of a path that is not its default."""
    if path in OTHER:
        return OTHER[path]
    name = path.rpartition(".")[2]
    if "digests" in path:
        return f"sha256:{'a' * 64}"
    if name in {"podLabels", "labels"}:
        return {"other": "label"}
    if name == "cidrs":
        return ["203.0.113.0/24"]
    if name == "hosts":
        return ["other.data.svc"]
    if name == "resources":
        amounts = {"cpu": "3", "memory": "7Gi", "ephemeral-storage": "60Gi"}
        return {"requests": amounts, "limits": amounts}
    if name == "settings":
        return {"RINGFENCE_LOG_LEVEL": "DEBUG"}
    if name == "snapshotsSize":
        return "3Mi"
    if name == "names":
        return ["other.example.org"]
    if name == "platform":
        return {"nats-issuer": "other"}
    if name == "login":
        return {"issuer": "https://other.example.org"}
    if isinstance(default, bool):
        return not default
    return default + 2 if isinstance(default, int) else "other"


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart with a rule and a dashboard more, so that there is one."""
    copy = tmp_path_factory.mktemp("chart") / "ringfence"
    shutil.copytree(CHART, copy)
    for name, content in (("rules/one.yaml", RULES), ("dashboards/one.json", DASHBOARD)):
        (copy / "files" / name).parent.mkdir(exist_ok=True)
        (copy / "files" / name).write_text(content, encoding="utf-8")
    return copy


def test_the_readme_is_made_of_values_and_schema() -> None:
    """The README says what values.yaml and the schema say; `python -m deploy.checks.values_document` writes it."""
    assert values_document.README.read_text(encoding="utf-8") == values_document.readme()


def test_every_value_has_a_reason() -> None:
    """A value without a comment is one that nobody can set."""
    assert [each.path for each in values_document.values() if len(each.reason) < 10] == []


def test_the_schema_is_closed_and_knows_no_value_more() -> None:
    """Wherever the schema lists properties it lists all, each is in values.yaml, and everything else is refused."""
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    assert [place for place, each in _objects("", schema) if each.get("additionalProperties") is not False] == []
    content = values_document.documented()
    top = {path[0] for path in content}
    assert set(schema["properties"]) - {"global"} == top
    for service in schema["properties"]["services"]["properties"]:
        known = {path[2] for path in content if path[:2] == ("services", service) and len(path) > 2}
        assert set(schema["properties"]["services"]["properties"][service]["properties"]) == known


def _objects(place: str, schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields the parts of a schema that list properties."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
            yield place, schema
        for key, value in schema.items():
            yield from _objects(f"{place}/{key}", value)


@pytest.mark.parametrize(
    "value",
    # What the profile does is shown by what it refuses.
    [each for each in values_document.values() if each.path != ("profile",)],
    ids=lambda value: ".".join(value.path),
)
def test_every_value_does_something(value: values_document.Value, chart: Path) -> None:
    """Another value gives other objects, or is refused: none is there for nothing."""
    path = ".".join(value.path)
    given: dict[str, object] = {path: other(path, value.default)}
    if path.endswith("spoolClaim"):
        given[path.replace("spoolClaim", "bucket")] = ""
    for values in SETS:
        try:
            if render(values, given, chart=chart) != rendered(values, chart):
                return
        except Refused as refused:
            if "These values are refused" in str(refused):
                return
            raise
    raise AssertionError(f"{path} changes nothing")


def test_nobody_is_woken_where_a_region_stands_by(chart: Path) -> None:
    """What is not measured because nothing runs is no alarm."""
    made = parse(rendered(CHART / "ci" / "standing-by.yaml", chart))
    assert {each["kind"] for each in made} >= {"StatefulSet", "PodMonitor"}
    assert [each for each in made if each["kind"] == "PrometheusRule"] == []


def test_rules_and_dashboards_are_taken_as_they_are(chart: Path) -> None:
    """What Prometheus and Grafana fill in by `{{ }}` Helm leaves alone; a file is an object."""
    made = parse(rendered(SETS[0], chart))
    rules = named(made, "PrometheusRule", "ringfence-one")
    assert rules["spec"] == parse(RULES)[0]
    assert rules["metadata"]["labels"]["prometheus"] == "ringfence"
    dashboard = named(made, "ConfigMap", "ringfence-dashboard-one")
    assert json.loads(dashboard["data"]["one.json"]) == json.loads(DASHBOARD)
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
