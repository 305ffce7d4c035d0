"""Every check sees what it is for: a fault is put into the rendered objects, and the check names it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.checks.chart import edges, placement, references, restricted, shapes
from deploy.checks.chart.rendering import CHART, NAMESPACE, NEWEST, TOOLS, Object, named, objects

Checker = Callable[[Sequence[Object]], Iterator[str]]


def spread(all_objects: Sequence[Object]) -> Iterator[str]:
    """Placement in three zones."""
    return placement.misplaced(all_objects, 3)


def shape(all_objects: Sequence[Object]) -> Iterator[str]:
    """Shapes in the namespace of the checks."""
    return shapes.misshapen(all_objects, NAMESPACE)


POD = "StatefulSet custody spec template spec"
MAIN = f"{POD} containers 0"
FAULTS: list[tuple[Checker, str, Any, str]] = [
    (shape, f"{POD} topologySpreadConstraints 0 whenUnsatisfiable", "DontSchedule",
     "whenUnsatisfiable is DontSchedule"),
    (shape, f"{MAIN} imagePullPolicy", "Sometimes", "imagePullPolicy is Sometimes"),
    (shape, "StatefulSet custody spec podManagementPolicy", "parallel", "podManagementPolicy is parallel"),
    (shape, "StatefulSet custody spec updateStrategy type", "Rolling", "type is Rolling"),
    (shape, f"{POD} securityContext seccompProfile type", "runtime", "type is runtime"),
    (shape, "NetworkPolicy custody spec policyTypes 0", "ingress", "policyTypes is ingress"),
    (shape, "NetworkPolicy custody spec ingress 0 from", None, "from is empty"),
    (shape, "NetworkPolicy custody spec egress 0 ports 0 protocol", "udp", "protocol is udp"),
    (shape, f"{MAIN} resources limits memory", "4gb", "memory is 4gb, no quantity"),
    (shape, f"{POD} volumes 0 emptyDir sizeLimit", "64MB", "sizeLimit is 64MB"),
    (shape, f"{MAIN} ports 0 name", "a-name-that-is-too-long", "port a-name-that-is-too-long is no name"),
    (shape, "Service custody metadata namespace", "default", "is in namespace default"),
    (shape, "Service custody metadata name", "Custody", "is no name"),
    (shape, "Service custody metadata labels", {"part": "a b"}, "label part: a b is none"),
    (shape, "Job custody-migrate- spec template spec restartPolicy", "Always", "restartPolicy of a Job is Always"),
    (shapes.unpinned, f"{MAIN} image", "images.example.org/ringfence-custody:v0.1.0", "has no digest"),
    (references.broken, f"{POD} volumes 1 configMap name", "trust", "ConfigMap trust is not there"),
    (references.broken, f"{POD} volumes 2 secret secretName", "other", "Secret other is not there"),
    (references.broken, f"{POD} volumes 2 secret items 0 key", "pass", "Secret custody-database-app has no pass"),
    (references.broken, f"{MAIN} volumeMounts 0 name", "temp", "volume temp is mounted and not there"),
    (references.broken, f"{POD} volumes 0 name", "temp", "volume temp is there and not mounted"),
    (references.broken, f"{MAIN} volumeMounts 0 mountPath", "/etc/ringfence/trust", "is mounted twice"),
    (references.broken, f"{POD} serviceAccountName", "ledger", "ServiceAccount ledger is not there"),
    (references.broken, f"{POD} priorityClassName", "high", "PriorityClass high is not there"),
    (references.broken, f"{POD} imagePullSecrets 0 name", "pull", "Secret pull is not there"),
    (references.broken, f"{MAIN} livenessProbe grpc port", 8443, "livenessProbe asks port 8443, which"),
    (references.broken, f"{MAIN} ports 1 containerPort", 8082, "readinessProbe asks port 8081"),
    (references.broken, "Service custody spec selector", {"app": "custody"}, "Service custody: selects no pods"),
    (references.broken, "Service custody spec ports 0 targetPort", "rpc", "has no port rpc"),
    (references.broken, "StatefulSet custody spec serviceName", "ledger", "Service ledger is not there"),
    (references.broken, "StatefulSet custody spec selector matchLabels", {"a": "b"},
     "StatefulSet custody: selects no pods"),
    (references.broken, "PodMonitor ringfence spec podMetricsEndpoints 0 port", "http", "has no port http"),
    (references.broken, "PodDisruptionBudget custody spec selector matchLabels", {},
     "PodDisruptionBudget custody: selects"),
    (references.broken, "Service custody metadata name", "audit", "Service audit: there are two"),
    (restricted.breaches, f"{POD} hostNetwork", True, "host namespaces: hostNetwork"),
    (restricted.breaches, f"{POD} hostPID", True, "host namespaces: hostPID"),
    (restricted.breaches, f"{POD} hostIPC", True, "host namespaces: hostIPC"),
    (restricted.breaches, f"{POD} volumes 0", {"name": "tmp", "hostPath": {"path": "/"}}, "tmp is a hostPath"),
    (restricted.breaches, f"{POD} securityContext sysctls", [{"name": "kernel.msgmax", "value": "1"}], "sysctls"),
    (restricted.breaches, f"{POD} securityContext windowsOptions", {"hostProcess": True}, "host processes"),
    (restricted.breaches, f"{POD} securityContext runAsUser", 1000, "user: not 10001"),
    (restricted.breaches, f"{POD} securityContext fsGroup", 0, "user: not 10001"),
    (restricted.breaches, f"{POD} automountServiceAccountToken", True, "token: of the API server"),
    (restricted.breaches, f"{POD} enableServiceLinks", True, "environment: Kubernetes adds"),
    (restricted.breaches, f"{MAIN} securityContext privileged", True, "privileged: custody"),
    (restricted.breaches, f"{MAIN} securityContext allowPrivilegeEscalation", True, "privilege escalation: custody"),
    (restricted.breaches, f"{MAIN} securityContext capabilities", {"drop": ["NET_RAW"]}, "capabilities: custody"),
    (restricted.breaches, f"{MAIN} securityContext capabilities add", ["SYS_TIME"], "capabilities: custody"),
    (restricted.breaches, f"{MAIN} securityContext runAsNonRoot", False, "non-root: custody"),
    (restricted.breaches, f"{POD} securityContext seccompProfile", {"type": "Unconfined"}, "seccomp: custody"),
    (restricted.breaches, f"{MAIN} securityContext procMount", "Unmasked", "/proc mount: custody"),
    (restricted.breaches, f"{MAIN} securityContext seLinuxOptions", {"role": "r"}, "SELinux and AppArmor: custody"),
    (restricted.breaches, f"{MAIN} ports 0 hostPort", 8443, "host ports: custody"),
    (restricted.breaches, f"{MAIN} securityContext readOnlyRootFilesystem", False, "root file system: custody"),
    (restricted.breaches, f"{POD} initContainers 0 securityContext", {}, "capabilities: schema"),
    (restricted.breaches, "Namespace custodian metadata labels", {}, "does not enforce restricted"),
    (spread, f"{POD} topologySpreadConstraints 0 minDomains", 2, "not over 3 zones without exception"),
    (spread, f"{POD} topologySpreadConstraints 0 whenUnsatisfiable", "ScheduleAnyway", "not over 3 zones"),
    (spread, f"{POD} topologySpreadConstraints 0 maxSkew", 2, "may be uneven"),
    (spread, f"{POD} topologySpreadConstraints 0 labelSelector matchLabels", {"a": "b"}, "counts other pods"),
    (spread, f"{POD} topologySpreadConstraints 1", {"topologyKey": "rack", "maxSkew": 1, "labelSelector": {}},
     "not over hosts"),
    (spread, f"{POD} priorityClassName", "ringfence-record", "priority: not ringfence-money"),
    (spread, "PriorityClass ringfence-money value", 1, "not above ringfence-record"),
    (spread, "PodDisruptionBudget custody spec maxUnavailable", 2, "not one pod at a time"),
    (spread, "PodDisruptionBudget custody spec selector matchLabels", {"a": "b"}, "not one pod at a time"),
    (spread, "StatefulSet custody spec podManagementPolicy", "OrderedReady", "keeps the next from starting"),
    (spread, "StatefulSet custody spec updateStrategy", {"type": "OnDelete"}, "rollout: not by itself"),
    (spread, "StatefulSet custody spec volumeClaimTemplates", [{}], "binds a pod to its zone"),
    (spread, f"{MAIN} readinessProbe grpc service", "lead", "readinessProbe: does not ask for ready"),
    (spread, f"{MAIN} livenessProbe grpc service", "ready", "livenessProbe: does not ask for live"),
    (spread, f"{MAIN} startupProbe", {}, "startupProbe: does not ask for live"),
    (spread, f"{MAIN} lifecycle", {}, "answers end before endpoints do"),
    (spread, f"{POD} terminationGracePeriodSeconds", 23, "killed -1 s after"),
    (spread, f"{POD} terminationGracePeriodSeconds", 45, "killed 21 s after"),
    (spread, f"{MAIN} resources requests cpu", "1", "not Guaranteed"),
    (spread, f"{POD} initContainers 0 resources requests memory", "1Gi", "not Guaranteed"),
    (spread, f"{MAIN} resources requests memory", "5Gi", "asks for more memory"),
    (spread, f"{MAIN} resources limits", {"cpu": "2", "memory": "4Gi"}, "has no ephemeral-storage"),
    (spread, f"{POD} volumes 0 emptyDir", {}, "an emptyDir without a bound"),
    (spread, f"{POD} volumes 0 emptyDir sizeLimit", "4Gi", "hold more than the pod may keep"),
    (spread, "Service custody spec publishNotReadyAddresses", False, "no name before it is ready"),
    (spread, "Service custody spec clusterIP", "10.0.0.1", "not headless"),
    (edges.unlike, "NetworkPolicy custody spec egress 1", {}, "speaks to identity:8443, and is not let out"),
    (edges.unlike, "NetworkPolicy custody spec egress 1", {}, "is let out to *:0"),
    (edges.unlike, "NetworkPolicy custody spec egress 4 ports 0 port", 8201,
     "speaks to vault:8200, and is not let out"),
    (edges.unlike, "NetworkPolicy custody spec egress 4 ports 0 port", 8201,
     "is let out to vault:8201, where it has no"),
    (edges.unlike, "NetworkPolicy identity spec ingress 0 from 0 podSelector matchLabels", {"a": "b"},
     "StatefulSet audit calls port 8443, and is not let in"),
    (edges.unlike, "NetworkPolicy audit spec ingress 0 from", [],
     "StatefulSet custody is let in at 8443, and does not call"),
    (edges.unlike, "NetworkPolicy default-deny spec podSelector", {"matchLabels": {"a": "b"}}, "is not bound"),
    (edges.unlike, "NetworkPolicy custody spec ingress 0 ports 0 port", 8081, "and is not let in"),
    (edges.unlike, f"{MAIN} env 7 value", "https://elsewhere.example.org:8200", "speaks to outside:8200"),
    (edges.unlike, f"{MAIN} ports 0 containerPort", 8444, "port 8443 is called, and it has none"),
]  # fmt: skip


def put(all_objects: Sequence[Object], path: str, value: Any) -> None:
    """Puts a value at a place: kind, name (or its beginning), then keys and indexes."""
    kind, name, *keys = path.split()
    place: Any = named(all_objects, kind, name)
    for key in keys[:-1]:
        place = place[int(key)] if isinstance(place, list) else place[key]
    place[int(keys[-1]) if isinstance(place, list) else keys[-1]] = value


@pytest.mark.parametrize(("checker", "path", "value", "finding"), FAULTS)
def test_a_fault_is_found_and_named(checker: Checker, path: str, value: Any, finding: str) -> None:
    """The objects as rendered have no such finding; with the fault they have."""
    rendered = objects(CHART / "ci" / "three-zones.yaml")
    assert not any(finding in each for each in checker(rendered))
    put(rendered, path, value)
    found = list(checker(rendered))
    assert any(finding in each for each in found), found


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("StatefulSet custody spec replicas", "three"),
        ("StatefulSet custody spec template spec containers 0 resurces", {}),
        ("NetworkPolicy custody spec ingres", []),
    ],
)
def test_kubernetes_validate_finds_types_and_unknown_fields(path: str, value: Any, tmp_path: Path) -> None:
    """What the schemas are for, and that a finding ends the program with an error."""
    rendered = objects(CHART / "ci" / "three-zones.yaml")
    put(rendered, path, value)
    changed = named(rendered, *path.split()[:2])
    (tmp_path / "one.yaml").write_text(yaml.safe_dump(changed), encoding="utf-8")
    command: list[str | Path] = [
        TOOLS / "venv" / "bin" / "kubernetes-validate",
        "-k",
        NEWEST,
        "--strict",
        tmp_path / "one.yaml",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert path.split()[-1] in done.stdout + done.stderr
