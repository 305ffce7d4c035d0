"""The scripts that install the platform, beside a kubectl and a helm that note what they are told."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from deploy.checks.platform.files import ENVIRONMENTS, PLATFORM, PRODUCTION, ROOT, load

STAGES = ["1-foundation.sh", "2-stores.sh", "3-notifications.sh", "4-services.sh"]


@dataclass(frozen=True)
class Cluster:
    """A folder with the scripts and with programs that only note; `lacks` is what they do not find, `fails` refuses."""

    folder: Path

    def run(self, script: str, lacks: str = "nothing lacks", fails: str = "nothing fails") -> tuple[int, str]:
        """Runs a script in the repository; returns its status and what it complains of."""
        variables = {"PATH": f"{self.folder}:{os.environ['PATH']}", "LACKS": lacks, "FAILS": fails}
        done = subprocess.run(
            [self.folder / "out" / script], check=False, capture_output=True, text=True, cwd=ROOT, env=variables
        )
        return done.returncode, done.stderr

    def told(self) -> list[str]:
        """Returns what was installed since the last time, namespaces left out."""
        file = self.folder / "told"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return [line for line in lines if line.startswith(("helm", "kubectl apply --server-side"))]


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """The scripts of the example's site."""
    for program in ("kubectl", "helm"):
        file = tmp_path / program
        file.write_text(
            f'#!/bin/bash\nsaid="{program} $*"\n[[ "$said" != *"$LACKS"* && "$said" != *"$FAILS"* ]] || exit 1\n'
            f'echo "$said" >>{tmp_path}/told\n',
            encoding="utf-8",
        )
        file.chmod(0o755)
    command: list[str | Path] = [sys.executable, PLATFORM / "render.py", PLATFORM / "sites.example.yaml"]
    said = subprocess.run([*command, tmp_path / "out"], check=True, capture_output=True, text=True).stdout
    assert said.split() == [str(tmp_path / "out" / name) for name in STAGES]
    return Cluster(tmp_path)


def test_stages_install_every_step_in_order(cluster: Cluster) -> None:
    """Nothing is left out, nothing is installed twice; our chart comes last, and OpenBao is not waited for."""
    for script in STAGES:
        assert cluster.run(script) == (0, "")
    told = cluster.told()
    out = cluster.folder / "out"
    expected = []
    for step in load("three-zones").steps:
        expected += [f"kubectl apply --server-side -f {out / file}" for file in step.manifests]
        expected += [f"helm upgrade --install {step.name} "] if step.chart else []
    expected += ["helm upgrade --install ringfence deploy/helm/ringfence "]
    assert [line for line, begins in zip(told, expected, strict=True) if not line.startswith(begins)] == []
    waited = {line.split()[3] for line in told if line.endswith(" --wait")}
    assert waited == {step.name for step in load("three-zones").steps if step.chart} - {"openbao"}


@pytest.mark.parametrize(
    ("script", "lacks", "said"),
    [
        ("1-foundation.sh", "secret alertmanager", "no secret alertmanager in monitoring"),
        ("2-stores.sh", "crd clusters.postgresql.cnpg.io", "PostgreSQL's operator, of stage foundation"),
        ("2-stores.sh", "secret audit-database-app", "no secret audit-database-app in ringfence-data"),
        ("3-notifications.sh", "bao status", "OpenBao, of stage stores, initialised and open"),
        ("3-notifications.sh", "configmap nats-accounts", "no configmap nats-accounts in nats"),
        ("4-services.sh", "cluster/ringfence-postgres", "PostgreSQL, of stage stores, ready"),
        ("4-services.sh", "configmap ringfence-trust", "no configmap ringfence-trust in ringfence"),
        ("4-services.sh", "secret payment-instruction-rail", "no secret payment-instruction-rail in ringfence"),
    ],
)
def test_what_is_missing_is_named_before_anything_is_installed(
    cluster: Cluster, script: str, lacks: str, said: str
) -> None:
    """The script ends with status 1."""
    assert cluster.run(script, lacks=lacks) == (1, f"missing: {said}\nnothing was installed\n")
    assert cluster.told() == []


@pytest.mark.parametrize("script", STAGES)
def test_a_step_that_fails_ends_its_stage(cluster: Cluster, script: str) -> None:
    """What comes after it would stand on what is not there."""
    assert cluster.run(script)[0] == 0
    told = cluster.told()
    assert cluster.run(script, fails=told[0])[0] == 1
    assert cluster.told() == []


@pytest.mark.parametrize("environment", PRODUCTION)
def test_every_step_has_a_stage(environment: str) -> None:
    """One that had none would never be installed; and no step needs one of a later stage."""
    stages = [each["name"] for each in yaml.safe_load((PLATFORM / "steps.yaml").read_text(encoding="utf-8"))["stages"]]
    numbers = [stages.index(step.stage) for step in load(environment).steps]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_rendering_writes_what_its_commands_use(environment: str, tmp_path: Path) -> None:
    """Every file that a command names was written, nothing stands open, and a chart has its version and values."""
    site = tmp_path / "site.yaml"
    text = (PLATFORM / "sites.example.yaml").read_text(encoding="utf-8")
    site.write_text(text.replace("environment: three-zones", f"environment: {environment}"), encoding="utf-8")
    command: list[str | Path] = [sys.executable, PLATFORM / "render.py", site, tmp_path / "out"]
    scripts = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    said = "".join(Path(each).read_text(encoding="utf-8") for each in scripts)
    files = [Path(each) for each in re.findall(rf"{tmp_path}\S+", said)]
    assert files
    assert [file for file in files if not file.is_file() or "${" in file.read_text(encoding="utf-8")] == []
    charts = [line for line in said.splitlines() if line.startswith("helm") and " --version " in line]
    assert len(charts) == len([step for step in load(environment).steps if step.chart])
    assert all(" -f " in line and " --repo https://charts.example.org/" in line for line in charts)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("environment: three-zones", "environment: moon", "environment: moon is none of local"),
        ("  nats: https://charts.example.org/nats\n", "", "charts: nats not said"),
        ("  region: eu-central-1\n", "", "names: region not said"),
    ],
)
def test_a_site_that_lacks_something_is_refused_by_name(old: str, new: str, said: str, tmp_path: Path) -> None:
    """The program ends with status 2 and a sentence."""
    site = tmp_path / "site.yaml"
    text = (PLATFORM / "sites.example.yaml").read_text(encoding="utf-8")
    assert old in text
    site.write_text(text.replace(old, new, 1), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, PLATFORM / "render.py", site, tmp_path / "out"], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
