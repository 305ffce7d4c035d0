"""What the platform's files name must be there: Secrets, issuers, hosts, accounts, versions; as problems in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from deploy.checks.infra.hcl import TERRAFORM, read, read_folder
from deploy.checks.platform.files import PLATFORM, PRODUCTION, ROOT, Platform, walk
from deploy.checks.platform.quorums import SERVICES

OPERATOR = "kube-prometheus-stack"
_VERSION = re.compile(r"v?[0-9]+\.[0-9]+(\.[0-9]+)?(-[a-z0-9-]+)?")
# Names of Secrets stand under these, those of ConfigMaps under the others.
_SECRETS = re.compile(
    r"\.(secretName|configSecret|serverTLSSecret|serverCASecret|(passwordSecret|secret|caBundleSecretRef|secretKeyRef)\.name)$"
)
_CONFIGMAPS = re.compile(r"\.(configMapName|configMap\.name)$")


def reference_problems(platform: Platform) -> Iterator[str]:
    """Yields what is named and not there."""
    yield from _secrets(platform)
    yield from _issuers(platform)
    yield from _hosts(platform)
    yield from _others(platform)
    yield from _versions(platform)
    yield from _monitored(platform)


def _monitored(platform: Platform) -> Iterator[str]:
    """Whoever makes a PodMonitor or a PrometheusRule comes after the operator that has these kinds."""
    charts = [step.chart[0] if step.chart else "" for step in platform.steps]
    operator = charts.index(OPERATOR) if OPERATOR in charts else None
    ours = platform.ringfence.get("monitoring", {})
    if operator is None and any(ours.get(name, True) for name in ("podMonitor", "rules")):
        yield "our chart makes PodMonitors, and no step brings their kind"
    for number, step in enumerate(platform.steps):
        text = "".join((PLATFORM / file).read_text(encoding="utf-8") for file in step.manifests)
        if re.search(r"^kind: (PodMonitor|PrometheusRule)$", text, re.MULTILINE) and number <= (operator or number):
            yield f"{step.name}: PodMonitors before their kind"


def _places(platform: Platform) -> Iterator[tuple[str, str, Any]]:
    """Yields namespace, path and what stands there, of all objects and of the values of all charts."""
    for each in platform.objects:
        # A cluster-wide issuer reads Secrets where cert-manager runs.
        namespace = each["metadata"].get("namespace", "cert-manager")
        yield from ((namespace, path, value) for path, value in walk(each, f"{each['kind']}"))
    for step in platform.steps:
        yield from ((step.namespace, path, value) for path, value in walk(platform.values[step.name], step.name))


def _secrets(platform: Platform) -> Iterator[str]:
    made = {(each["metadata"]["namespace"], each["spec"]["secretName"]) for each in platform.of_kind("Certificate")}
    given = {(each["namespace"], each["name"]) for each in platform.site["secrets"]}
    if platform.environment == "local":
        given |= {("openbao", "openbao-seal")}
    configmaps = {(each["namespace"], each["name"]) for each in platform.site["configmaps"]}
    for namespace, path, value in _places(platform):
        if _SECRETS.search(path) and (namespace, value) not in made | given:
            yield f"{path}: no Secret {value} in {namespace}"
        if _CONFIGMAPS.search(path) and (namespace, value) not in configmaps:
            yield f"{path}: no ConfigMap {value} in {namespace}"
    ours = [f"{service}-database-{kind}" for service in SERVICES for kind in ("owner", "app")]
    keys = ("identity-register", "payment-instruction-rail")
    for name in [*ours, *keys, "ringfence-vault-administrator", "ringfence-nats-administrator"]:
        if ("ringfence", name) not in made | given:
            yield f"our chart: no Secret {name} in ringfence"
    yield from _first_principals(platform, given, configmaps)
    for each in platform.site["secrets"]:
        if set(each) != {"namespace", "name", "keys"}:
            yield f"a Secret says more than its name: {sorted(each)}"


def _first_principals(platform: Platform, secrets: set[Any], configmaps: set[Any]) -> Iterator[str]:
    """Yields what a production site lacks so that anybody can call, and money of the bank arrives."""
    if platform.environment == "local":
        return
    services = platform.ringfence["services"]
    for given, name in (
        (configmaps, services["identity"].get("firstPrincipalsConfigMap")),
        (secrets, services["payment-instruction"]["rail"].get("credentialsSecret")),
    ):
        if ("ringfence", name) not in given:
            yield f"our chart: nobody is known, {name} is not there"


def _issuers(platform: Platform) -> Iterator[str]:
    there = {
        (kind, each["metadata"].get("namespace"), each["metadata"]["name"])
        for kind in ("ClusterIssuer", "Issuer")
        for each in platform.of_kind(kind)
    }
    for each in platform.of_kind("Certificate"):
        issuer, namespace = each["spec"]["issuerRef"], each["metadata"]["namespace"]
        if (issuer["kind"], namespace if issuer["kind"] == "Issuer" else None, issuer["name"]) not in there:
            yield f"certificate {each['metadata']['name']}: no {issuer['kind']} {issuer['name']}"
        if each["spec"]["privateKey"].get("rotationPolicy") != "Always":
            yield f"certificate {each['metadata']['name']}: its key is never new"
    for each in platform.of_kind("Issuer"):
        account = each["spec"]["vault"]["auth"]["kubernetes"]["serviceAccountRef"]["name"]
        if not _may_have_tokens(platform, each["metadata"]["namespace"], account):
            yield f"issuer {each['metadata']['name']}: cert-manager gets no token of {account}"


def _may_have_tokens(platform: Platform, namespace: str, account: str) -> bool:
    roles = [each for each in platform.of_kind("Role") if each["metadata"]["namespace"] == namespace]
    allowed = {
        role["metadata"]["name"]
        for role in roles
        for rule in role["rules"]
        if (rule["resources"], rule["resourceNames"], rule["verbs"])
        == (["serviceaccounts/token"], [account], ["create"])
    }
    accounts = {(e["metadata"]["namespace"], e["metadata"]["name"]) for e in platform.of_kind("ServiceAccount")}
    return (namespace, account) in accounts and any(
        each["roleRef"]["name"] in allowed
        and each["metadata"]["namespace"] == namespace
        and each["subjects"] == [{"kind": "ServiceAccount", "name": "cert-manager", "namespace": "cert-manager"}]
        for each in platform.of_kind("RoleBinding")
    )


def _hosts(platform: Platform) -> Iterator[str]:
    """Every address that our chart is given is in the certificate of who answers there, in a namespace of a step."""
    ours = platform.ringfence
    addresses = {
        "ringfence-postgres-server": [f"postgresql://{host}" for host in ours["database"]["hosts"]],
        "openbao-server": ours["vault"]["addresses"],
        "nats-server": ours["nats"]["urls"],
    }
    for certificate, urls in addresses.items():
        names = platform.one("Certificate", certificate)["spec"]["dnsNames"]
        yield from (f"{certificate}: not valid for {url}" for url in urls if urlparse(url).hostname not in names)
    namespaces = {step.namespace for step in platform.steps}
    urls = [url for of_one in addresses.values() for url in of_one] + [ours["telemetry"]["otlpEndpoint"]]
    for url in urls:
        if str(urlparse(url).hostname).removesuffix(".svc").split(".")[-1] not in namespaces:
            yield f"{url}: nothing is installed there"
    for each in platform.of_kind("Issuer"):
        server = urlparse(each["spec"]["vault"]["server"]).hostname
        if server not in platform.one("Certificate", "openbao-server")["spec"]["dnsNames"]:
            yield f"issuer {each['metadata']['name']}: Vault has no certificate for {server}"


def _others(platform: Platform) -> Iterator[str]:
    classes = {each["metadata"]["name"] for each in platform.of_kind("StorageClass")}
    stores = {each["metadata"]["name"] for each in platform.of_kind("ObjectStore")}
    for _, path, value in _places(platform):
        if re.search(r"\.(storageClass|storageClassName)$", path) and value not in classes:
            yield f"{path}: no StorageClass {value}"
        if path.endswith(".barmanObjectName") and value not in stores:
            yield f"{path}: no ObjectStore {value}"
    names = [step.name for step in platform.steps]
    for number, step in enumerate(platform.steps):
        yield from (f"{step.name}: {need} is not installed before" for need in step.needs if need not in names[:number])
    for each in platform.of_kind("StorageClass"):
        if each["volumeBindingMode"] != "WaitForFirstConsumer" or each["reclaimPolicy"] != "Retain":
            yield "a volume is made before its zone is known, or goes with its claim"


def _versions(platform: Platform) -> Iterator[str]:
    """Charts and images by version, images from the site's mirror and from nowhere else."""
    mirror = platform.site["names"]["images"]
    for step in platform.steps:
        if step.chart and not _VERSION.fullmatch(step.chart[1]):
            yield f"{step.name}: chart without an exact version"
        values = platform.values[step.name]
        if step.chart and not _from_mirror(values, mirror):
            yield f"{step.name}: an image from elsewhere"
    for _, path, value in _places(platform):
        if path.endswith((".image", ".imageName")) and isinstance(value, str):
            name, _, tag = value.rpartition(":")
            if not name.startswith(f"{mirror}/") or not _VERSION.match(tag):
                yield f"{path}: {value} is from elsewhere or without a version"
        if path.endswith(".tag") and not _VERSION.match(str(value)):
            yield f"{path}: {value} is no version"


def _from_mirror(values: Mapping[str, Any], mirror: str) -> bool:
    everywhere = values.get("global", {})
    if mirror in {everywhere.get("imageRegistry"), everywhere.get("image", {}).get("registry")}:
        return True
    images = [
        value
        for path, value in walk(values)
        if re.search(r"\.(image|sidecarImage)$", path) and isinstance(value, Mapping)
    ]
    return bool(images) and all(
        f"{each.get('registry', '')}/{each.get('repository', '')}".lstrip("/").startswith(mirror) for each in images
    )


def text_problems(root: Path = ROOT) -> Iterator[str]:
    """Yields hosts and secrets in the text of the files: addresses are of the cluster, of the example, or put in."""
    folders = [root / "deploy" / "platform", root / "deploy" / "environments", root / "Tiltfile"]
    for file in sorted(each for folder in folders for each in (folder.rglob("*") if folder.is_dir() else [folder])):
        if not file.is_file() or file.suffix == ".pyc":
            continue
        text = file.read_text(encoding="utf-8")
        where = file.relative_to(root)
        for host in re.findall(r"[a-z0-9+]+://([^/\s\"'\],]*)", text):
            if not re.fullmatch(
                r"([\w.$()-]+\.svc(:[0-9]+)?|localhost(:([0-9]+|\$forwarded))?|127\.0\.0\.1(:[0-9]+)?|([a-z]+\.)*example\.org(:[0-9]+)?|\$\{\w+\}.*|helm_resource|)",
                host,
            ):
                yield f"{where}: names {host}"
        for word in re.findall(r"\b(?:docker|quay|ghcr|gcr)\.io\b|\bregistry\.|BEGIN [A-Z ]*KEY|\b[0-9]{12}\b", text):
            yield f"{where}: says {word}"


def account_problems(platforms: Mapping[str, Platform], terraform: Path = TERRAFORM) -> Iterator[str]:
    """Yields where Terraform's roles are for other accounts than those that run, or for other folders of the bucket."""
    read(terraform)
    for environment in PRODUCTION:
        platform = platforms[environment]
        blocks = read_folder(terraform / "envs" / environment)
        [identity] = [each["workload_identity"] for each in blocks["module"] if "workload_identity" in each]
        [unseal], [backups] = identity["unseal"], identity["backups"]
        accounts = {(each["namespace"], each["service_account"]) for each in [unseal, *backups.values()]}
        cluster = platform.one("Cluster", "ringfence-postgres")["metadata"]
        running = {
            ("openbao", platform.values["openbao"]["server"]["serviceAccount"]["name"]),
            ("openbao", "openbao-snapshot"),
            # The operator names the account as the cluster.
            (cluster["namespace"], cluster["name"]),
        }
        if accounts != running:
            yield f"{environment}: roles are for {sorted(accounts)}"
        store = platform.one("ObjectStore", "ringfence-backups")["spec"]["configuration"]["destinationPath"]
        if store.rpartition("/")[2] != backups["postgres"]["prefix"]:
            yield f"{environment}: PostgreSQL may not write where it is told to"
