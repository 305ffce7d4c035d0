"""docs/sizing.md says what the benchmark's run found and what the charts ask for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.checks.chart.placement import amount
from deploy.checks.infra.hcl import TERRAFORM, read, read_folder
from deploy.checks.platform.files import ROOT, load

SIZING = (ROOT / "docs" / "sizing.md").read_text(encoding="utf-8")
SERVICES = ("identity", "custody", "payment-instruction", "audit")
CHART_VALUES = ROOT / "deploy" / "helm" / "ringfence" / "values.yaml"
NODES = {"m7i.4xlarge": (16, 64)}
"""Cores and GiB of the instances that are a default here."""


def table(heading: str, text: str = SIZING) -> list[list[str]]:
    """Returns the cells of the rows of the table with this first heading."""
    lines = text[text.index(f"| {heading} |") :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def rows() -> dict[tuple[str, int], Any]:
    """Returns the rows of the run that the document names, by name and size of a request."""
    [name] = re.findall(r"bench/history/(\S+\.json)", SIZING)
    run = json.loads((ROOT / "bench" / "history" / name).read_text(encoding="utf-8"))
    assert run["complete"]
    return {(row["name"], row["per_request"]): row for row in run["rows"]}


@pytest.mark.parametrize("cells", table("row, per request"), ids=lambda cells: str(cells[0]))
def test_cores_are_the_runs(cells: list[str]) -> None:
    """Each rate and each share of a core stands so in the run."""
    name, size = re.fullmatch(r"`(\w+)`, ([\d,]+)", cells[0]).groups()  # type: ignore[union-attr]
    row = rows()[name, int(size.replace(",", ""))]
    assert int(cells[1].replace(",", "")) == round(row["per_second"])
    for process, said in zip((*SERVICES, "postgres"), cells[2:], strict=True):
        found = row["cpu_cores"].get(process)
        assert said == ("–" if found is None else f"{found:.2f}"), process


@pytest.mark.parametrize(
    ("service", "row", "start", "million"),
    [
        ("custody", ("custody_rebuild", 8190), "warm_start_seconds", 10),
        ("identity", ("identity_parties", 1), "start_seconds", 1),
        ("payment-instruction", ("payments_closed", 1000), "start_seconds", 10),
    ],
)
def test_memory_is_the_runs(service: str, row: tuple[str, int], start: str, million: int) -> None:
    """Memory, snapshot and start stand so in the run, and growth is what is above rest, by millions."""
    [[_, _, *said]] = [cells for cells in table("service") if cells[0] == service]
    [rest] = [float(cells[1]) for cells in table("process") if cells[0] == service]
    figures = rows()[row]["figures"]
    expected = [figures["memory_mib"], figures["snapshot_mib"], round(figures[start], 1)]
    growth = (figures["memory_mib"] - rest) / million
    assert [float(each) for each in said] == [round(expected[0]), round(expected[1]), expected[2], round(growth)]


def _amounts(resources: Any) -> tuple[float, float]:
    cores, memory = str(resources["cpu"]), str(resources["memory"])
    gib = float(re.sub(r"[A-Za-z]+", "", memory)) / (1024 if memory.endswith("Mi") else 1)
    return float(cores.rstrip("m")) / (1000 if cores.endswith("m") else 1), gib


def test_requests_are_those_of_the_charts() -> None:
    """The table says what is asked for, its sum is right, and a node of the default holds it with room."""
    said = {cells[0]: (float(cells[1]), float(cells[2])) for cells in table("pod")}
    platform = load("three-zones")
    asked = {
        "PostgreSQL": _amounts(platform.one("Cluster", "ringfence-postgres")["spec"]["resources"]["requests"]),
        "OpenBao": _amounts(platform.values["openbao"]["server"]["resources"]["requests"]),
        "NATS": _amounts(platform.values["nats"]["container"]["merge"]["resources"]["requests"]),
        "collector": _amounts(platform.values["collector"]["resources"]["requests"]),
    }
    if CHART_VALUES.exists():
        services = yaml.safe_load(CHART_VALUES.read_text(encoding="utf-8"))["services"]
        asked |= {name: _amounts(services[name]["resources"]["requests"]) for name in SERVICES}
    total = said.pop("all")
    assert {name: said[name] for name in asked} == asked
    assert total == tuple(sum(each[part] for each in said.values()) for part in (0, 1))
    read(TERRAFORM)
    variables = read_folder(TERRAFORM / "modules" / "cluster")["variable"]
    [nodes] = [each["nodes"]["default"][0] for each in variables if "nodes" in each]
    cores, gib = NODES[nodes["instance_type"]]
    assert total[0] <= cores * nodes["each_zone"] * 0.75
    assert total[1] <= gib * nodes["each_zone"] * 0.75


def _gib(quantity: str) -> float:
    return float(amount(quantity)) / 1024**3


def test_room_for_snapshots_is_that_of_the_chart() -> None:
    """The table says what the chart gives, its sums are right, and the rest of a pod has room beside it."""
    services = yaml.safe_load(CHART_VALUES.read_text(encoding="utf-8"))["services"]
    said = {cells[0]: cells[3:] for cells in table("pod")}
    for name in SERVICES:
        limit = _gib(services[name]["resources"]["limits"]["ephemeral-storage"])
        assert [float(each) for each in said[name]] == [_gib(services[name]["snapshotsSize"]), limit], name
    sums = [sum(float(cells[part]) for name, cells in said.items() if name in SERVICES) for part in (0, 1)]
    assert [float(each) for each in said["all"]] == sums


def test_snapshots_fit_until_the_table_says_to_raise() -> None:
    """The last and the next together, at the measured size and at the size from which the table raises the room."""
    rooms = {cells[0]: float(cells[3]) * 1024 for cells in table("pod") if cells[0] in SERVICES}
    measured = {cells[0]: (float(re.findall(r"\d+", cells[1])[0]), float(cells[3])) for cells in table("service")}
    raised = {
        found["service"]: int(found["millions"])
        for cells in table("from")
        if (found := re.match(r"(?P<millions>\d+) million .*\| (?P<service>[a-z-]+)'s snapshots", " | ".join(cells)))
    }
    assert set(raised) == {"custody", "identity"}
    for name, (millions, mib) in measured.items():
        assert 2 * mib * raised.get(name, millions) / millions <= rooms[name], name


def test_measured_memory_fits_what_is_asked_for() -> None:
    """At rest and at the measured size a service stays below two thirds of its request."""
    said = {cells[0]: float(cells[2]) * 1024 for cells in table("pod")}
    grown = {cells[0]: float(cells[2]) for cells in table("service")}
    for name, mib, _ in table("process"):
        assert max(float(mib), grown.get(name, 0)) <= said[name] * 2 / 3, name


def test_a_figure_that_is_another_is_found() -> None:
    """What the checks are for: a table that is changed is read changed."""
    changed = SIZING.replace("| 66,336 |", "| 99,336 |")
    with pytest.raises(AssertionError):
        test_cores_are_the_runs(table("row, per request", changed)[0])


def test_the_document_is_found() -> None:
    """The README leads to it."""
    assert "docs/sizing.md" in Path(ROOT / "README.md").read_text(encoding="utf-8")
