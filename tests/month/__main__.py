"""A simulated month, and the same month with processes killed at random: `make month`.

python -m tests.month [--days 23] [--payments 100000] [--faults 200] [--seed 12] [--clients 1000]
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from contextlib import nullcontext
from difflib import unified_diff
from random import Random

from ringfence.transport import Patience
from ringfence_local_stack.scenario import Scenario

from .faults import drawn
from .judging import scores, shown
from .killing import killed
from .life import SHARE_PAID, Life, is_waiting, run
from .recomputing import differences, facts_of
from .town import build, days_from

PATIENCE = Patience(call_seconds=60, retry_seconds=120)
MIRRORS = 5
VERSION = re.compile(r" version \d+$", re.MULTILINE)


def lived(asked: argparse.Namespace, *, is_killed: bool) -> tuple[dict[str, str], list[str]]:
    """Lives the month once; returns the figures that were signed, and what is wrong, in words."""
    with Scenario.private(patience=PATIENCE) as scenario:
        town = build(scenario, asked.clients)
        days = days_from(town.first_day, asked.days)
        plan = drawn(town, Random(asked.seed), days, asked.faults)
        # Deposits are payments too; some accounts pay out a share of them.
        traffic = max(SHARE_PAID, asked.payments // (asked.days * MIRRORS))
        life = Life(town, Random(asked.seed), traffic, plan)
        started = time.monotonic()

        def tell(text: str) -> None:
            print(f"{time.monotonic() - started:8.1f} s  {text}", flush=True)

        with killed(scenario.processes, Random(asked.seed)) if is_killed else nullcontext() as kills:
            run(life, days, tell)
        print(shown(found := scores(life, plan)))
        wrong = [f"{kind.name}: {each}" for kind, each in found.items() if each.recall < 1 or each.precision < 1]
        wrong += [f"{each.name}: books and bank differ" for each in town.accounts if not life.is_even(each)]
        wrong += [f"open: {each}" for each in life.breaks() if is_waiting(each)]
        wrong += differences(facts_of(scenario, len(life.documents)))
        if kills is not None:
            print(f"{kills.count} kills")
        return life.documents, wrong


def compared(name: str, calm: str, struck: str) -> str:
    """What two documents of a day do not have in common, nothing where that is their version alone.

    How often a day was computed while its evidence came in is the machine's affair.
    """
    first, second = (VERSION.sub("", each).splitlines() for each in (calm, struck))
    lines = list(unified_diff(first, second, "calm", "with kills", n=0, lineterm=""))
    return "\n  ".join([f"{name}: other figures after kills", *lines]) if lines else ""


def main() -> int:
    """Lives the month twice and compares."""
    parser = argparse.ArgumentParser(prog="python -m tests.month")
    for name, default in (("days", 23), ("payments", 100_000), ("faults", 200), ("seed", 12), ("clients", 1_000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    calm, wrong = lived(asked, is_killed=False)
    struck, more = lived(asked, is_killed=True)
    wrong += more
    wrong += [compared(name, calm[name], struck.get(name, "")) for name in calm]
    wrong = list(filter(None, wrong))
    print("\n".join(wrong) or f"{len(calm)} days, the same with and without kills")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
