"""What the chart tells whoever runs it: notes, README and UPGRADING speak of what is there."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from ringfence_kernel.store.lease import LEASE_SECONDS

from deploy.checks.chart.edges import HOST_AND_PORT
from deploy.checks.chart.rendering import CHART, HELM, NAMESPACE, ROOT, VALUE_SETS, Object, objects, parse, pods, render
from tests.stores.releases import ORDER, ORDER_FROM_RELEASE, RELEASE

DOCUMENTS = [CHART / name for name in ("README.md", "UPGRADING.md")]
STANDBY = ROOT / "docs" / "runbooks" / "standby.md"
PAGES = sorted(
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
)
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


def test_the_runbook_of_standbys_says_what_the_probes_ask_for() -> None:
    """Its table is the chart's."""
    rows = re.findall(r"^\| (`[^|]+) \| `([a-z]+)` \|", STANDBY.read_text(encoding="utf-8"), re.MULTILINE)
    said = {probe: name for probes, name in rows for probe in re.findall(r"`(\w+)`", probes)}
    [container] = next(pod for pod in pods(objects(FULL)) if pod.component == "service").spec["containers"]
    assert said == {key: each["grpc"]["service"] for key, each in container.items() if key.endswith("Probe")}


def test_the_runbook_of_standbys_knows_how_long_a_lease_is_held() -> None:
    """Whoever is silent for less may be alive."""
    [seconds] = re.findall(r"`state_change` within the last (\w+)", STANDBY.read_text(encoding="utf-8"))
    assert seconds == f"{LEASE_SECONDS:g}"


def of_others(rendered: list[Object]) -> set[str]:
    """Returns the kinds among objects that are no part of Kubernetes, as their definitions are called."""
    found = set()
    for each in rendered:
        group = each["apiVersion"].rpartition("/")[0]
        if "." in group and not group.endswith(".k8s.io"):
            found.add(f"{each['kind'].lower()}s.{group}")
    return found


def test_kinds_of_others_are_said_to_be_needed_first() -> None:
    """A cluster that does not know a rendered kind refuses the whole install: README, values and notes say which."""
    needed = of_others(objects(CHART / "ci" / "minimal.yaml"))
    assert needed == {"podmonitors.monitoring.coreos.com", "prometheusrules.monitoring.coreos.com"}
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "README.md", CHART / "values.yaml")]
    introduction = (CHART / "README.md").read_text(encoding="utf-8").partition("## Values")[0]
    for text in (*texts, introduction, notes(CHART / "ci" / "minimal.yaml")):
        assert {kind for kind in needed if kind not in text} == set()


def test_without_monitoring_no_kind_of_others_is_asked_for() -> None:
    """A cluster without that operator takes the chart with both switched off."""
    off = {"monitoring.podMonitor": False, "monitoring.rules": False}
    assert of_others(parse(render(CHART / "ci" / "minimal.yaml", off))) == set()


def ways(text: str) -> list[list[tuple[str, set[str]]]]:
    """Returns each loop of a document as its steps: who is rolled, and who is held meanwhile."""
    loops = re.findall(r"for held in ([^;]+); do", text)
    found = []
    for loop in loops:
        held = [set(json.loads(each)) for each in re.findall(r"'([^']*)'", loop)]
        before = [set(ORDER), *held[:-1]]
        found.append([("".join(sorted(was - now)), now) for was, now in zip(before, held, strict=True)])
    return found


def test_the_chart_upgrades_in_order() -> None:
    """UPGRADING.md rolls services one by one, forth and back; from the first release as the test of upgrades does."""
    text = (CHART / "UPGRADING.md").read_text(encoding="utf-8")
    before, _, after = text.partition(f"### After {RELEASE}")
    for part, order in ((before, ORDER), (after, ORDER_FROM_RELEASE)):
        forth, back = ways(part)
        assert tuple(service for service, _ in forth) == order
        assert tuple(service for service, _ in back) == order[::-1]
        assert re.findall(r"for service in ([^;]+); do", part) == [" ".join(order), " ".join(order[::-1])]
    assert "UPGRADING.md" in (ROOT / "docs" / "runbooks" / "upgrade.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("way", range(4), ids=["forth", "back", "from v0.1.0", "back to v0.1.0"])
def test_a_held_service_keeps_its_pods(way: int) -> None:
    """At each step the pods of those that are held are below no partition, and all others are replaced."""
    for service, held in ways((CHART / "UPGRADING.md").read_text(encoding="utf-8"))[way]:
        made = parse(render(CHART / "ci" / "minimal.yaml", {"upgrade.held": sorted(held)}))
        partitions = {
            each["metadata"]["name"]: (each["spec"]["updateStrategy"]["rollingUpdate"]["partition"], each["spec"])
            for each in made
            if each["kind"] == "StatefulSet"
        }
        assert partitions[service][0] == 0
        for name, (partition, spec) in partitions.items():
            assert partition == (spec["replicas"] if name in held else 0)


VERB = re.compile(r"`make ([a-z-]+)|^make ([a-z-]+)", re.MULTILINE)


def missing_verbs(text: str, makefile: str) -> set[str]:
    """Returns the verbs of `make` that a text tells to use and the Makefile has not."""
    there = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    return {one or other for one, other in VERB.findall(text)} - there


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_verbs_of_make_are_in_the_makefile(path: Path) -> None:
    """Whoever does what a page says finds the verb."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert missing_verbs(path.read_text(encoding="utf-8"), makefile) == set()


def test_a_verb_that_is_missing_is_found() -> None:
    """What the check is for, in a sentence, a table and a block."""
    text = "run `make upgrade` or `make test X=1`\n\n| `make lint` |\nmake tests   # all\n"
    assert missing_verbs(text, "test: setup\nlint:\n") == {"upgrade", "tests"}


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
