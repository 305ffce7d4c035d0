"""The row of matching: a million lines of a bank against as many of the books, in a process of its own."""

from __future__ import annotations

import multiprocessing
import time
import tracemalloc
from typing import Any

import numpy as np
from ringfence_custody.reconciliation.domain.lines import LINE, Records
from ringfence_custody.reconciliation.domain.matching import Side, Task, match

from bench.load import Seen
from bench.rows import Results, row

NAME = "matching"
CONTROL = "copy of all lines"
WITHOUT_REFERENCE, FAULTS = 0.05, 0.001
DAY, LARGEST_MINOR = 20_000, 10_000_000


def matching(results: Results, lines: int) -> None:
    """Matches as many lines on either side: by reference, by amount and day, and what is left over."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.apply(measured, (lines,))
    seen = Seen(lines, found["seconds"], [found["seconds"] * 1000])
    control = CONTROL, lines / found["copy_seconds"]
    results.add(row(NAME, lines, 1, seen, control, **{each: found[each] for each in ("seconds", "extra_mb", "left")}))


def measured(lines: int) -> dict[str, Any]:
    """Returns seconds, megabytes beside the lines themselves, and the share of lines that stay open."""
    bank, books = both_sides(lines)
    started = time.perf_counter()
    copies = bank.copy(), books.copy()
    copied = time.perf_counter() - started
    del copies
    started = time.perf_counter()
    found = match(Task(Side.of(bank), Side.of(books)))
    seconds = time.perf_counter() - started
    # Once more, counted: counting would cost the first one time.
    tracemalloc.start()
    match(Task(Side.of(bank), Side.of(books)))
    _, peak = tracemalloc.get_traced_memory()
    left = 1 - sum(map(len, found.bank)) / lines
    return {"seconds": seconds, "copy_seconds": copied, "extra_mb": peak / 1e6, "left": left}


def both_sides(lines: int) -> tuple[Records, Records]:
    """Returns lines of the bank, and the same in another order as the books have them, but for faults."""
    chance = np.random.default_rng(1)
    bank = np.zeros(lines, LINE)
    for name in ("id", "reference"):
        bank[name] = chance.integers(1, 2**63, (lines, 2)).astype(np.uint64)
    bank["amount_minor"] = chance.integers(1, LARGEST_MINOR, lines) * chance.choice([-1, 1], lines)
    bank["day"], bank["state"], bank["open"] = DAY, 2, 1
    books = bank[chance.permutation(lines)]
    books["id"] = chance.integers(1, 2**63, (lines, 2)).astype(np.uint64)
    bank["reference"][chance.random(lines) < WITHOUT_REFERENCE] = 0
    books["amount_minor"][chance.random(lines) < FAULTS] += 1
    return bank, books
