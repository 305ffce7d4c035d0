"""deploy/platform and deploy/environments: what a lost zone asks of them, and that whatever they name is there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.checks.changes import Change, replaced
from deploy.checks.platform.files import ENVIRONMENTS, PLATFORM, PRODUCTION, ROOT, load, merged, renderer
from deploy.checks.platform.priorities import priority_problems
from deploy.checks.platform.quorums import SERVICES, quorum_problems
from deploy.checks.platform.reach import reach_problems
from deploy.checks.platform.references import account_problems, reference_problems, text_problems

CHART, HELM = ROOT / "deploy" / "helm" / "ringfence", ROOT / ".deploy" / "helm"


def problems(root: Path = ROOT) -> list[str]:
    """Returns everything that is wrong with the platform's files below a folder."""
    platforms = {environment: load(environment, root) for environment in ENVIRONMENTS}
    checks = (quorum_problems, reference_problems, priority_problems, reach_problems, _restricted, _standing_by)
    found = [problem for each in platforms.values() for check in checks for problem in _said(check(each))]
    found += _said(text_problems(root)) + _said(account_problems(platforms, root / "infra" / "terraform"))
    return found + _unused(root)


def _said(found: Iterable[str]) -> list[str]:
    """Returns what a check finds, and for what it cannot find, that it is not there."""
    said = []
    try:
        for problem in found:
            said.append(problem)
    except LookupError as missing:
        said.append(str(missing))
    return said


def _restricted(platform: Any) -> list[str]:
    """Namespaces of ours enforce `restricted`, and pods of ours keep to it."""
    enforced = {
        each["metadata"]["name"]
        for each in platform.of_kind("Namespace")
        if each["metadata"].get("labels") == {"pod-security.kubernetes.io/enforce": "restricted"}
    }
    found = [f"{name}: not restricted" for name in {"ringfence", "ringfence-data", "nats", "openbao"} - enforced]
    for each in platform.of_kind("CronJob"):
        pod = each["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        context = pod["securityContext"]
        confined = {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }
        if (context["runAsNonRoot"], context["seccompProfile"]) != (True, {"type": "RuntimeDefault"}):
            found.append(f"{each['metadata']['name']}: its pod may be root")
        for container in pod["initContainers"] + pod["containers"]:
            if container["securityContext"] != confined or not container["resources"].get("limits"):
                found.append(f"{each['metadata']['name']}: {container['name']} is not confined")
    contexts = [
        platform.values["openbao"]["server"]["statefulSet"]["securityContext"]["container"],
        *(each["securityContext"] for each in platform.values["openbao"]["server"].get("extraContainers", [])),
        *(
            platform.values["nats"][part]["merge"]["securityContext"]
            for part in ("container", "reloader", "promExporter")
        ),
    ]
    if any((each["allowPrivilegeEscalation"], each["capabilities"]) != (False, {"drop": ["ALL"]}) for each in contexts):
        found.append("a server is not confined")
    return found


def _standing_by(platform: Any) -> list[str]:
    """Only the region that writes makes backups and snapshots; in the other none of our services runs."""
    scheduled = {each["kind"] for each in platform.objects} & {"ScheduledBackup", "CronJob"}
    replicas = {platform.ringfence["services"].get(service, {}).get("replicas", 3) for service in SERVICES}
    expected: tuple[set[str], set[int]] = {
        "local": (set(), {1}),
        "three-zones": ({"ScheduledBackup", "CronJob"}, {3}),
        "second-region": (set(), {0}),
    }[platform.environment]
    return [] if (scheduled, replicas) == expected else [f"{platform.environment}: {scheduled} {replicas} runs"]


def _unused(root: Path) -> list[str]:
    """A file that no step installs would be forgotten."""
    folder = root / "deploy" / "platform"
    used = set(re.findall(r"[a-z-]+/[a-z-]+\.yaml", (folder / "steps.yaml").read_text(encoding="utf-8")))
    there = {str(each.relative_to(folder)) for each in folder.glob("*/*.yaml")}
    return [f"{name} is in no step, or is not there" for name in sorted(used ^ there)]


def test_the_platform_is_in_order() -> None:
    """Quorums, references, versions, hosts and accounts of all three environments hold."""
    assert problems() == []


def _replaced(name: str, old: str, new: str) -> Change:
    return replaced(f"deploy/{name}", old, new)


def _terraform(old: str, new: str) -> Change:
    return replaced("infra/terraform/envs/three-zones/main.tf", old, new)


def _steps(change: Callable[[list[Any]], list[Any]]) -> Change:
    def written(root: Path) -> None:
        file = root / "deploy" / "platform" / "steps.yaml"
        described = yaml.safe_load(file.read_text(encoding="utf-8"))
        described["steps"] = change(described["steps"])
        file.write_text(yaml.safe_dump(described, sort_keys=False), encoding="utf-8")

    return written


def _without(name: str) -> Change:
    return _steps(lambda steps: [each for each in steps if each["name"] != name])


def _last(name: str) -> Change:
    return _steps(lambda steps: sorted(steps, key=lambda each: each["name"] == name))


FAULTS: list[tuple[Change, str]] = [
    (_replaced("platform/cnpg/three-zones.yaml", "dataDurability: required", "dataDurability: preferred"), "waits for"),
    (_replaced("platform/cnpg/three-zones.yaml", "failoverQuorum: true", "failoverQuorum: false"), "waits for"),
    (_replaced("platform/cnpg/second-region.yaml", "number: 1", "number: 0"), "waits for"),
    (_replaced("platform/cnpg/three-zones.yaml", "instances: 3", "instances: 2"), "not three instances"),
    (
        _replaced("platform/cnpg/three-zones.yaml", "AntiAffinityType: required", "AntiAffinityType: preferred"),
        "one zone",
    ),
    (_replaced("platform/cnpg/three-zones.yaml", "kubernetes.io/zone", "kubernetes.io/host"), "instances in one zone"),
    (_replaced("platform/cnpg/three-zones.yaml", "isWALArchiver: true", "isWALArchiver: false"), "nothing is archived"),
    (
        _replaced(
            "platform/cnpg/three-zones.yaml", "isolationCheck: {enabled: true}", "isolationCheck: {enabled: false}"
        ),
        "isolated",
    ),
    (_replaced("platform/cnpg/three-zones.yaml", "primary: first", "primary: second"), "wrong region writes"),
    (_replaced("platform/cnpg/second-region.yaml", "primary: first", "primary: second"), "wrong region writes"),
    (
        _replaced("platform/cnpg/second-region.yaml", "recovery: {source: first}", "initdb: {database: x}"),
        "wrong place",
    ),
    (_replaced("platform/cnpg/local.yaml", "- hostssl audit", "- host audit"), "without TLS"),
    (_replaced("platform/cnpg/three-zones.yaml", "host all all all reject", "host all all all trust"), "anybody else"),
    (_replaced("platform/cnpg/three-zones.yaml", "custody_owner,custody_app", "all"), "custody does not reach"),
    (_replaced("platform/cnpg/three-zones.yaml", "name: audit-database-app", "name: other"), "no Secret other"),
    (
        _replaced("platform/cnpg/databases.yaml", "databaseReclaimPolicy: retain", "databaseReclaimPolicy: delete"),
        "its database",
    ),
    (_replaced("platform/nats/values.yaml", "sync_interval: always", "sync_interval: 2m"), "before it is on disk"),
    (_replaced("platform/nats/values.yaml", "minDomains: 3", "minDomains: 2"), "two servers in one zone"),
    (_replaced("platform/nats/values.yaml", "replicas: 3", "replicas: 1"), "not three servers"),
    (_replaced("platform/nats/values.yaml", "verify_and_map: true", "verify: true"), "not known by certificate"),
    (_replaced("platform/nats/values.yaml", "merge: {verify: true", "merge: {verify: false"), "servers trust anybody"),
    (_replaced("platform/nats/values.yaml", "configMap: {name: nats-accounts}", "emptyDir: {}"), "not mounted"),
    (_replaced("platform/nats/values.yaml", "capabilities: {drop: [ALL]}", "capabilities: {drop: []}"), "not confined"),
    (_replaced("platform/openbao/raft-values.yaml", "https://openbao-2.", "https://openbao-1."), "not looked for"),
    (_replaced("platform/openbao/raft-values.yaml", "_reads = true", "_reads = false"), "standbys answer"),
    (_replaced("platform/openbao/raft-values.yaml", 'seal "awskms"', 'seal "shamir"'), "opened by hand"),
    (_replaced("platform/openbao/raft-values.yaml", 'audit "file"', 'other "file"'), "nothing is written down"),
    (_replaced("platform/openbao/raft-values.yaml", "DoNotSchedule", "ScheduleAnyway"), "servers in one zone"),
    (
        _replaced(
            "platform/openbao/raft-values.yaml", "tls_cert_file  ", "tls_disable = true\n          tls_cert_file"
        ),
        "TLS is off",
    ),
    (
        _replaced("platform/openbao/raft-values.yaml", "whenDeleted: Retain", "whenDeleted: Delete"),
        "goes with its claim",
    ),
    (_replaced("platform/openbao/values.yaml", "OnDelete", "RollingUpdate"), "unattended"),
    (_replaced("platform/openbao/values.yaml", "drop: [ALL]", "drop: []"), "not confined"),
    (_replaced("platform/openbao/snapshots.yaml", "drop: [ALL]", "add: [ALL]"), "not confined"),
    (_replaced("platform/openbao/snapshots.yaml", "runAsNonRoot: true", "runAsNonRoot: false"), "may be root"),
    (_replaced("platform/openbao/certificates.yaml", "enforce: restricted", "enforce: baseline"), "not restricted"),
    (_replaced("platform/openbao/certificates.yaml", "    - openbao-2.", "    - other-2."), "not valid for"),
    (
        _replaced("platform/openbao/certificates.yaml", "secretName: openbao-server", "secretName: x"),
        "no Secret openbao",
    ),
    (_replaced("platform/openbao/certificates.yaml", "rotationPolicy: Always", "rotationPolicy: Never"), "never new"),
    (_replaced("platform/cnpg/certificates.yaml", "name: ringfence-platform", "name: other"), "no ClusterIssuer other"),
    (_replaced("platform/nats/server-certificate.yaml", "name: vault}", "name: other}"), "no Issuer other"),
    (
        _replaced("platform/nats/certificates.yaml", "resourceNames: [nats-issuer]", "resourceNames: [x]"),
        "gets no token",
    ),
    (
        _replaced(
            "platform/cert-manager/authority.yaml",
            "    secretName: ringfence-authority",
            "    secretName: x",
        ),
        "no Secret x",
    ),
    (_replaced("platform/storage/class.yaml", "WaitForFirstConsumer", "Immediate"), "before its zone"),
    (_replaced("platform/storage/class.yaml", "name: ringfence-zonal", "name: other"), "no StorageClass"),
    (_replaced("platform/cnpg/object-store.yaml", "name: ringfence-backups", "name: other"), "no ObjectStore"),
    (_replaced("platform/steps.yaml", "version: 0.29.6", "version: '>0.29'"), "exact version"),
    (_replaced("platform/steps.yaml", "needs: [authority, openbao]", "needs: [collector]"), "not installed before"),
    (_replaced("platform/steps.yaml", "      - cnpg/certificates.yaml\n", ""), "certificates.yaml is in no step"),
    (_replaced("platform/steps.yaml", "cnpg/backups.yaml, only: [three-zones]", "cnpg/backups.yaml"), "runs"),
    (_replaced("platform/otel/values.yaml", "${images}/opentelemetry", "opentelemetry"), "an image from elsewhere"),
    (_replaced("platform/cnpg/local.yaml", "postgresql:18.4-system-trixie", "postgresql:latest"), "without a version"),
    (_replaced("platform/nats/values.yaml", "2.14.2-alpine", "alpine"), "is no version"),
    (
        _replaced("platform/otel/values.yaml", "mode: deployment", "# https://hub.example.com\nmode: deployment"),
        "names hub",
    ),
    (_replaced("environments/local.yaml", "repository: ringfence", "repository: ghcr.io/ringfence"), "says ghcr.io"),
    (
        _replaced("environments/three-zones.yaml", "openbao-1.openbao-internal.openbao", "openbao-1.vault"),
        "looks elsewhere",
    ),
    (
        _replaced("environments/three-zones.yaml", "-rw.ringfence-data.svc", "-rw.data.svc"),
        "nothing is installed there",
    ),
    (_replaced("environments/second-region.yaml", "custody: {replicas: 0}", "custody: {replicas: 3}"), "runs"),
    (
        _replaced(
            "platform/sites.example.yaml",
            "{namespace: ringfence, name: payment-instruction-rail",
            "{namespace: x, name: y",
        ),
        "no Secret payment-instruction-rail",
    ),
    (_replaced("platform/sites.example.yaml", "name: nats-trust", "name: other"), "no ConfigMap nats-trust"),
    (_replaced("platform/sites.example.yaml", "keys: [token]", "keys: [token], value: x"), "says more"),
    (
        _replaced("platform/nats/network.yaml", "  policyTypes: [Ingress]\n---", "  policyTypes: []\n---"),
        "nats is open to everybody",
    ),
    (_replaced("platform/openbao/network.yaml", "name: cert-manager}", "name: other}"), "cert-manager does not reach"),
    (_replaced("platform/cnpg/network.yaml", "port: 5432", "port: 5433"), "ringfence does not reach ringfence-data"),
    (
        _replaced(
            "platform/otel/network.yaml",
            "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ringfence}}",
            "namespaceSelector: {}",
        ),
        "open to everybody at 4317",
    ),
    (_replaced("platform/nats/network.yaml", "7777", "7778"), "monitoring does not reach nats at 7777"),
    (_replaced("platform/priority/class.yaml", "value: 2000000", "value: 950000"), "not above our services"),
    (_replaced("platform/nats/values.yaml", "      priorityClassName: ringfence-platform\n", ""), "nats is not"),
    (_replaced("platform/cnpg/three-zones.yaml", "  priorityClassName: ringfence-platform\n", ""), "postgres is not"),
    (_replaced("platform/openbao/snapshots.yaml", "priorityClassName: ringfence-platform", ""), "openbao-snapshot is"),
    (
        _replaced(
            "platform/monitoring/values.yaml",
            "alertmanagerSpec:\n    priorityClassName: ringfence-platform",
            "alertmanagerSpec:",
        ),
        "monitoring is not ringfence-platform",
    ),
    (_last("priorities"), "not there before the charts"),
    (_without("monitoring"), "no step brings their kind"),
    (_replaced("platform/openbao/values.yaml", "  shareProcessNamespace: true\n", ""), "nobody tells the server"),
    (
        _replaced(
            "platform/openbao/values.yaml",
            "capabilities: {drop: [ALL]}\n      resources",
            "capabilities: {}\n      resources",
        ),
        "not confined",
    ),
    (_terraform('"ringfence-data"', '"ringfence"'), "roles are for"),
    (_terraform('prefix          = "postgres"', 'prefix = "other"'), "may not write"),
]


@pytest.mark.parametrize(("change", "problem"), FAULTS, ids=[problem for _, problem in FAULTS])
def test_a_fault_of_the_platform_is_found(tmp_path: Path, change: Change, problem: str) -> None:
    """What the checks are for."""
    for folder in ("deploy/platform", "deploy/environments", "infra/terraform"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "Tiltfile", tmp_path)
    change(tmp_path)
    found = problems(tmp_path)
    assert any(problem in each for each in found), found


@pytest.mark.parametrize("name", sorted(load("three-zones").site["names"]))
def test_a_site_says_every_name(name: str) -> None:
    """Each name of the example is needed: without it the rendering of some environment names it."""
    render = renderer()
    site = render.load(PLATFORM / "sites.example.yaml")
    names = {each: value for each, value in site["names"].items() if each != name}
    texts = [(PLATFORM / file).read_text(encoding="utf-8") for file in _files(render)]
    with pytest.raises(render.SiteInvalid, match=name):
        render.rendered("\n".join(texts), names)


def _files(render: Any) -> set[str]:
    steps = [step for environment in ENVIRONMENTS for step in render.steps(environment)]
    return {file for step in steps for file in (*step.values, *step.manifests)}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_our_chart_takes_the_environment(environment: str, tmp_path: Path) -> None:
    """The second region differs from the first by its replicas; where chart and Helm are, they take it all."""
    platform = load(environment)
    if environment in PRODUCTION:
        first = {**load("three-zones").ringfence, "bootstrap": None}
        stands_by = merged(first, {"services": {service: {"replicas": 0} for service in SERVICES}, "bootstrap": None})
        ours = {**platform.ringfence, "bootstrap": None}
        assert ours == (stands_by if environment == "second-region" else first) | {"bootstrap": None}
    if CHART.exists() and HELM.exists():
        values = tmp_path / "values.yaml"
        values.write_text(yaml.safe_dump(dict(platform.ringfence)), encoding="utf-8")
        command: list[str | Path] = [HELM, "template", "ringfence", CHART, "-n", "ringfence", "-f", values]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_the_development_description_names_what_is_certified() -> None:
    """Vault signs for NATS what its certificate asks for, in the domain and for the processes of `local`."""
    described = tomllib.loads((PLATFORM / "local" / "description.toml").read_text(encoding="utf-8"))
    platform = load("local")
    certificate = platform.one("Certificate", "nats-server")["spec"]
    assert certificate["dnsNames"] == described["nats"]["names"]
    assert described["trust_domain"] == platform.ringfence["trust"]["domain"]
    assert {name: each["processes"] for name, each in described["services"].items()} == {
        name: each["replicas"] for name, each in platform.ringfence["services"].items()
    }


def _secrets_script(context: str, tmp_path: Path) -> tuple[int, list[str]]:
    """Runs the script beside a kubectl that has nothing and notes what it is told; returns status and notes."""
    told = tmp_path / "told"
    told.touch()
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(
        "#!/bin/bash\n"
        f'[ "$*" = "config current-context" ] && {{ echo {context}; exit; }}\n'
        '[ "$3" = get ] && exit 1\n'
        f'echo "$*" >> {told}\n',
        encoding="utf-8",
    )
    kubectl.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([PLATFORM / "local" / "secrets.sh"], check=False, env=environment, capture_output=True)
    return done.returncode, told.read_text(encoding="utf-8").splitlines()


def test_development_secrets_are_made(tmp_path: Path) -> None:
    """Every Secret that a development cluster's databases and seal ask for is made, in its namespaces."""
    status, told = _secrets_script("kind-ringfence", tmp_path)
    made = {(line.split()[1], line.split()[5]) for line in told if " create secret " in line}
    asked = {(each["namespace"], each["name"]) for each in load("local").site["secrets"] if "database" in each["name"]}
    assert status == 0
    assert made == asked | {("openbao", "openbao-seal")}


def test_development_secrets_are_made_in_a_development_cluster_alone(tmp_path: Path) -> None:
    """Any other context is refused before anything is told."""
    assert _secrets_script("production", tmp_path) == (1, [])
