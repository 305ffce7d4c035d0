"""Draws the dashboards as they look over a run: payments, a change of leaders, a held payment.

`python -m deploy.dashboards` starts a stack of its own, takes three minutes, and leaves `docs/dashboards/*.png`.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from ringfence.payments import InstructionStatus
from ringfence_local_stack.scenario import Scenario, messages
from ringfence_local_stack.scenario.ibans import new_iban

from deploy.checks.monitoring.prometheus import Prometheus, watching
from deploy.checks.monitoring.rules import FILES, ROOT
from tests.integration.traffic import PAYERS, Traffic, open_platform

FOLDER = ROOT / "docs" / "dashboards"
LOAD_SECONDS = 27.0
LARGE_MINOR = 1_100_000
"""More than one person may decide on."""
SUSPENDED_MINOR = 7_000
NAMES_SHOWN = 6
RATE = "15s"
STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 8,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "legend.fontsize": 6.5,
    "axes.prop_cycle": cycler(color=["#0b6e99", "#d9730d", "#6940a5", "#0f7b6c", "#ad1a72", "#9b9a97"]),
}
UNITS = {"s": "s", "reqps": "per second", "percentunit": "share", "none": ""}

Panel = Mapping[str, Any]


def run(scenario: Scenario) -> None:
    """Has clients pay while custody's leader is killed; then money comes in for nobody, and a large payment is held."""
    platform = open_platform(scenario.sandbox)
    with Traffic(platform) as traffic:
        time.sleep(LOAD_SECONDS)
        scenario.processes.service("custody").kill()
        time.sleep(LOAD_SECONDS / 3)
        scenario.processes.service("custody").start()
        time.sleep(LOAD_SECONDS)
    traffic.await_all_settled()
    payer, payee = platform.customers(*PAYERS)
    platform.bank.deposit(payer, 2 * LARGE_MINOR)
    platform.bank.tell(messages.entry(SUSPENDED_MINOR, new_iban(), currency=platform.currency))
    platform.pay(payer, payee.iban, payee.name, LARGE_MINOR).wait_for(InstructionStatus.HELD)
    platform.pay(payer, new_iban(), "Somebody Elsewhere", 1).wait_for(InstructionStatus.SENT)
    time.sleep(LOAD_SECONDS / 3)


def draw(name: str, prometheus: Prometheus, start: float, end: float) -> None:
    """Draws a dashboard, panel by panel where Grafana puts it."""
    dashboard = json.loads((FILES / "dashboards" / f"{name}.json").read_text(encoding="utf-8"))
    panels = dashboard["panels"]
    rows = max(each["gridPos"]["y"] + each["gridPos"]["h"] for each in panels)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(13, rows * 0.36 + 0.5), layout="constrained", dpi=110)
        figure.suptitle(dashboard["title"], fontweight="bold")
        grid = figure.add_gridspec(rows, 24)
        for panel in panels:
            at = panel["gridPos"]
            axes = figure.add_subplot(grid[at["y"] : at["y"] + at["h"], at["x"] : at["x"] + at["w"]])
            axes.set_title(panel["title"], fontsize=8, loc="left")
            lines = [
                line
                for target in panel["targets"]
                for line in prometheus.lines(
                    target["expr"].replace("$__rate_interval", RATE), target.get("legendFormat", ""), start, end
                )
            ]
            (_stat if panel["type"] == "stat" else _lines)(axes, lines, panel, start)
        FOLDER.mkdir(exist_ok=True)
        figure.savefig(FOLDER / f"{name}.png")


def _stat(axes: Axes, lines: Sequence[tuple[str, list[tuple[float, float]]]], panel: Panel, start: float) -> None:
    axes.set_axis_off()
    unit = UNITS.get(panel["fieldConfig"]["defaults"]["unit"], "")
    shown = ", ".join(f"{values[-1][1]:,.0f} {unit}".strip() for _, values in lines if values) or "–"
    axes.text(0.02, 0.35, shown, fontsize=17, color="#0f7b6c", transform=axes.transAxes)


def _lines(axes: Axes, lines: Sequence[tuple[str, list[tuple[float, float]]]], panel: Panel, start: float) -> None:
    for label, values in lines:
        axes.plot(
            [at - start for at, _ in values],
            [value for _, value in values],
            linewidth=1.3,
            label=label.rpartition("/")[2],
        )
    top = max((value for _, values in lines for _, value in values), default=0.0)
    axes.set_ylim(0, 1.3 * top or 1)
    axes.margins(x=0)
    axes.tick_params(labelsize=6.5)
    axes.set_ylabel(UNITS.get(panel["fieldConfig"]["defaults"]["unit"], ""))
    if lines:
        axes.legend(*(each[:NAMES_SHOWN] for each in axes.get_legend_handles_labels()), loc="upper left").set_in_layout(
            False
        )
    else:
        axes.text(0.5, 0.5, "nothing to show", ha="center", color="#9b9a97", transform=axes.transAxes)


def main() -> None:
    """Runs, and draws all four."""
    services = ("identity", "custody", "payment-instruction", "audit")
    with (
        tempfile.TemporaryDirectory() as folder,
        Scenario.private(standbys=services) as scenario,
        watching(scenario.stack.metrics_listens, Path(folder)) as prometheus,
    ):
        start = time.time()
        run(scenario)
        for file in sorted((FILES / "dashboards").glob("*.json")):
            draw(file.stem, prometheus, start, time.time())


if __name__ == "__main__":
    main()
