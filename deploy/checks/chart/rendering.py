"""The chart as Helm renders it, and what is needed to speak of its objects."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
TOOLS = ROOT / ".deploy"
HELM = TOOLS / "helm"
CHART = ROOT / "deploy" / "helm" / "ringfence"
NAMESPACE = "custodian"
VALUE_SETS = sorted((CHART / "ci").glob("*.yaml"))
OLDEST, NEWEST = "1.34", "1.37"
"""Kubernetes' minors between which the chart is held; the oldest stands in Chart.yaml."""

Object = dict[str, Any]


class Refused(Exception):
    """Helm does not render these values; the text is what it says."""


def render(
    values: Path, overrides: Mapping[str, object] | None = None, kubernetes: str = NEWEST, chart: Path = CHART
) -> str:
    """Returns the rendered YAML; an override such as `services.custody.replicas` may be of any JSON type.

    Raises Refused.
    """
    command: list[str | Path] = [HELM, "template", "ringfence", chart, "--namespace", NAMESPACE, "--values", values]
    command += ["--kube-version", f"{kubernetes}.0"]
    for path, value in (overrides or {}).items():
        command += ["--set-json", f"{path}={json.dumps(value)}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise Refused(done.stderr)
    return done.stdout


@cache
def rendered(values: Path, chart: Path = CHART) -> str:
    """Returns the rendered YAML of a value set as it stands."""
    return render(values, chart=chart)


def objects(values: Path) -> list[Object]:
    """Returns the objects of a value set, each call new ones."""
    return parse(rendered(values))


def parse(text: str) -> list[Object]:
    """Returns the objects of rendered YAML."""
    return [each for each in yaml.load_all(text, Loader=yaml.CSafeLoader) if each]


def named(all_objects: Sequence[Object], kind: str, name: str) -> Object:
    """Returns the one object of a kind and a name, or of a name that begins so."""
    found = [each for each in all_objects if each["kind"] == kind and each["metadata"]["name"].startswith(name)]
    exact = [each for each in found if each["metadata"]["name"] == name]
    [only] = exact or found
    return only


def title(each: Object) -> str:
    """How a finding speaks of an object."""
    return f"{each['kind']} {each['metadata']['name']}"


@dataclass(frozen=True)
class Pod:
    """A pod as its owner makes it: labels and spec."""

    owner: Object
    labels: Mapping[str, str]
    spec: Object

    @property
    def title(self) -> str:
        """How a finding speaks of it."""
        return title(self.owner)

    @property
    def component(self) -> str:
        """`service`, `migration`, …"""
        return self.labels["app.kubernetes.io/component"]

    @property
    def containers(self) -> list[Object]:
        """All containers, those that initialise first."""
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]


def pods(all_objects: Sequence[Object]) -> Iterator[Pod]:
    """Yields the pods that these objects make."""
    for each in all_objects:
        if each["kind"] == "Pod":
            yield Pod(each, each["metadata"]["labels"], each["spec"])
        elif each["kind"] in {"StatefulSet", "Job", "Deployment", "DaemonSet"}:
            template = each["spec"]["template"]
            yield Pod(each, template["metadata"]["labels"], template["spec"])


def environment(container: Object, pod_name: str) -> dict[str, str]:
    """Returns what a container finds in its environment: `$(NAME)` filled in as Kubernetes does, from what is above."""
    found: dict[str, str] = {}
    for variable in container.get("env", []):
        if "valueFrom" in variable:
            [(kind, reference)] = variable["valueFrom"].items()
            if (kind, reference["fieldPath"]) != ("fieldRef", "metadata.name"):
                raise ValueError(f"{variable['name']} is taken from {kind}, which no check knows")
            found[variable["name"]] = pod_name
            continue
        value = variable["value"]
        for name, known in found.items():
            value = value.replace(f"$({name})", known)
        found[variable["name"]] = value
    return found


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector fits; every expression of Kubernetes' that the chart uses."""
    for each in selector.get("matchExpressions", []):
        if each["operator"] != "In":
            raise ValueError(f"no check knows the operator {each['operator']}")
        if labels.get(each["key"]) not in each["values"]:
            return False
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
