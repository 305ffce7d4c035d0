"""The chart's README: every value with its type, default and reason, made of values.yaml and the schema.

`python -m deploy.checks.values_document` writes it; a check holds it to what it is made of.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from deploy.checks.chart.rendering import CHART

README = CHART / "README.md"
LINE = re.compile(r"(?P<indent> *)(?P<key>[A-Za-z][A-Za-z-]*):(?P<rest>.*)")
LEAVES = {"resources", "podLabels"}
"""Mappings that are one value to whoever reads the table."""
SHORT = 80

INTRODUCTION = """\
# The chart `ringfence`

Identity, custody, payment-instruction and audit on Kubernetes: of each service a StatefulSet whose pods stand in three
zones, where one leads and the others stand by. PostgreSQL, NATS, Vault or OpenBao, cert-manager and the collector have
owners and lives of their own; this chart is told where they are.

```sh
helm upgrade --install ringfence deploy/helm/ringfence --namespace NAMESPACE --values SITE.yaml
helm test ringfence --namespace NAMESPACE --logs
```

What has no default stands in [ci/minimal.yaml](ci/minimal.yaml), everything that can be asked for in
[ci/three-zones.yaml](ci/three-zones.yaml). From release to release, and back: [UPGRADING.md](UPGRADING.md).

| made of | is |
|---|---|
| [_architecture.tpl](templates/_architecture.tpl) | who calls whom: addresses, policies and jobs are made of it |
| [_service.tpl](templates/_service.tpl) | one service, ranged over the map |
| [_environment.tpl](templates/_environment.tpl) | what a process finds in its environment |
| [_network.tpl](templates/_network.tpl) | network policies, made of the same addresses |
| [validations.yaml](templates/validations.yaml) | what is refused, each with a sentence |

**What the site brings.** A namespace that enforces the restricted profile (`namespace.create` for those who render and
apply; `kubectl label` otherwise). A ConfigMap of authorities (`trust.configMap`). Secrets by the names below: passwords
under `password` (as CloudNativePG makes them), the rail's and the register's `secretAccessKey`, where there is one the
bank feed's credentials directory. The chart holds no secret and makes none. What Vault and NATS must hold
`ringfence-vault` and `ringfence-nats` make (`bootstrap`). A service shows
Vault a token of its own service account, for ten minutes and no
other audience; pods have no token of the API server. The kinds of the Prometheus operator, before the install
(`podmonitors.monitoring.coreos.com`, `prometheusrules.monitoring.coreos.com`): a cluster that does not know them
refuses all of it. Without that operator switch `monitoring.podMonitor` and `monitoring.rules` off.

**Names.** Pods are `SERVICE-N.SERVICE.NAMESPACE.svc:8443`; a namespace has one release and nothing else, since its
policies bind whatever runs in it. Callers are given the addresses of all pods and find the leader themselves: a
Service in front would pick a standby. Port 8081 serves plain health and nothing else (kubelet speaks neither TLS nor
certificates), 9464 metrics.

**Network policies** deny everything and let out and in what stands in the environment of the pods. A host
`….NAMESPACE.svc` is its namespace, narrowed by `podLabels`; a host outside needs `cidrs`, since policies know no names.
Whether they are enforced is the network plugin's affair; kubelet's probes come from the node, which plugins let in.

**Passwords** are read at the start: after a change, `kubectl rollout restart`. A new authority is added beside the old
one first.

## Values

The schema is closed: a value that is not in this table is refused by name.

| value | type | default | |
|---|---|---|---|
"""


@dataclass(frozen=True)
class Value:
    """A value by its path, with its reason, its default and its type."""

    path: tuple[str, ...]
    reason: str
    default: Any
    type: str

    def row(self) -> str:
        """Its row in the table."""
        shown = json.dumps(self.default, ensure_ascii=False)
        default = f"`{shown}`" if len(shown) <= SHORT else "see values.yaml"
        return f"| `{'.'.join(self.path)}` | {self.type} | {default} | {self.reason} |".replace("  |", " |")


def documented() -> dict[tuple[str, ...], str]:
    """Returns the comment above each key of values.yaml, by its path."""
    found: dict[tuple[str, ...], str] = {}
    path: list[tuple[int, str]] = []
    comment: list[str] = []
    for line in (CHART / "values.yaml").read_text(encoding="utf-8").splitlines():
        if line.lstrip().startswith("#"):
            comment.append(line.lstrip("# ").rstrip())
        elif match := LINE.fullmatch(line):
            depth = len(match["indent"])
            path = [(at, key) for at, key in path if at < depth] + [(depth, match["key"])]
            found[tuple(key for _, key in path)] = " ".join(comment)
            comment = []
        else:
            comment = []
    return found


def defaults(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yields the path and the default of every value."""
    for key, value in values.items():
        if isinstance(value, dict) and value and key not in LEAVES:
            yield from defaults(value, (*path, key))
        else:
            yield (*path, key), value


def schema_at(path: tuple[str, ...]) -> dict[str, Any]:
    """Returns what the schema says of a path; raises KeyError where it does not know it."""
    schema: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    place = schema
    for key in path:
        place = place["properties"][key]
        if "$ref" in place:
            place = schema["$defs"][place["$ref"].rpartition("/")[2]]
    return place


def values() -> list[Value]:
    """Returns every value in the order of values.yaml; raises KeyError where comment or schema lacks one."""
    reasons = documented()
    content = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    return [Value(path, _linked(reasons[path]), default, _type(schema_at(path))) for path, default in defaults(content)]


def _type(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    named = schema["type"]
    return str(named) if isinstance(named, str) else " or ".join(named)


def _linked(reason: str) -> str:
    return reason.replace("|", "\\|")


def readme() -> str:
    """Returns the README as it should be."""
    return INTRODUCTION + "".join(f"{each.row()}\n" for each in values())


if __name__ == "__main__":
    README.write_text(readme(), encoding="utf-8")
