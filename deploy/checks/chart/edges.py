"""Network policies beside the addresses that pods are given: the same edges, no more and no fewer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from psycopg.conninfo import conninfo_to_dict

from deploy.checks.chart.rendering import NAMESPACE, Object, Pod, environment, pods, selects

NAMESPACE_LABEL = "kubernetes.io/metadata.name"
DNS = "kube-system"
HOST_AND_PORT = re.compile(r"[a-z0-9.-]+:[0-9]+")


@dataclass(frozen=True, order=True)
class Edge:
    """To whom a pod speaks: a service of ours, a namespace, or (with neither) outside; and the port."""

    service: str
    namespace: str
    port: int

    def __str__(self) -> str:
        return f"{self.service or self.namespace or 'outside'}:{self.port}"


def used(pod: Pod) -> set[Edge]:
    """Returns the edges of the addresses in the environment and arguments of a pod's containers, and DNS."""
    found = {Edge("", DNS, 53)}
    for container in pod.containers:
        variables = environment(container, f"{pod.owner['metadata']['name']}-0")
        for name, value in variables.items():
            if not name.endswith("_LISTEN"):
                found |= {_edge(host, port) for host, port in _addresses(value)}
        for argument in container.get("args", []):
            if HOST_AND_PORT.fullmatch(argument):
                found |= {_edge(host, port) for host, port in _addresses(argument)}
    return found


def _addresses(value: str) -> Iterator[tuple[str, int]]:
    if value.startswith("postgresql://"):
        fields = conninfo_to_dict(value)
        hosts, ports = str(fields["host"]).split(","), str(fields["port"]).split(",")
        yield from ((host, int(port)) for host, port in zip(hosts, ports, strict=True))
        return
    for part in value.split(","):
        if re.match(r"(https?|tls|nats)://", part):
            url = urlsplit(part)
            yield str(url.hostname), url.port or {"https": 443, "http": 80}[url.scheme]
        elif HOST_AND_PORT.fullmatch(part):
            host, _, port = part.rpartition(":")
            yield host, int(port)


def _edge(host: str, port: int) -> Edge:
    inside = re.search(r"([^.]+)\.([^.]+)\.svc(\.|$)", host)
    if inside is None:
        return Edge("", "", port)
    if inside[2] == NAMESPACE:
        return Edge(inside[1], "", port)
    return Edge("", inside[2], port)


def allowed(pod: Pod, all_objects: Sequence[Object]) -> set[Edge]:
    """Returns the edges that the policies on a pod let out; a rule without peers, which lets out everywhere, as `*`."""
    everybody = list(pods(all_objects))
    found = set()
    for policy in _policies(pod, all_objects, "Egress"):
        for rule in policy["spec"].get("egress", []):
            for port in (each["port"] for each in rule.get("ports", [{"port": 0}])):
                for peer in rule.get("to") or [{}]:
                    found |= set(_edges_of(peer, port, everybody))
    return found


def _edges_of(peer: Object, port: int, everybody: Sequence[Pod]) -> Iterator[Edge]:
    if "ipBlock" in peer:
        yield Edge("", "", port)
    elif "namespaceSelector" in peer:
        yield Edge("", peer["namespaceSelector"]["matchLabels"][NAMESPACE_LABEL], port)
    elif "podSelector" in peer:
        for other in everybody:
            if selects(peer["podSelector"], other.labels):
                yield Edge(other.labels["app.kubernetes.io/name"], "", port)
    else:
        yield Edge("*", "", port)


def unlike(all_objects: Sequence[Object]) -> Iterator[str]:
    """Yields edges that one side has alone, callers that are not let in, and pods that no policy binds."""
    everybody = list(pods(all_objects))
    if not any(_denies_everything(each) for each in all_objects):
        yield "default-deny: whatever else runs in the namespace is not bound"
    for pod in everybody:
        if not _policies(pod, all_objects, "Egress") or not _policies(pod, all_objects, "Ingress"):
            yield f"{pod.title}: no policy binds it"
        speaks, may = used(pod), allowed(pod, all_objects)
        yield from (f"{pod.title}: speaks to {each}, and is not let out" for each in sorted(speaks - may))
        yield from (f"{pod.title}: is let out to {each}, where it has no address" for each in sorted(may - speaks))
    yield from _ingress(everybody, all_objects)


def _ingress(everybody: Sequence[Pod], all_objects: Sequence[Object]) -> Iterator[str]:
    for pod in everybody:
        name = pod.labels["app.kubernetes.io/name"] if pod.component == "service" else ""
        ports = {port["containerPort"] for container in pod.containers for port in container.get("ports", [])}
        for caller in everybody:
            calls = {edge.port for edge in used(caller) if name and edge.service == name}
            let_in = set(_let_in(pod, caller, all_objects))
            yield from (f"{pod.title}: {caller.title} calls port {each}, and is not let in" for each in calls - let_in)
            yield from (
                f"{pod.title}: {caller.title} is let in at {each}, and does not call" for each in let_in - calls
            )
            yield from (f"{pod.title}: port {each} is called, and it has none" for each in calls - ports)


def _let_in(pod: Pod, caller: Pod, all_objects: Sequence[Object]) -> Iterator[int]:
    for policy in _policies(pod, all_objects, "Ingress"):
        for rule in policy["spec"].get("ingress", []):
            # Without peers, or with none in the list, a rule lets in everybody.
            for peer in rule.get("from") or [{"podSelector": {}}]:
                if set(peer) == {"podSelector"} and selects(peer["podSelector"], caller.labels):
                    yield from (port["port"] for port in rule["ports"])


def _denies_everything(each: Object) -> bool:
    return bool(
        each["kind"] == "NetworkPolicy" and each["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    )


def _policies(pod: Pod, all_objects: Sequence[Object], kind: str) -> list[Object]:
    return [
        each
        for each in all_objects
        if each["kind"] == "NetworkPolicy"
        and kind in each["spec"]["policyTypes"]
        and selects(each["spec"]["podSelector"], pod.labels)
    ]
