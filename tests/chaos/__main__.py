"""`python -m tests.chaos`: the long form of the drill, on a private stack."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from ringfence_bootstrap.description import SERVICES

from .bounds import felt_too_long, middle
from .drill import Report, run_drill, whole_stack
from .killer import VICTIMS


def show(report: Report, out: Console) -> None:
    """Prints what was done, how long it was felt, and every difference found."""
    out.print(f"seed {report.seed}: {report.kills} kills in {report.seconds:,.0f} s")
    out.print(
        f"acknowledged: {report.transfers:,} transfers ({report.answers:,} rows answered), {report.parties:,} parties, "
        f"{report.payments:,} payments, {report.checkpoints:,} checkpoints; {report.unanswered:,} retries"
    )
    table = Table("killed", "service", "times", "writes again after: p50", "worst")
    for parts in dict.fromkeys(VICTIMS):
        for service, seconds in report.recovery_seconds(parts).items():
            figures = (f"{middle(seconds):.2f} s", f"{seconds[-1]:.2f} s")
            table.add_row(" and ".join(parts), service, str(len(seconds)), *figures)
    out.print(table)
    for finding in report.findings[:50]:
        out.print(finding, style="red", markup=False)
    out.print(f"{len(report.findings)} findings", style="red" if report.findings else "green")


def main() -> int:
    """Runs the drill; the last line on standard output is the JSON of its report."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="how many processes are killed at least")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**31, help="repeats a run, as far as that goes")
    parser.add_argument("--processes", type=int, default=2, choices=(1, 2, 3), help="how many each service runs as")
    parser.add_argument(
        "--not-durable", action="store_true", help="acknowledge before the disk has it, to see losses found"
    )
    arguments = parser.parse_args()
    out = Console(stderr=True, width=None if sys.stderr.isatty() else 120)
    out.print(f"seed {arguments.seed}")
    standbys = SERVICES * (arguments.processes - 1)
    with whole_stack(out.print, durable=not arguments.not_durable, standbys=standbys) as stack:
        report = run_drill(stack, arguments.kills, arguments.seed, out.print)
    if standbys:
        report.findings += map(str, felt_too_long(report.strikes))
    show(report, out)
    print(json.dumps(asdict(report)))
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main())
