"""Draws the dashboards as they look over a run: payments, a change of leaders, a held payment.

`python -m deploy.dashboards` starts a stack of its own, takes three minutes, and leaves `docs/dashboards/*.png`.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from ringfence.ledger import AccountClass
from ringfence.payments import InstructionStatus
from ringfence_local_stack.scenario import Scenario, messages
from ringfence_local_stack.scenario.ibans import new_iban

from deploy.checks.monitoring.prometheus import Prometheus, watching
from deploy.checks.monitoring.rules import FILES, ROOT
from tests.alerts.rail import closed_outbox
from tests.integration.traffic import PAYERS, Traffic, open_platform

FOLDER = ROOT / "docs" / "dashboards"
LOAD_SECONDS = 27.0
LARGE_MINOR = 1_100_000
"""More than one person may decide on."""
SUSPENDED_MINOR = 7_000
MESSAGES = 9
COLOURS = 128
LEGEND = 0.075
"""Share of a panel's height that a name takes, above all lines."""
NAMES_SHOWN = 6
COLUMNS, WIDTH, ROW, TITLE = 24, 13.0, 0.3, 0.5
"""Grafana's grid; inches of the whole, of one of its rows, and of the title."""
LEFT, RIGHT, ABOVE, BELOW = 0.55, 0.1, 0.3, 0.3
"""Inches around a panel's axes, for its title and what stands beside them."""
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
    """Has clients pay while custody's leader is killed, while the bank takes no message, and while money that came in
    has no account to lie on; then money comes in for nobody, and a large payment is held.
    """
    platform = open_platform(scenario.sandbox)
    payer, payee = platform.customers(*PAYERS)
    bare = scenario.platform(banked=False)
    with Traffic(platform) as traffic:
        time.sleep(LOAD_SECONDS)
        scenario.processes.service("custody").kill()
        time.sleep(LOAD_SECONDS / 3)
        scenario.processes.service("custody").start()
        time.sleep(LOAD_SECONDS / 3)
        with closed_outbox(scenario.stack):
            for _ in range(MESSAGES):
                platform.pay(payer, new_iban(), "Somebody Elsewhere", 1)
                time.sleep(LOAD_SECONDS / 3 / MESSAGES)
        bare.bank.tell(*(messages.entry(SUSPENDED_MINOR, new_iban(), reference=f"{each}") for each in range(MESSAGES)))
        time.sleep(LOAD_SECONDS / 6)
        bare.account(AccountClass.SUSPENSE)
        time.sleep(LOAD_SECONDS / 3)
    traffic.await_all_settled()
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
        figure = Figure(figsize=(WIDTH, rows * ROW + TITLE), dpi=110)
        figure.suptitle(dashboard["title"], fontweight="bold", y=1 - TITLE / 3 / figure.get_figheight())
        for panel in panels:
            axes = figure.add_axes(_place(panel["gridPos"], figure))
            axes.set_title(panel["title"], fontsize=8, loc="left")
            lines = [
                line
                for target in panel["targets"]
                for line in prometheus.lines(
                    target["expr"].replace("$__rate_interval", RATE), target.get("legendFormat", ""), start, end
                )
            ]
            (_stat if panel["type"] == "stat" else _lines)(axes, lines, panel, start, end)
        FOLDER.mkdir(exist_ok=True)
        figure.savefig(drawn := BytesIO())
    # Few colours make a file a third as long.
    Image.open(drawn).convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE).save(
        FOLDER / f"{name}.png", optimize=True
    )


def _place(at: Mapping[str, int], figure: Figure) -> tuple[float, float, float, float]:
    """Returns left, bottom, width and height of a panel's axes, as shares of the figure."""
    left, top = at["x"] / COLUMNS * WIDTH, TITLE + at["y"] * ROW
    width, height = at["w"] / COLUMNS * WIDTH - LEFT - RIGHT, at["h"] * ROW - ABOVE - BELOW
    whole = figure.get_figheight()
    return (left + LEFT) / WIDTH, (whole - top - ABOVE - height) / whole, width / WIDTH, height / whole


def _stat(
    axes: Axes, lines: Sequence[tuple[str, list[tuple[float, float]]]], panel: Panel, start: float, end: float
) -> None:
    axes.set_axis_off()
    unit = UNITS.get(panel["fieldConfig"]["defaults"]["unit"], "")
    shown = ", ".join(f"{values[-1][1]:,.0f} {unit}".strip() for _, values in lines if values) or "–"
    axes.text(0.02, 0.35, shown, fontsize=17, color="#0f7b6c", transform=axes.transAxes)


def _lines(
    axes: Axes, lines: Sequence[tuple[str, list[tuple[float, float]]]], panel: Panel, start: float, end: float
) -> None:
    for label, values in lines:
        axes.plot(
            [at - start for at, _ in values],
            [value for _, value in values],
            linewidth=1.3,
            label=label.rpartition("/")[2],
        )
    top = max((value for _, values in lines for _, value in values), default=0.0)
    axes.set_ylim(0, (top or 1) / (1 - LEGEND * (min(len(lines), NAMES_SHOWN) + 1)))
    axes.set_xlim(0, end - start)
    axes.tick_params(labelsize=6.5)
    axes.set_ylabel(UNITS.get(panel["fieldConfig"]["defaults"]["unit"], ""))
    if lines:
        axes.legend(*(each[:NAMES_SHOWN] for each in axes.get_legend_handles_labels()), loc="upper left")
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
