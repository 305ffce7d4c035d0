"""checkov on the rendered chart, beside what it finds in charts that are taken as models."""

from __future__ import annotations

import json
import subprocess
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.checks.chart.rendering import CHART, TOOLS, Object, named, objects

MODELS = {"nats": 64, "openbao": 47, "cert-manager": 55}
"""Failed checks on kinds that carry pods, of the charts as they come, with the same program and flags."""
ACCEPTED = {
    "CKV_K8S_8": "liveness: the pods of `helm test` end by themselves, within five minutes",
    "CKV_K8S_9": "readiness: likewise, and nobody calls them",
}
"""Checks that fail for a reason of ours; they count as failures all the same."""
CARRY_PODS = {"StatefulSet", "Job", "Pod"}


def findings(all_objects: list[Object], folder: Path) -> tuple[list[Any], int]:
    """Returns failed checks (those left out by an annotation count), and how many passed."""
    (folder / "rendered.yaml").write_text(yaml.safe_dump_all(all_objects), encoding="utf-8")
    command: list[str | Path] = [TOOLS / "venv" / "bin" / "checkov", "--framework", "kubernetes", "--output", "json"]
    command += ["--compact", "--skip-download", "--file", "rendered.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, cwd=folder)
    report = json.loads(done.stdout)
    results = report["results"]
    return [*results["failed_checks"], *results.get("skipped_checks", [])], report["summary"]["passed"]


@pytest.fixture(scope="module")
def of_the_chart(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Any], int]:
    """What checkov finds in the set with everything."""
    return findings(objects(CHART / "ci" / "three-zones.yaml"), tmp_path_factory.mktemp("checkov"))


def test_checkov_finds_less_than_in_the_models(of_the_chart: tuple[list[Any], int]) -> None:
    """Fewer failures on kinds that carry pods, in absolute numbers, than in any of them."""
    failed, passed = of_the_chart
    on_pods = [each for each in failed if each["resource"].split(".")[0] in CARRY_PODS]
    assert passed > 500
    assert len(on_pods) < min(MODELS.values())


def test_nothing_fails_but_what_is_meant_so(of_the_chart: tuple[list[Any], int]) -> None:
    """Every failure has a reason here, and every reason here a failure."""
    failed, _ = of_the_chart
    assert {each["check_id"] for each in failed} == set(ACCEPTED)
    assert {each["resource"].split(".")[0] for each in failed} == {"Pod"}


def test_checkov_sees_a_fault_also_where_it_is_told_to_skip(tmp_path: Path) -> None:
    """What the check is for: a privileged container is found, also where an annotation leaves the check out."""
    job = named(objects(CHART / "ci" / "three-zones.yaml"), "Job", "custody-migrate-")
    job["spec"]["template"]["spec"]["containers"][0]["securityContext"]["privileged"] = True
    told_to_skip = deepcopy(job)
    told_to_skip["metadata"] |= {"name": "told", "annotations": {"checkov.io/skip1": "CKV_K8S_16=we know better"}}
    found, _ = findings([job, told_to_skip], tmp_path)
    privileged = [each["resource"].endswith(".told") for each in found if each["check_id"] == "CKV_K8S_16"]
    assert sorted(privileged) == [False, True]
