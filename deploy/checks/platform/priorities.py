"""Who is put out of a full node for whom: services stand on the platform, so it goes last."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from deploy.checks.platform.files import ROOT, Platform, walk

CLASS = "ringfence-platform"
OF_CHART = ROOT / "deploy" / "helm" / "ringfence" / "templates" / "priorityclasses.yaml"
PODS = {
    "cert-manager": [".global.priorityClassName"],
    "cloudnative-pg": [".priorityClassName"],
    "kube-prometheus-stack": [
        ".alertmanager.alertmanagerSpec.priorityClassName",
        ".kube-state-metrics.priorityClassName",
        ".prometheus-node-exporter.priorityClassName",
        ".prometheus.prometheusSpec.priorityClassName",
        ".prometheusOperator.priorityClassName",
    ],
    "nats": [".podTemplate.merge.spec.priorityClassName"],
    "openbao": [".server.priorityClassName"],
    "opentelemetry-collector": [".priorityClassName"],
    "plugin-barman-cloud": [".priorityClassName"],
}
"""Where each chart takes the class of its pods."""


def priority_problems(platform: Platform, of_chart: Path = OF_CHART) -> Iterator[str]:
    """Yields what could be put out for a service, and what comes before its class is there."""
    [value] = [each["value"] for each in platform.of_kind("PriorityClass") if each["metadata"]["name"] == CLASS]
    ours = [int(each) for each in re.findall(r'"ringfence-[a-z]+" ([0-9]+)', of_chart.read_text(encoding="utf-8"))]
    if not ours or value <= max(ours):
        yield f"priority: {CLASS} is not above our services"
    [first] = [number for number, step in enumerate(platform.steps) if "priority/class.yaml" in step.manifests]
    if any(step.chart for step in platform.steps[:first]):
        yield f"priority: {CLASS} is not there before the charts"
    for step in platform.steps:
        if step.chart:
            said = [path for path, each in walk(platform.values[step.name]) if path.endswith(".priorityClassName")
                    and each == CLASS]  # fmt: skip
            if sorted(said) != PODS[step.chart[0]]:
                yield f"priority: {step.name} is not {CLASS}"
    if platform.one("Cluster", "ringfence-postgres")["spec"].get("priorityClassName") != CLASS:
        yield f"priority: postgres is not {CLASS}"
    for each in platform.of_kind("CronJob"):
        if each["spec"]["jobTemplate"]["spec"]["template"]["spec"].get("priorityClassName") != CLASS:
            yield f"priority: {each['metadata']['name']} is not {CLASS}"
