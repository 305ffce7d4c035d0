"""What the chart tells whoever runs it: notes, README and UPGRADING speak of what is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from deploy.checks.edges import HOST_AND_PORT
from deploy.checks.rendering import CHART, HELM, NAMESPACE, VALUE_SETS, objects, pods

DOCUMENTS = [CHART / name for name in ("README.md", "UPGRADING.md")]
FULL = CHART / "ci" / "three-zones.yaml"


def notes(values: Path) -> str:
    """Returns the notes after an install with a value set."""
    command: list[str | Path] = [HELM, "install", "ringfence", CHART, "--namespace", NAMESPACE, "--values", values]
    done = subprocess.run([*command, "--dry-run=client"], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.partition("\nNOTES:\n")[2]


def nowhere(text: str) -> list[str]:
    """Returns StatefulSets, selectors and paths of the chart that a text names and that are not there."""
    rendered = objects(FULL)
    sets = {each["metadata"]["name"] for each in rendered if each["kind"] == "StatefulSet"}
    labels = {item for each in rendered for item in each["metadata"].get("labels", {}).items()}
    labels |= {item for pod in pods(rendered) for item in pod.labels.items()}
    selected = [tuple(each.split("=")) for each in re.findall(r"(?:-l|--selector) ([\w./-]+=[\w.-]+)", text)]
    linked = [target for target in re.findall(r"\]\(([^):]+)\)", text) if not (CHART / target).exists()]
    return [
        *(each for each in re.findall(r"statefulset/([a-z-]+)", text) if each not in sets),
        *("=".join(each) for each in selected if each not in labels),
        *linked,
    ]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_what_is_there(document: Path) -> None:
    """StatefulSets, labels and files of the chart are those that are rendered."""
    assert nowhere(document.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("values", VALUE_SETS, ids=lambda values: values.stem)
def test_notes_give_the_addresses_of_all_pods(values: Path) -> None:
    """Whoever has installed reads where to call, or that nothing runs; the commands name what is there."""
    text = notes(values)
    assert nowhere(text) == []
    given = {word.split(".")[0] for line in text.splitlines() for word in re.split(r"[ ,]", line)
             if HOST_AND_PORT.fullmatch(word)}  # fmt: skip
    replicas = {each["metadata"]["name"]: each["spec"]["replicas"] for each in objects(values)
                if each["kind"] == "StatefulSet"}  # fmt: skip
    assert given == {f"{name}-{number}" for name, count in replicas.items() for number in range(count)}
    assert ("stands by" in text) == (values.stem == "standing-by")
    assert ("kubectl label namespace custodian" in text) == (values.stem != "three-zones")


@pytest.mark.parametrize("values", VALUE_SETS, ids=lambda values: values.stem)
def test_notes_warn_while_nobody_is_known(values: Path) -> None:
    """An installation without first principals, or without the bank's, says so; one that stands by does not."""
    text, runs = notes(values), values.stem != "standing-by"
    given = yaml.safe_load(values.read_text(encoding="utf-8")).get("services", {})
    known = given.get("identity", {}).get("firstPrincipalsConfigMap")
    vouched = given.get("payment-instruction", {}).get("rail", {}).get("credentialsSecret")
    assert ("firstPrincipalsConfigMap is empty" in text) == (runs and not known)
    assert ("credentialsSecret is empty" in text) == (runs and not vouched)


def test_what_is_not_there_is_found() -> None:
    """What the check is for."""
    text = "kubectl rollout status statefulset/ledger -l app=custody; see [it](templates/other.yaml)"
    assert nowhere(text) == ["ledger", "app=custody", "templates/other.yaml"]
