"""`make mutations`: a million cases on every core, judged by the verifier and by all oracles, and a table of verdicts.

`--record` also writes what the oracles say of the first cases. Exit code 1: something was accepted that an oracle
refuses, crashed the verifier or took it long; the last lines say what.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from .judging import DIFFERENCES, Oracle, Tally, tally
from .making import case
from .oracles import Go, pymerkle, reader
from .recorded import record

ROOT = Path(__file__).resolve().parents[4]
ORACLES: dict[str, Oracle] = {"Go": Go(ROOT / ".mutations" / "oracle"), "pymerkle": pymerkle, "log": reader}
CHUNK = 5_000
SHOWN_FAULTS = 20


def main(arguments: Sequence[str]) -> int:
    """Judges, prints, and returns the exit code."""
    parser = argparse.ArgumentParser(prog="make mutations", description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args(arguments)
    if options.record:
        record(ORACLES)
    began, found = time.monotonic(), Tally()
    end = options.first + options.cases
    chunks = [range(at, min(at + CHUNK, end)) for at in range(options.first, end, CHUNK)]
    cores, forked = len(os.sched_getaffinity(0)), multiprocessing.get_context("fork")
    with ProcessPoolExecutor(cores, forked) as pool:
        for each in pool.map(_judged, chunks):
            found.add(each)
    print("\n".join(_report(found)))
    print(f"{sum(found.cases.values()):,} cases in {time.monotonic() - began:.0f} s, {len(found.faults)} faults")
    print("\n".join(found.faults[:SHOWN_FAULTS]), file=sys.stderr)
    return 1 if found.faults else 0


def _judged(numbers: Sequence[int]) -> Tally:
    return tally([case(number) for number in numbers], ORACLES)


def _report(found: Tally) -> list[str]:
    """Cases and acceptances by kind and change; what only the verifier refuses, and what only it accepts."""
    rows: Counter[tuple[str, str, str]] = Counter()
    for (kind, mutation), cases in found.cases.items():
        shown = "two changes" if " + " in mutation else mutation
        rows[kind, shown, "cases"] += cases
        rows[kind, shown, "verifier"] += found.accepted[kind, mutation]
        for name in ORACLES:
            rows[kind, shown, name] += found.accepted_by[kind, mutation, name]
    columns = ("cases", "verifier", *ORACLES)
    lines = [
        f"{'':44}{'accepted by':>22}",
        f"{'evidence':13}{'changed':24}" + "".join(f"{each:>10}" for each in columns),
    ]
    for kind, shown in sorted({row[:2] for row in rows}):
        lines.append(f"{kind:13}{shown:24}" + "".join(f"{rows[kind, shown, each]:10,}" for each in columns))
    for name in ORACLES:
        judged = sum(count for (_, _, by), count in found.judged_by.items() if by == name)
        lines.append(f"{name} had a verdict on {judged:,} cases")
    lines.append("refused by the verifier alone, and why:")
    reasons: Counter[tuple[str, str]] = Counter()
    for (kind, said), count in found.stricter.items():
        reasons[kind, re.sub("[0-9]+", "N", said.partition(" by ")[0])] += count
    lines += [f"  {kind:13}{said:50}{count:10,}" for (kind, said), count in sorted(reasons.items())]
    lines.append("accepted by the verifier alone, as a document says:")
    lines += [f"  {name:63}{found.differences[name]:10,}" for name in DIFFERENCES]
    lines.append(f"slowest case: {found.slowest_seconds * 1000:.0f} ms")
    return lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
