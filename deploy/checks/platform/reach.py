"""Who is let in below the services: nobody but whom a policy names, and those who must."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlparse

from deploy.checks.platform.files import PRODUCTION, Platform

CLOSED = ("openbao", "nats", "ringfence-data")
"""Namespaces into which nothing comes that no policy names; of `monitoring` only the collector is ours."""
NAME = "kubernetes.io/metadata.name"
NUMBERS = {"ringfence-data": 9187, "openbao": 8200, "nats": 7777}
"""Where Prometheus reads."""


def reach_problems(platform: Platform) -> Iterator[str]:
    """Yields what is open to everybody, and who is locked out that must not be."""
    policies = platform.of_kind("NetworkPolicy")
    for namespace in CLOSED:
        denies = [each for each in policies if each["metadata"]["namespace"] == namespace
                  and each["spec"] == {"podSelector": {}, "policyTypes": ["Ingress"]}]  # fmt: skip
        if len(denies) != 1:
            yield f"network: {namespace} is open to everybody"
    allowed = {each for policy in policies for each in _allowed(policy)}
    yield from (f"network: {namespace} is open to everybody at {port}" for namespace, port, of in allowed if not of)
    yield from (f"network: {of} does not reach {namespace} at {port}" for namespace, port, of in
                sorted(_needed(platform) - allowed))  # fmt: skip


def _allowed(policy: Mapping[str, Any]) -> Iterator[tuple[str, int, str]]:
    for rule in policy["spec"].get("ingress", []):
        for port in rule.get("ports", [{"port": 0}]):
            peers = [each.get("namespaceSelector", {}).get("matchLabels", {}).get(NAME, "") for each in rule["from"]]
            yield from ((policy["metadata"]["namespace"], port["port"], of) for of in peers or [""])


def _needed(platform: Platform) -> set[tuple[str, int, str]]:
    ours = platform.ringfence
    urls = [*ours["vault"]["addresses"], *ours["nats"]["urls"], ours["telemetry"]["otlpEndpoint"]]
    urls += [f"postgresql://{host}:5432" for host in ours["database"]["hosts"]]
    needed = {(_namespace(url), urlparse(url).port or 0, "ringfence") for url in urls}
    for each in platform.of_kind("Issuer"):
        server = each["spec"]["vault"]["server"]
        needed.add((_namespace(server), urlparse(server).port or 0, "cert-manager"))
    needed |= {("ringfence-data", port, "cnpg-system") for port in (5432, 8000)}
    if platform.environment in PRODUCTION:
        needed |= {(namespace, port, "monitoring") for namespace, port in NUMBERS.items()}
        needed |= {("ringfence-data", 5432, "ringfence-data"), ("nats", 6222, "nats")}
        needed |= {("openbao", port, "openbao") for port in (8200, 8201)}
    return needed


def _namespace(url: str) -> str:
    return str(urlparse(url).hostname).removesuffix(".svc").split(".")[-1]
