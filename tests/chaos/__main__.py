"""`python -m tests.chaos`: the long form of the drill, on a private stack."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict

from rich.console import Console

from .drill import Report, run_drill, small_stack

VICTIMS = ((), ("custody",), ("postgres",), ("postgres", "custody"))


def show(report: Report, out: Console) -> None:
    """Prints what was done, how long it was felt, and every difference found."""
    out.print(f"seed {report.seed}: {report.kills} kills in {report.seconds:,.0f} s")
    out.print(
        f"{report.transfers:,} transfers acknowledged, {report.answers:,} rows answered, {report.unanswered:,} retries"
    )
    for parts in VICTIMS:
        if seconds := report.recovery_seconds(*parts):
            p50, p99 = seconds[len(seconds) // 2], seconds[int(len(seconds) * 0.99)]
            name = " and ".join(parts) or "any part"
            out.print(f"killed {name}: writes again after {p50:.2f} s (p50), {p99:.2f} (p99), {seconds[-1]:.2f} (max)")
    for finding in report.findings[:50]:
        out.print(finding, style="red", markup=False)
    out.print(f"{len(report.findings)} findings", style="red" if report.findings else "green")


def main() -> int:
    """Runs the drill; the last line on standard output is the JSON of its report."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="how many processes are killed at least")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**31, help="repeats a run, as far as that goes")
    parser.add_argument("--standby", action="store_true", help="run a second process of custody, and kill who leads")
    parser.add_argument(
        "--not-durable", action="store_true", help="acknowledge before the disk has it, to see losses found"
    )
    arguments = parser.parse_args()
    out = Console(stderr=True, width=None if sys.stderr.isatty() else 120)
    out.print(f"seed {arguments.seed}")
    durable, standby = not arguments.not_durable, arguments.standby
    with small_stack(out.print, durable=durable, standby=standby) as stack:
        report = run_drill(stack, arguments.kills, arguments.seed, out.print)
    show(report, out)
    print(json.dumps(asdict(report)))
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main())
