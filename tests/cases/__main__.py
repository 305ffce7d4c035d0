"""`make cases`: plays every case on a stack of its own and compares what fails with what is expected to fail.

Names of cases as arguments play those alone. Exit code 0: exactly the marked ones fail. 1: a mark is wrong, or a case
could not be tried; the lines below the table say which.
"""

from __future__ import annotations

import sys
import time

from ringfence.commands.terminal import note, show
from ringfence_local_stack.scenario import Scenario

from .collection import CASES
from .registry import PATIENCE, Case, Outcome, Verdict

RUN_SECONDS = 120.0


def main(names: list[str]) -> int:
    """Plays, prints the table, and returns the exit code."""
    if unknown := set(names) - set(CASES):
        print(f"no such case: {', '.join(sorted(unknown))}; there are {', '.join(CASES)}", file=sys.stderr)
        return 2
    chosen = [CASES[name] for name in names or CASES]
    began = time.monotonic()
    with Scenario.private(patience=PATIENCE, progress=note) as scenario:
        outcomes = [(each, _played(scenario, each, began)) for each in chosen]
    rows = [[each.name, found.verdict.value, found.seen, each.waits_for or "mended"] for each, found in outcomes]
    show(f"Cases, {time.monotonic() - began:.0f} s", ["case", "is", "seen", "waits for"], rows)
    complaints = [text for each, found in outcomes if (text := each.complaint(found))]
    for text in complaints:
        print(text, file=sys.stderr)
    return 1 if complaints else 0


def _played(scenario: Scenario, case: Case, began: float) -> Outcome:
    """Plays one, unless the time of the run is over."""
    if time.monotonic() - began > RUN_SECONDS:
        return Outcome(Verdict.BROKEN, f"the run took more than {RUN_SECONDS:g} s before it")
    outcome = case.try_on(scenario)
    note(f"{case.name}: {outcome.verdict.value}")
    return outcome


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
