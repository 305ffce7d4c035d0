"""Where pods stand, what they get, how they are watched, and how they go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from ringfence_kernel.service.serving import CLOSING_SECONDS
from ringfence_kernel.service.settings import Settings

from deploy.checks.chart.rendering import Object, Pod, pods, selects, title

ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
MONEY = {"identity", "custody"}
SPARE_SECONDS = 6
"""How much longer kubelet waits than a process takes at most, which then ends itself: for what the node takes."""
UNITS = {"m": Decimal("0.001"), "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40)}


def amount(quantity: str) -> Decimal:
    """Returns a quantity as a number."""
    for unit, factor in UNITS.items():
        if str(quantity).endswith(unit):
            return Decimal(quantity[: -len(unit)]) * factor
    return Decimal(quantity)


def misplaced(all_objects: Sequence[Object], zones: int) -> Iterator[str]:
    """Yields what would let a zone, a node or a rollout take more of a service than it may."""
    budgets = [each for each in all_objects if each["kind"] == "PodDisruptionBudget"]
    priorities = {each["metadata"]["name"]: each["value"] for each in all_objects if each["kind"] == "PriorityClass"}
    for pod in pods(all_objects):
        if pod.owner["kind"] == "StatefulSet":
            found = [*_spread(pod, zones), *_rollout(pod), *_probes(pod), *_stop(pod)]
            of_pod = [each for each in budgets if selects(each["spec"]["selector"], pod.labels)]
            if [each["spec"].get("maxUnavailable") for each in of_pod] != [1]:
                found.append("disruption budget: not one pod at a time")
            yield from (f"{pod.title}: {each}" for each in found)
        yield from (f"{pod.title}: {each}" for each in _resources(pod))
    if priorities and priorities["ringfence-money"] <= priorities["ringfence-record"]:
        yield "PriorityClass ringfence-money: not above ringfence-record"
    for each in all_objects:
        if each["kind"] == "Service" and not each["spec"].get("publishNotReadyAddresses"):
            yield f"{title(each)}: a pod has no name before it is ready"
        if each["kind"] == "Service" and each["spec"].get("clusterIP") != "None":
            yield f"{title(each)}: not headless"


def _spread(pod: Pod, zones: int) -> Iterator[str]:
    constraints = {each["topologyKey"]: each for each in pod.spec.get("topologySpreadConstraints", [])}
    for each in constraints.values():
        if not selects(each["labelSelector"], pod.labels):
            yield f"spread: {each['topologyKey']} counts other pods"
        if each["maxSkew"] != 1:
            yield f"spread: {each['topologyKey']} may be uneven"
    zone = constraints.get(ZONE)
    if zones and (zone is None or zone["whenUnsatisfiable"] != "DoNotSchedule" or zone.get("minDomains") != zones):
        yield f"spread: not over {zones} zones without exception"
    if constraints.get(HOST, {}).get("whenUnsatisfiable") != "ScheduleAnyway":
        yield "spread: not over hosts where there are enough"
    expected = "ringfence-money" if pod.owner["metadata"]["name"] in MONEY else "ringfence-record"
    if pod.spec.get("priorityClassName") != expected:
        yield f"priority: not {expected}"


def _rollout(pod: Pod) -> Iterator[str]:
    spec = pod.owner["spec"]
    if spec.get("podManagementPolicy") != "Parallel":
        yield "rollout: one pod that does not start keeps the next from starting"
    if spec["updateStrategy"]["type"] != "RollingUpdate":
        yield "rollout: not by itself"
    if spec.get("volumeClaimTemplates"):
        yield "rollout: a volume binds a pod to its zone"


def _probes(pod: Pod) -> Iterator[str]:
    [container] = pod.spec["containers"]
    for probe, name in (("startupProbe", "live"), ("livenessProbe", "live"), ("readinessProbe", "ready")):
        if container.get(probe, {}).get("grpc", {}).get("service") != name:
            yield f"{probe}: does not ask for {name}"


def _stop(pod: Pod) -> Iterator[str]:
    [container] = pod.spec["containers"]
    sleep = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    variables = {each["name"]: each.get("value") for each in container["env"]}
    leave = float(variables.get("RINGFENCE_LEAVE_SECONDS") or Settings.leave_seconds)
    drain = float(variables.get("RINGFENCE_DRAIN_SECONDS") or Settings.drain_seconds)
    if sleep < 1:
        yield "stop: answers end before endpoints do"
    spare = pod.spec.get("terminationGracePeriodSeconds", 30) - (sleep + leave + drain + CLOSING_SECONDS)
    if spare != SPARE_SECONDS:
        yield f"stop: killed {spare:g} s after the process would have ended itself, not {SPARE_SECONDS}"


def _resources(pod: Pod) -> Iterator[str]:
    guaranteed = True
    for container in pod.containers:
        requests, limits = (container.get("resources", {}).get(each, {}) for each in ("requests", "limits"))
        for name in ("cpu", "memory", "ephemeral-storage"):
            if name not in requests or name not in limits:
                yield f"resources: {container['name']} has no {name}"
            elif amount(requests[name]) > amount(limits[name]):
                yield f"resources: {container['name']} asks for more {name} than it may have"
        guaranteed &= all(name in limits and requests.get(name) == limits[name] for name in ("cpu", "memory"))
    if pod.owner["kind"] == "StatefulSet" and pod.owner["metadata"]["name"] == "custody" and not guaranteed:
        yield "resources: not Guaranteed"
    sizes = [volume["emptyDir"].get("sizeLimit") for volume in pod.spec.get("volumes", []) if "emptyDir" in volume]
    if None in sizes:
        yield "resources: an emptyDir without a bound"
    storage = [amount(each["resources"]["limits"].get("ephemeral-storage", "0")) for each in pod.spec["containers"]
               if "resources" in each]  # fmt: skip
    if None not in sizes and storage and sum(map(amount, sizes)) > sum(storage):
        yield "resources: emptyDirs hold more than the pod may keep"
