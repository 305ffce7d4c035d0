"""The chart: every value set renders, the same twice, into what Kubernetes takes and what stands as it should."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from deploy.checks.chart import edges, placement, references, restricted, shapes
from deploy.checks.chart.rendering import (
    CHART,
    HELM,
    NAMESPACE,
    NEWEST,
    OLDEST,
    TOOLS,
    VALUE_SETS,
    objects,
    parse,
    render,
)
from deploy.checks.monitoring.rules import expecting

CUSTOM = {"PodMonitor", "PrometheusRule"}
"""Kinds that come with an operator: Kubernetes has no schema for them."""
PRODUCTION = [values for values in VALUE_SETS if values.stem != "development"]
of_every_value_set = pytest.mark.parametrize("values", VALUE_SETS, ids=lambda values: values.stem)


def test_there_are_value_sets() -> None:
    """The sets that the checks are run on: the least, the most, what is outside, what stands by, and development."""
    assert {values.stem for values in VALUE_SETS} == {"minimal", "three-zones", "outside", "standing-by", "development"}


@of_every_value_set
def test_helm_finds_nothing_to_say(values: Path) -> None:
    """`helm lint --strict` takes warnings for errors."""
    command: list[str | Path] = [
        HELM,
        "lint",
        "--strict",
        "--quiet",
        CHART,
        "--namespace",
        NAMESPACE,
        "--values",
        values,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@of_every_value_set
def test_the_same_values_render_the_same(values: Path) -> None:
    """Byte by byte, twice: nothing is random and nothing is looked up; the cluster's version makes no difference."""
    first = render(values)
    assert render(values) == first
    assert render(values, kubernetes=OLDEST) == first


def test_no_template_asks_cluster_clock_or_chance() -> None:
    """What would make one rendering differ from the next is in no template."""
    words = ("lookup", "rand", "uuidv4", "now", "genCA", "genSigned", "genSelfSigned", "genPrivateKey", ".Capabilities")
    found = [
        f"{path.name}: {word}"
        for path in sorted((CHART / "templates").rglob("*.*"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if "{{" in line
        for word in words
        if word in line.replace("(", " ").split() or (word[0] == "." and word in line)
    ]
    assert found == []


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_knows_every_field(version: str, tmp_path: Path) -> None:
    """Every object is of the shape of its kind, at the oldest and at the newest minor."""
    files = []
    for values in VALUE_SETS:
        known = [each for each in objects(values) if each["kind"] not in CUSTOM]
        assert len(known) > 20
        files.append(tmp_path / values.name)
        files[-1].write_text(yaml.safe_dump_all(known), encoding="utf-8")
    command: list[str | Path] = [
        TOOLS / "venv" / "bin" / "kubernetes-validate",
        "-k",
        version,
        "--strict",
        "--quiet",
        "--no-warn",
        *files,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_oldest_minor_is_the_chart_s() -> None:
    """What is validated is what Chart.yaml promises."""
    [chart] = parse((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert chart["kubeVersion"] == f">={OLDEST}.0-0"


@of_every_value_set
def test_names_enums_and_quantities_are_kubernetes_own(values: Path) -> None:
    """What a schema of types lets through and the API server does not."""
    assert list(shapes.misshapen(objects(values), NAMESPACE)) == []


@pytest.mark.parametrize("values", PRODUCTION, ids=lambda values: values.stem)
def test_every_image_has_a_digest(values: Path) -> None:
    """In production what runs is what was checked."""
    assert list(shapes.unpinned(objects(values))) == []


@of_every_value_set
def test_whatever_is_spoken_of_is_there(values: Path) -> None:
    """ConfigMaps, Secrets and their keys, accounts, ports, and pods behind selectors."""
    assert list(references.broken(objects(values))) == []


@of_every_value_set
def test_pods_are_let_into_a_restricted_namespace(values: Path) -> None:
    """The restricted profile rule by rule; root file systems are read-only; no token but the one for Vault."""
    assert list(restricted.breaches(objects(values))) == []


@of_every_value_set
def test_pods_stand_apart_and_go_gently(values: Path) -> None:
    """Zones, hosts, budgets, probes, priorities, room and the time to stop."""
    zones = 0 if values.stem == "development" else 3
    assert list(placement.misplaced(objects(values), zones)) == []


@of_every_value_set
def test_policies_are_the_edges_that_addresses_make(values: Path) -> None:
    """Whoever has an address is let out to it and in at it, and nobody else."""
    assert list(edges.unlike(objects(values))) == []


@of_every_value_set
def test_tokens_are_for_vault_alone(values: Path) -> None:
    """Every service has an account and one short-lived token, for Vault; nothing else has any."""
    for each in objects(values):
        if each["kind"] == "StatefulSet":
            spec = each["spec"]["template"]["spec"]
            assert spec["serviceAccountName"] == each["metadata"]["name"]
            [token] = [
                source for volume in spec["volumes"] for source in volume.get("projected", {}).get("sources", [])
            ]
            assert token == {"serviceAccountToken": {"audience": "vault", "expirationSeconds": 600, "path": "token"}}
        elif each["kind"] in {"Job", "Pod"}:
            assert "serviceAccountToken" not in str(each)
        elif each["kind"] == "ServiceAccount":
            assert each["automountServiceAccountToken"] is False


@of_every_value_set
def test_no_secret_is_made(values: Path) -> None:
    """A chart that renders a Secret has had its content in values."""
    assert {each["kind"] for each in objects(values)} & {"Secret", "Role", "ClusterRole"} == set()


def test_a_new_image_makes_a_new_migration() -> None:
    """A Job cannot be changed: another digest, another database or another revision has another name."""
    values = CHART / "ci" / "minimal.yaml"

    def name(overrides: dict[str, object]) -> str:
        rendered = parse(render(values, overrides))
        [job] = [each for each in rendered if each["metadata"]["name"].startswith("custody-migrate-")]
        return str(job["metadata"]["name"])

    names = {
        name({}),
        name({"image.digests.custody": f"sha256:{'9' * 64}"}),
        name({"database.hosts": ["other.data.svc"]}),
    }
    assert len(names) == 3
    assert all(each.startswith("custody-migrate-1-") for each in names)


def test_migrations_are_no_hooks() -> None:
    """A hook runs before the Secrets of the same release exist, and not at all where the chart is only rendered."""
    hooks = [each for each in objects(CHART / "ci" / "three-zones.yaml") if "annotations" in each["metadata"]]
    assert {each["kind"] for each in hooks} == {"Pod"}
    assert all(each["metadata"]["annotations"]["helm.sh/hook"] == "test" for each in hooks)


def test_where_a_region_stands_by_nothing_runs() -> None:
    """No process, no migration (the database belongs to the other region), and no test of what is not there."""
    by = objects(CHART / "ci" / "standing-by.yaml")
    assert [each["spec"]["replicas"] for each in by if each["kind"] == "StatefulSet"] == [0, 0, 0, 0]
    assert {each["kind"] for each in by} & {"Job", "Pod"} == set()


@of_every_value_set
def test_rules_know_how_many_processes_there_should_be(values: Path) -> None:
    """Where there are rules, what they expect is what the StatefulSets have; a region that stands by expects none."""
    made = objects(values)
    replicas = {
        each["metadata"]["name"]: each["spec"]["replicas"]
        for each in sorted(made, key=lambda each: str(each["metadata"]["name"]))
        if each["kind"] == "StatefulSet"
    }
    rules = {each["metadata"]["name"]: each["spec"] for each in made if each["kind"] == "PrometheusRule"}
    expected = {"ringfence-expected": expecting(replicas)} if any(replicas.values()) else {}
    assert {name: spec for name, spec in rules.items() if name == "ringfence-expected"} == (expected if rules else {})
