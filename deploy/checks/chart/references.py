"""What one object says of another: names, keys, ports, labels. The API server takes all of it, and the pod hangs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from deploy.checks.chart.rendering import Object, Pod, pods, selects, title

TRUST_KEYS = {
    "workload-ca.pem",
    "client-ca.pem",
    "vault-ca.pem",
    "nats-ca.pem",
    "postgres-ca.pem",
    "rail-ca.pem",
    "register-ca.pem",
}
"""What the ConfigMap of authorities holds, by its description in values.yaml."""
CREDENTIALS = {"credentials.json"}
"""By what a credentials directory is read; it names the other files."""
GIVEN: Mapping[str, Mapping[str, set[str]]] = {
    "ConfigMap": {
        "ringfence-trust": TRUST_KEYS,
        "ringfence-first-principals": {"principals.json"},
        "ringfence-pin-statements": {"statements.jwt"},
    },
    "Secret": {
        **{f"{name}-database-app": {"password"} for name in ("identity", "custody", "payment-instruction", "audit")},
        **{f"{name}-database-owner": {"password"} for name in ("identity", "custody", "payment-instruction", "audit")},
        "payment-instruction-rail": {"secretAccessKey"},
        "identity-register": {"secretAccessKey"},
        "bank-feed": CREDENTIALS,
        "ringfence-test-platform": CREDENTIALS,
        "ringfence-test-regulator": CREDENTIALS,
        "ringfence-vault-administrator": {"token"},
        "ringfence-nats-administrator": {"tls.crt", "tls.key"},
        "images": {".dockerconfigjson"},
    },
    "PersistentVolumeClaim": {"bank": set(), "register": set()},
    "PriorityClass": {"ringfence-money": set(), "ringfence-record": set()},
}
"""What a site makes itself, with its keys: everything else that is spoken of must be rendered."""


def broken(all_objects: Sequence[Object]) -> Iterator[str]:
    """Yields references to what is not there, and what is there twice."""
    names = sorted((title(each), each["metadata"].get("namespace", "")) for each in all_objects)
    yield from (f"{one[0]}: there are two" for one, other in pairwise(names) if one == other)
    made = {kind: dict(of_kind) for kind, of_kind in GIVEN.items()}
    for each in all_objects:
        made.setdefault(each["kind"], {})[each["metadata"]["name"]] = set(each.get("data", {}))
    for pod in pods(all_objects):
        yield from (f"{pod.title}: {each}" for each in [*_of_volumes(pod, made), *_of_accounts(pod, made)])
        yield from (f"{pod.title}: {each}" for each in _of_ports(pod))
    yield from _of_selectors(all_objects)


def _of_volumes(pod: Pod, made: Mapping[str, Mapping[str, set[str]]]) -> Iterator[str]:
    volumes = {each["name"]: each for each in pod.spec.get("volumes", [])}
    mounted = {mount["name"] for container in pod.containers for mount in container.get("volumeMounts", [])}
    yield from (f"volume {name} is mounted and not there" for name in sorted(mounted - set(volumes)))
    yield from (f"volume {name} is there and not mounted" for name in sorted(set(volumes) - mounted))
    for container in pod.containers:
        paths = [mount["mountPath"] for mount in container.get("volumeMounts", [])]
        yield from (f"{path} is mounted twice" for path in {path for path in paths if paths.count(path) > 1})
    for volume in volumes.values():
        for kind, field, name in (
            ("ConfigMap", "configMap", "name"),
            ("Secret", "secret", "secretName"),
            ("PersistentVolumeClaim", "persistentVolumeClaim", "claimName"),
        ):
            source = volume.get(field)
            if source is None:
                continue
            there = made.get(kind, {}).get(source[name])
            if there is None:
                yield f"{kind} {source[name]} is not there"
            else:
                keys = {item["key"] for item in source.get("items", [])}
                yield from (f"{kind} {source[name]} has no {key}" for key in sorted(keys - there))


def _of_accounts(pod: Pod, made: Mapping[str, Mapping[str, set[str]]]) -> Iterator[str]:
    named = [("ServiceAccount", pod.spec.get("serviceAccountName", "default"))]
    named += [("PriorityClass", name) for name in [pod.spec.get("priorityClassName")] if name]
    named += [("Secret", each["name"]) for each in pod.spec.get("imagePullSecrets", [])]
    yield from (f"{kind} {name} is not there" for kind, name in named if name not in made.get(kind, {}))


def _of_ports(pod: Pod) -> Iterator[str]:
    """Probes ask a port that the container has, by gRPC the one without TLS."""
    for container in pod.containers:
        ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
        if len(set(ports.values())) < len(container.get("ports", [])):
            yield f"{container['name']} has a port twice"
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = container.get(probe, {}).get("grpc")
            if asked and asked["port"] != ports.get("health"):
                yield f"{probe} asks port {asked['port']}, which is not health"


def _of_selectors(all_objects: Sequence[Object]) -> Iterator[str]:
    every = list(pods(all_objects))
    for each in all_objects:
        spec, kind = each.get("spec", {}), each["kind"]
        if kind == "Service":
            selected = [pod for pod in every if selects({"matchLabels": spec["selector"]}, pod.labels)]
            yield from _selected(each, selected, 1)
            for port in spec["ports"]:
                yield from (f"{title(each)}: {pod.title} has no port {port['targetPort']}" for pod in selected
                            if port["targetPort"] not in _port_names(pod))  # fmt: skip
        elif kind == "PodDisruptionBudget":
            yield from _selected(each, [pod for pod in every if selects(spec["selector"], pod.labels)], 1)
        elif kind == "StatefulSet":
            own = [pod for pod in every if selects(spec["selector"], pod.labels)]
            yield from _selected(each, own, 1)
            if spec["serviceName"] not in {
                each["metadata"]["name"] for each in all_objects if each["kind"] == "Service"
            }:
                yield f"{title(each)}: Service {spec['serviceName']} is not there"
        elif kind == "PodMonitor":
            selected = [pod for pod in every if selects(spec["selector"], pod.labels)]
            yield from _selected(each, selected, 4)
            for endpoint in spec["podMetricsEndpoints"]:
                yield from (f"{title(each)}: {pod.title} has no port {endpoint['port']}" for pod in selected
                            if endpoint["port"] not in _port_names(pod))  # fmt: skip
        elif kind == "NetworkPolicy" and spec["podSelector"]:
            yield from _selected(each, [pod for pod in every if selects(spec["podSelector"], pod.labels)], 1)


def _selected(each: Object, selected: Sequence[Pod], expected: int) -> Iterator[str]:
    if len(selected) != expected:
        yield f"{title(each)}: selects {', '.join(pod.title for pod in selected) or 'no pods'}"


def _port_names(pod: Pod) -> set[str]:
    return {port["name"] for container in pod.containers for port in container.get("ports", [])}
