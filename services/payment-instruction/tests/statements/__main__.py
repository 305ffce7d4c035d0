"""Simulates banks that tell of their days in many ways, and says what is held, in suspense, early, or wrong."""

from __future__ import annotations

import sys

from .bank import Habits, simulate, with_habits

RUNS = 3_000
WORLDS: dict[str, Habits] = {
    "all references": with_habits(),
    "40 % missing": with_habits(nameless=0.4),
    "40 % missing, no clients told": with_habits(nameless=0.4, clients_told=0.0),
    "parts told as own entries": with_habits(in_parts=0.5),
    "parts, 40 % missing": with_habits(in_parts=0.5, nameless=0.4),
    "5 % dated up to 2 days off": with_habits(shifted=0.05),
    "5 % dated off, 40 % missing": with_habits(shifted=0.05, nameless=0.4),
    "all of it": with_habits(shifted=0.05, nameless=0.4, in_parts=0.5, clients_told=0.5),
}


def main(runs: int) -> None:
    """Prints a line for each world."""
    print(f"{'':36}{'held':>7}{'late':>7}{'suspense':>12}{'not booked':>14}{'early':>7}{'wrong':>7}{'off':>5}")
    for name, habits in WORLDS.items():
        counts = simulate(habits, runs)
        held, late = (f"{100 * each / counts.told:.1f} %" for each in (counts.held, counts.late))
        suspense = f"{counts.suspense_days}/{counts.days}"
        missing = f"{counts.never_booked}/{counts.movements}"
        tail = f"{counts.early:>7}{counts.wrong_client:>7}{counts.off:>5}"
        print(f"{name:36}{held:>7}{late:>7}{suspense:>12}{missing:>14}{tail}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS)
