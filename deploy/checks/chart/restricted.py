"""Pod Security Standards, profile `restricted`, rule by rule (kubernetes.io/docs/concepts/security), and our own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deploy.checks.chart.rendering import Object, Pod, pods

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_syncookies",
}
LABEL = "pod-security.kubernetes.io/enforce"
UID = 10001


def breaches(all_objects: Sequence[Object]) -> Iterator[str]:
    """Yields what the profile does not let in, what the images cannot run under, and a namespace that lets more in."""
    for pod in pods(all_objects):
        yield from (f"{pod.title}: {each}" for each in [*_of_pod(pod), *_of_containers(pod)])
    for each in all_objects:
        if each["kind"] == "Namespace" and each["metadata"]["labels"].get(LABEL) != "restricted":
            yield f"Namespace {each['metadata']['name']}: does not enforce restricted"


def _of_pod(pod: Pod) -> Iterator[str]:
    spec, security = pod.spec, pod.spec.get("securityContext", {})
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(name):
            yield f"host namespaces: {name}"
    for volume in spec.get("volumes", []):
        for kind in set(volume) - {"name"} - VOLUMES:
            yield f"volume types: {volume['name']} is a {kind}"
    for sysctl in security.get("sysctls", []):
        if sysctl["name"] not in SYSCTLS:
            yield f"sysctls: {sysctl['name']}"
    if security.get("windowsOptions", {}).get("hostProcess"):
        yield "host processes"
    if security.get("runAsUser") != UID or security.get("runAsGroup") != UID or security.get("fsGroup") != UID:
        yield f"user: not {UID}, as the images are"
    if spec.get("automountServiceAccountToken") is not False:
        yield "token: of the API server, mounted by itself"
    if spec.get("enableServiceLinks") is not False:
        yield "environment: Kubernetes adds variables for every Service"


def _of_containers(pod: Pod) -> Iterator[str]:
    of_pod = pod.spec.get("securityContext", {})
    for container in [*pod.containers, *pod.spec.get("ephemeralContainers", [])]:
        name, own = container["name"], container.get("securityContext", {})
        capabilities = own.get("capabilities", {})
        if own.get("privileged"):
            yield f"privileged: {name}"
        if own.get("allowPrivilegeEscalation") is not False:
            yield f"privilege escalation: {name}"
        if "ALL" not in capabilities.get("drop", []) or set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
            yield f"capabilities: {name}"
        if own.get("runAsNonRoot", of_pod.get("runAsNonRoot")) is not True or own.get("runAsUser") == 0:
            yield f"non-root: {name}"
        if own.get("seccompProfile", of_pod.get("seccompProfile", {})).get("type") not in {
            "RuntimeDefault",
            "Localhost",
        }:
            yield f"seccomp: {name}"
        if own.get("procMount", "Default") != "Default":
            yield f"/proc mount: {name}"
        if set(own.get("seLinuxOptions", {})) & {"user", "role"} or "appArmorProfile" in own:
            yield f"SELinux and AppArmor: {name}"
        if any(port.get("hostPort") for port in container.get("ports", [])):
            yield f"host ports: {name}"
        if own.get("readOnlyRootFilesystem") is not True:
            yield f"root file system: {name} may write to it"
