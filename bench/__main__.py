"""`python -m bench`: measures a private platform beside its controls, prints a table and one JSON line, keeps both."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime

from rich.console import Console

from bench import history, plot
from bench.machine import use_cores
from bench.rows import Results, tables
from bench.run import NAMES, TOGETHER, Plan, Run


def main() -> None:
    """Runs the benchmark; the last line on standard output is the JSON."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", help=f"names of rows, with commas: {', '.join((*NAMES, *TOGETHER))}")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each measurement")
    parser.add_argument("--sustained-seconds", type=float, default=60.0, help="length of custody_sustained")
    parser.add_argument("--transfers", type=int, default=10_000_000, help="transfers of custody_rebuild")
    parser.add_argument("--instructions", type=int, default=10_000_000, help="instructions of payments_closed")
    parser.add_argument("--parties", type=int, default=1_000_000, help="parties of identity_parties")
    parser.add_argument("--clients", type=int, default=100_000, help="clients of screening_delta")
    parser.add_argument("--leaves", type=int, default=10_000_000, help="leaves of the rows of audit")
    parser.add_argument("--cores", type=int, default=2, help="cores for everything together")
    parser.add_argument("--plot", action="store_true", help="only draws the picture again")
    arguments = parser.parse_args()
    if not arguments.plot:
        only = arguments.only.split(",") if arguments.only else list(NAMES)
        only = [row for name in only for row in TOGETHER.get(name, (name,))]
        if unknown := set(only) - set(NAMES):
            parser.error(f"no such rows: {', '.join(sorted(unknown))}")
        use_cores(arguments.cores)
        _measure(
            Plan(
                rows=tuple(only),
                seconds=arguments.seconds,
                sustained_seconds=arguments.sustained_seconds,
                transfers=arguments.transfers,
                instructions=arguments.instructions,
                parties=arguments.parties,
                clients=arguments.clients,
                leaves=arguments.leaves,
            )
        )
    plot.draw(history.complete_runs(), history.audited_runs(10_000_000))


def _measure(plan: Plan) -> None:
    started = datetime.now(UTC)
    out = Console(stderr=True, width=None if sys.stderr.isatty() else 200)
    results = Results(lambda what: out.print(what, highlight=False), earlier=history.newest_ratios())
    done = Run(plan, results)
    result = done.measure()
    history.keep(result, started)
    out.print(*tables(results), sep="\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
