"""What a schema takes and the API server refuses, or takes and understands otherwise: enums, names, quantities."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deploy.checks.chart.rendering import Object, pods, title

ENUMS: Mapping[str, set[str]] = {
    "whenUnsatisfiable": {"DoNotSchedule", "ScheduleAnyway"},
    "imagePullPolicy": {"Always", "IfNotPresent", "Never"},
    "restartPolicy": {"Always", "OnFailure", "Never"},
    "podManagementPolicy": {"OrderedReady", "Parallel"},
    "unhealthyPodEvictionPolicy": {"AlwaysAllow", "IfHealthyBudget"},
    "preemptionPolicy": {"PreemptLowerPriority", "Never"},
    "fsGroupChangePolicy": {"OnRootMismatch", "Always"},
    "protocol": {"TCP", "UDP", "SCTP"},
    "operator": {"In", "NotIn", "Exists", "DoesNotExist", "Equal"},
    "updateStrategy.type": {"RollingUpdate", "OnDelete"},
    "seccompProfile.type": {"RuntimeDefault", "Localhost", "Unconfined"},
}
"""Allowed values by key, or by the key above and the key."""
SETS: Mapping[str, set[str]] = {
    "policyTypes": {"Ingress", "Egress"},
    "drop": {"ALL"},
    "accessModes": {"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"},
}
NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
PORT_NAME = re.compile(r"(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?")
CLUSTER_WIDE = {"Namespace", "PriorityClass"}
IMAGE = re.compile(r"[a-z0-9][-a-z0-9.]*(:[0-9]+)?(/[-a-z0-9._]+)+:[\w][-\w.]*@sha256:[0-9a-f]{64}")


def misshapen(all_objects: Sequence[Object], namespace: str) -> Iterator[str]:
    """Yields values that Kubernetes does not know, and objects that are in no namespace or another."""
    for each in all_objects:
        where = each["metadata"].get("namespace")
        if where != (None if each["kind"] in CLUSTER_WIDE else namespace):
            yield f"{title(each)}: is in namespace {where}"
        if not NAME.fullmatch(each["metadata"]["name"]):
            yield f"{title(each)}: is no name"
        found = _walk("", "", each.get("spec", {}))
        yield from (f"{title(each)}: {problem}" for problem in [*found, *_labels(each)])
    for pod in pods(all_objects):
        if pod.owner["kind"] == "Job" and pod.spec.get("restartPolicy") not in {"OnFailure", "Never"}:
            yield f"{pod.title}: restartPolicy of a Job is {pod.spec.get('restartPolicy')}"
        if pod.owner["kind"] == "StatefulSet" and pod.spec.get("restartPolicy", "Always") != "Always":
            yield f"{pod.title}: restartPolicy of a StatefulSet is {pod.spec['restartPolicy']}"


def unpinned(all_objects: Sequence[Object]) -> Iterator[str]:
    """Yields images without a digest."""
    for pod in pods(all_objects):
        for container in pod.containers:
            if not IMAGE.fullmatch(container["image"]):
                yield f"{pod.title}: image {container['image']} has no digest"


def _walk(above: str, key: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner, content in value.items():
            yield from _walk(key, inner, content)
    elif isinstance(value, list):
        if key in SETS and not set(value) <= SETS[key]:
            yield f"{key} is {', '.join(map(str, value))}"
        for content in value:
            yield from _walk(above, key, content)
    elif value is None:
        yield f"{key} is empty"
    else:
        allowed = ENUMS.get(f"{above}.{key}") or ENUMS.get(key)
        if allowed and value not in allowed:
            yield f"{key} is {value}, none of {', '.join(sorted(allowed))}"
        if (above in {"requests", "limits"} or key == "sizeLimit") and not QUANTITY.fullmatch(str(value)):
            yield f"{key} is {value}, no quantity"
        if above == "ports" and key == "name" and not PORT_NAME.fullmatch(str(value)):
            yield f"port {value} is no name"


def _labels(each: Object) -> Iterator[str]:
    sets = [each["metadata"].get("labels", {})]
    sets += [each["spec"]["template"]["metadata"]["labels"]] if "template" in each.get("spec", {}) else []
    for labels in sets:
        for key, value in labels.items():
            if not LABEL_KEY.fullmatch(key) or not LABEL_VALUE.fullmatch(value):
                yield f"label {key}: {value} is none"
